//! Calls that get no outcome are told so, once, in time; a replica that must not start says why.

use crate::world::{MEMBER, PATIENCE, Stillborn, World, engine, put};
use quorate_raft::{Error, Node};
use quorate_state_machine::{Answer, Unavailable};
use quorate_wal::Mark;
use quorate_wal::testing::Powered;
use std::sync::Arc;
use std::time::Duration;

/// A cluster of two of which the other never runs: there is no leader.
fn leaderless() -> World {
    let mut world = World::new(1);
    world.options.founders.insert(MEMBER.0 + 1, Node::default());
    world
}

fn applied(answer: &Answer) -> bool {
    matches!(answer, Answer::Applied(_))
}

#[test]
fn without_a_leader_a_command_is_tried_until_its_deadline() {
    leaderless().run(1, |life| async move {
        let asked = life.clock.now();
        assert_eq!(life.carry(put("a", "1")).await, Answer::Failed(Unavailable::TimedOut));
        let waited = life.clock.now().since(asked);
        assert!(waited >= PATIENCE && waited < PATIENCE + Duration::from_secs(1), "{waited:?}");
        assert_eq!(life.replica.standing().leader, None);
        assert_eq!(life.replica.reader().applied_index(), None);
    });
}

#[test]
fn without_a_leader_a_read_is_tried_until_its_deadline() {
    leaderless().run(1, |life| async move {
        let asked = life.clock.now();
        assert_eq!(life.confirm().await, Answer::Failed(Unavailable::TimedOut));
        let waited = life.clock.now().since(asked);
        assert!(waited >= PATIENCE && waited < PATIENCE + Duration::from_secs(1), "{waited:?}");
    });
}

#[test]
fn a_command_that_came_before_the_leader_is_carried_once_there_is_one() {
    let mut world = World::new(2);
    for seed in 0..20 {
        // Nothing waits for the election of this life.
        world.run(seed, |life| async move { assert!(applied(&life.carry(put("a", "1")).await)) });
    }
}

#[test]
fn at_a_stop_everyone_who_waits_is_told() {
    for seed in 0..20 {
        leaderless().run(seed, |life| async move {
            let write = life.propose(life.replica.next_id(), put("a", "1")).unwrap();
            let again = life.clone();
            let reads = async { again.confirm().await };
            let stop = async {
                life.pause(Duration::from_millis(seed)).await;
                life.replica.stop().await;
            };
            let (write, read, ()) = futures::join!(write, reads, stop);
            assert_eq!(write, Answer::Failed(Unavailable::Stopped));
            assert_eq!(read, Answer::Failed(Unavailable::Stopped));
            assert!(life.group.failure().is_none(), "{:?}", life.group.failure());
        });
    }
}

#[test]
fn after_a_stop_whoever_comes_is_told() {
    World::new(3).run(3, |life| async move {
        assert!(applied(&life.carry(put("a", "1")).await));
        life.replica.stop().await;
        for _ in 0..2 {
            assert_eq!(life.carry(put("a", "2")).await, Answer::Failed(Unavailable::Stopped));
            assert_eq!(life.confirm().await, Answer::Failed(Unavailable::Stopped));
        }
        life.replica.stop().await;
        life.pause(Duration::from_secs(60)).await;
        assert!(life.group.failure().is_none(), "a stop is no failure: {:?}", life.group.failure());
    });
}

#[test]
fn a_call_that_gives_up_is_carried_all_the_same() {
    World::new(4).run(4, |life| async move {
        for _ in 0..100 {
            drop(life.propose(life.replica.next_id(), put("a", "1")).unwrap());
        }
        assert!(applied(&life.carry(put("b", "2")).await), "the calls after them find their answers");
        // Those that met no leader at first are proposed again, perhaps behind it.
        life.pause(Duration::from_secs(1)).await;
        assert_eq!(life.replica.reader().newest().revision().0, 102);
    });
}

/// A world whose replica has run and stopped, its state durable and its log cut.
fn lived() -> World {
    let mut world = World::new(5);
    world.options.snapshot_entries = 5;
    world.options.catchup_entries = 2;
    world.run(5, |life| async move {
        for _ in 0..20 {
            assert!(applied(&life.carry(put("a", "1")).await));
        }
        life.pause(Duration::from_secs(3)).await;
        life.replica.stop().await;
    });
    world
}

/// What the log on `disk` says when nobody else has it open: the first entry and the last purge.
fn log_ends(world: &World) -> (Option<u64>, Option<Mark>) {
    let opened = quorate_wal::open(Arc::new(world.disk.clone()), &world.wal).unwrap();
    (opened.log.first(), opened.log.purged())
}

#[test]
fn housekeeping_leaves_the_catch_up_entries() {
    let (first, purged) = log_ends(&lived());
    let purged = purged.unwrap().index;
    assert!(purged > 10, "{purged}");
    assert_eq!(first, Some(purged + 1), "entries stay behind the durable one");
}

#[test]
fn a_state_without_its_log_does_not_start() {
    let mut world = lived();
    world.disk = Powered::new(6);
    world.live(6, |life| async move {
        assert!(matches!(life.err(), Some(Stillborn::Refused(Error::LogMissing { applied: 21.. }))));
    });
}

#[test]
fn a_log_without_its_state_does_not_start() {
    let mut world = lived();
    world.engine = engine();
    world.live(7, |life| async move {
        let Some(Stillborn::Refused(Error::StateMissing { purged, applied: None })) = life.err() else {
            panic!("an empty state under a log that was cut");
        };
        assert!(purged > 10, "{purged}");
    });
}

#[test]
fn a_log_that_was_never_cut_makes_the_state_again() {
    let mut world = World::new(8);
    world.run(8, |life| async move {
        for _ in 0..200 {
            assert!(applied(&life.carry(put("a", "1")).await));
        }
    });
    world.engine = engine();
    world.run(9, |life| async move {
        assert_eq!(life.confirm().await, Answer::Current);
        assert_eq!(life.replica.reader().newest().revision().0, 201);
    });
}
