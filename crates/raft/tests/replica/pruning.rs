//! What happens beside the answers: changes are told, and what compactions free goes a little at a time,
//! also after a restart.

use crate::world::{Life, World, delete, put};
use quorate_state_machine::{Answer, Kind, Outcome, Reply};
use quorate_types::Revision;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// More than one step removes.
const PUTS: i64 = 1200;

async fn fill(life: &Life) {
    for number in 0..PUTS {
        let answer = life.carry(put(&format!("k{}", number % 600), "v")).await;
        assert!(matches!(answer, Answer::Applied(Outcome { result: Ok(_), .. })), "{answer:?}");
    }
}

async fn compact(life: &Life, revision: i64) {
    let answer = life.carry(Kind::Compact { revision: Revision(revision) }).await;
    assert!(matches!(answer, Answer::Applied(Outcome { result: Ok(Reply::Done), .. })), "{answer:?}");
}

async fn pruned(life: &Life) {
    while life.replica.reader().newest().is_pruning() {
        life.pause(Duration::from_millis(1)).await;
    }
}

#[test]
fn what_a_compaction_frees_goes_in_steps_while_commands_go_on() {
    for seed in 0..4 {
        World::new(seed).run(seed, |life| async move {
            fill(&life).await;
            let before = life.replica.reader().newest().size();
            compact(&life, PUTS).await;
            assert!(life.replica.reader().newest().is_pruning(), "seed {seed}: not at once");
            life.carry(put("meanwhile", "v")).await;
            pruned(&life).await;
            assert!(life.replica.reader().newest().size() < before * 2 / 3, "seed {seed}");
            life.replica.stop().await;
        });
    }
}

#[test]
fn a_restart_goes_on_with_what_was_not_removed() {
    for seed in 0..4 {
        let mut world = World::new(seed);
        world.run(seed, |life| async move {
            fill(&life).await;
            compact(&life, PUTS).await;
        });
        world.run(seed, |life| async move {
            let Answer::Current = life.confirm().await else { panic!("seed {seed}: it reads") };
            pruned(&life).await;
            let newest = life.replica.reader().newest();
            assert_eq!(newest.keys().compacted(), Some(Revision(PUTS)), "seed {seed}");
            life.replica.stop().await;
        });
    }
}

#[test]
fn who_listens_is_told_of_every_revision_once_and_in_order() {
    for seed in 0..4 {
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut world = World::new(seed);
        world.told = Some(told.clone());
        world.run(seed, |life| async move {
            fill(&life).await;
            compact(&life, 5).await;
            life.carry(delete("nothing")).await;
            life.replica.stop().await;
        });
        let expected: Vec<i64> = (2..=PUTS + 1).collect();
        assert_eq!(*told.lock().unwrap(), expected, "seed {seed}");
    }
}
