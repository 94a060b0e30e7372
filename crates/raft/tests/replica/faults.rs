//! A disk or an engine that fails ends the group, under the name of what failed; nothing is acknowledged then.

use crate::world::{Life, World, put};
use futures::FutureExt;
use futures::future::{Either, select};
use quorate_state_machine::{Answer, Unavailable};
use quorate_storage::testing::{Call, Effect, FaultyEngine};
use quorate_wal::testing::{Fault, Operation, SimDisk};
use std::error::Error;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

const SEEDS: u64 = 10;

/// What fails lies under a running replica.
struct Ground {
    disk: SimDisk,
    engine: Arc<FaultyEngine>,
}

/// Once `break_it` was called a put is not acknowledged, and the group fails under `name`, with `cause`.
fn check(break_it: impl Fn(&Ground), name: &str, cause: &str) {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        let ground = Ground { disk: world.disk.disk().clone(), engine: world.engine.clone() };
        world.run(seed, |life| failing(life, || break_it(&ground), name, cause));
    }
}

async fn failing(life: Life, break_it: impl FnOnce(), name: &str, cause: &str) {
    assert!(matches!(life.carry(put("a", "1")).await, Answer::Applied(_)));
    break_it();
    let mut reply = life.propose(life.replica.next_id(), put("a", "2")).unwrap();
    let failure = life.group.failed().await;
    assert_eq!(failure.to_string(), format!("{name} failed"));
    let causes: Vec<String> = causes(&*failure).map(ToString::to_string).collect();
    assert!(causes.iter().any(|text| text.contains(cause)), "{causes:?}");
    // Nobody was told that it worked, and nobody waits for ever.
    assert!(!matches!((&mut reply).now_or_never(), Some(Answer::Applied(_))));
    life.replica.stop().await;
    assert_eq!(life.carry(put("a", "3")).await, Answer::Failed(Unavailable::Stopped));
}

fn causes(error: &dyn Error) -> impl Iterator<Item = &dyn Error> {
    std::iter::successors(error.source(), |error: &&dyn Error| (*error).source())
}

fn log_fault(operation: Operation, kind: ErrorKind) -> impl Fn(&Ground) {
    move |ground| ground.disk.inject(Fault { operation, after: 0, kind })
}

#[test]
fn a_full_disk_under_the_log_ends_the_node() {
    check(log_fault(Operation::Write, ErrorKind::StorageFull), "wal", "write segment");
}

#[test]
fn a_failed_sync_of_the_log_ends_the_node() {
    check(log_fault(Operation::Sync, ErrorKind::Other), "wal", "sync segment");
}

#[test]
fn a_failed_write_to_the_engine_ends_the_node() {
    check(|ground| ground.engine.fail_after(0, Call::Write, Effect::None), "apply", "write a batch");
}

#[test]
fn a_failed_checkpoint_ends_the_node() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.options.snapshot_entries = 4;
        world.engine.fail_after(0, Call::Persist, Effect::None);
        world.run(seed, |life| async move {
            for _ in 0..8 {
                assert!(matches!(life.carry(put("a", "1")).await, Answer::Applied(_)));
            }
            let patience = life.pause(Duration::from_secs(30));
            match select(pin!(life.group.failed()), pin!(patience)).await {
                Either::Left((failure, _)) => assert_eq!(failure.to_string(), "persist failed"),
                Either::Right(_) => panic!("it goes on as if nothing had happened"),
            }
        });
    }
}
