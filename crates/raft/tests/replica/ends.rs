//! With real threads and files: after a stop everything ends.

use crate::world::{options, put};
use quorate_raft::{Parts, Proposal, Replica};
use quorate_state_machine::{Answer, Command, spaces};
use quorate_storage_memory::{MemoryEngine, Options};
use quorate_tasks::reply::Desk;
use quorate_tasks::{Clock, Group, SystemClock};
use quorate_wal::FileDisk;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A life on real threads: one put, then a stop.
async fn live(dir: &Path, group: &Group) -> Answer {
    let engine = Arc::new(MemoryEngine::open(dir.join("data"), spaces::ALL, Options::default()).unwrap());
    let disk = Arc::new(FileDisk::open(dir.join("wal")).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let wal = quorate_wal::Options { nonce: 1, ..quorate_wal::Options::default() };
    let parts = Parts::alone(engine, disk, wal, clock.clone());
    let replica = Replica::start(options(), parts, group).await.unwrap();
    let desk: Desk<Answer> = Desk::default();
    let (ticket, reply) = desk.ticket();
    let id = replica.next_id();
    let envelope = Command { id, user: String::new(), auth_revision: 0, kind: put("a", "1") }.encode();
    let deadline = clock.now() + Duration::from_secs(60);
    replica
        .propose(Proposal { id, envelope, deadline, ticket: Some(ticket), alone: false, share: None })
        .unwrap();
    let answer = tokio::select! {
        () = desk.attend() => unreachable!("for ever"),
        answer = reply => answer,
    };
    replica.stop().await;
    answer
}

#[test]
fn after_a_stop_all_threads_and_tasks_end() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let group = Group::threads();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            assert!(matches!(live(dir.path(), &group).await, Answer::Applied(_)));
            // Each task that is left ends by itself within its next few turns.
            while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        });
        group.join();
        assert!(group.failure().is_none(), "{:?}", group.failure());
    }
}
