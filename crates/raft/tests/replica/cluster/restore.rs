//! A leader that restarts stands for election again (law R6).
//!
//! The leader and one follower lose an entry that only the other follower has on disk. A leader that resumed its old term would use
//! the entry's log id for another one, and the two would both be applied: here, there.

use super::chronicle::Chronicle;
use super::world::run;
use quorate_raft::testing::restore_leaders;
use quorate_state_machine::Answer;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn a_leader_that_lost_its_tail_does_not_use_a_log_id_twice() {
    (0..10).for_each(|seed| lose_the_tail_of_leader_and_follower(seed, false));
}

#[test]
fn with_openrafts_default_the_members_would_differ() {
    let differ =
        |seed| catch_unwind(AssertUnwindSafe(|| lose_the_tail_of_leader_and_follower(seed, true))).is_err();
    assert!((0..10).any(differ), "the scenario above finds nothing");
    restore_leaders(false);
}

fn lose_the_tail_of_leader_and_follower(seed: u64, restores: bool) {
    restore_leaders(restores);
    run(seed, 3, |cluster| async move {
        let chronicle = RefCell::new(Chronicle::default());
        cluster.start_all().await;
        let leader = cluster.leader().await;
        let mut others = cluster.all().filter(|position| *position != leader);
        let (keeper, loser) = (others.next().unwrap(), others.next().unwrap());
        let life = cluster.life(leader).unwrap();
        assert!(matches!(life.put("base").await, Some(Answer::Applied(_))));

        for position in [leader, loser] {
            cluster.life(position).unwrap().hold_disk(true);
        }
        let id = life.replica.next_id();
        let lost = life.propose(id, crate::world::put("x", crate::ledger::value(id))).unwrap();
        cluster.pause(Duration::from_millis(60)).await;
        assert!(cluster.life(keeper).is_some(), "it has the entry on disk");
        drop(lost);
        drop(life);
        for position in [leader, loser] {
            cluster.kill(position);
            cluster.start(position).await;
        }

        let end = cluster.clock.now() + Duration::from_secs(60);
        loop {
            let answers = futures::future::join_all(cluster.all().map(|position| {
                let life = cluster.life(position).unwrap();
                async move { life.put("y").await }
            }));
            if answers.await.iter().any(|answer| matches!(answer, Some(Answer::Applied(_)))) {
                break;
            }
            assert!(cluster.clock.now() < end, "nobody leads");
        }
        cluster.pause(Duration::from_secs(10)).await;
        for position in cluster.all() {
            let life = cluster.life(position).unwrap();
            chronicle.borrow_mut().witness(&life.replica.reader().newest());
        }
    });
}
