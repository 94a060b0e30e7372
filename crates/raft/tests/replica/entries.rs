//! Commands that wait together share entries of the log.

use crate::cluster::world::run;
use crate::world::{World, put};
use quorate_state_machine::{Answer, Outcome};
use std::time::Duration;

const PUTS: i64 = 400;

#[test]
fn commands_that_wait_together_share_entries_and_keep_their_order() {
    for seed in 0..10 {
        World::new(seed).run(seed, |life| async move {
            assert!(matches!(life.carry(put("first", "1")).await, Answer::Applied(_)));
            let shown = || life.replica.reader().newest();
            let (before, revision) = (shown().applied_index().unwrap(), shown().revision().0);
            let replies: Vec<_> =
                (0..PUTS).map(|_| life.propose(life.replica.next_id(), put("k", "v")).unwrap()).collect();
            for (number, reply) in (1..).zip(replies) {
                let answer = reply.await;
                let Answer::Applied(Outcome { revision: told, result: Ok(_) }) = &answer else {
                    panic!("seed {seed}: {answer:?}");
                };
                assert_eq!(told.0, revision + number, "seed {seed}");
            }
            let entries = shown().applied_index().unwrap() - before;
            assert!(entries < PUTS as u64 / 4, "seed {seed}: {entries} entries for {PUTS} commands");
            life.replica.stop().await;
        });
    }
}

/// Commands of a MiB each, which share nothing, and many more of them than may be under way at once.
#[test]
fn long_commands_have_entries_of_their_own_and_all_find_a_place() {
    World::new(1).run(1, |life| async move {
        let long = "v".repeat(1 << 20);
        assert!(matches!(life.carry(put("first", "1")).await, Answer::Applied(_)));
        let before = life.replica.reader().newest().applied_index().unwrap();
        let replies: Vec<_> =
            (0..30).map(|_| life.propose(life.replica.next_id(), put("k", long.clone())).unwrap()).collect();
        for reply in replies {
            assert!(matches!(reply.await, Answer::Applied(Outcome { result: Ok(_), .. })));
        }
        assert_eq!(life.replica.reader().newest().applied_index().unwrap() - before, 30);
        life.replica.stop().await;
    });
}

/// A leader that is cut off has its places taken by entries that nobody else knows of; once they are discarded it carries on.
#[test]
fn a_leader_that_was_cut_off_has_its_places_back() {
    for seed in 0..10 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let old = cluster.leader().await;
            let life = cluster.life(old).unwrap();
            cluster.isolate(old);
            let lost: Vec<_> =
                (0..100).map(|_| life.propose(life.replica.next_id(), put("lost", "v")).unwrap()).collect();
            cluster.pause(Duration::from_secs(4)).await;
            let successor = cluster.life((old + 1) % 3).unwrap();
            assert!(matches!(successor.put("k").await, Some(Answer::Applied(_))), "seed {seed}");
            cluster.network.heal();
            for reply in lost {
                drop(life.wait(reply).await);
            }
            for _ in 0..20 {
                let told = life.put("k").await;
                assert!(matches!(told, Some(Answer::Applied(_))), "seed {seed}: {told:?}");
            }
        });
    }
}

/// What finds no place at a leader that was cut off is not carried out long after everybody gave it up.
#[test]
fn what_waited_for_a_place_beyond_its_deadline_is_not_carried_out() {
    const PLACES: i64 = 64;
    for seed in 0..5 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let old = cluster.leader().await;
            let life = cluster.life(old).unwrap();
            assert!(matches!(life.put("k").await, Some(Answer::Applied(_))), "seed {seed}");
            cluster.isolate(old);
            let before = life.replica.reader().newest().revision().0;
            let mut lost = Vec::new();
            for _ in 0..4 * PLACES {
                lost.push(life.propose(life.replica.next_id(), put("lost", "v")).unwrap());
                cluster.pause(Duration::from_millis(1)).await;
            }
            cluster.pause(Duration::from_secs(30)).await;
            cluster.network.heal();
            assert!(matches!(life.put("k").await, Some(Answer::Applied(_))), "seed {seed}");
            cluster.pause(Duration::from_secs(10)).await;
            let written = life.replica.reader().newest().revision().0 - before;
            assert!(written <= PLACES + 1, "seed {seed}: {written} writes");
            drop(lost);
        });
    }
}
