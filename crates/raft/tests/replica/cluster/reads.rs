//! What may be read where, when.

use super::world::{Cluster, Life, run, run_with};
use futures::future::join;
use quorate_state_machine::Answer;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn revision(life: &Life) -> i64 {
    life.replica.reader().newest().revision().0
}

/// Waits until the member at one of `positions` leads, and says which.
async fn leader_among(cluster: &Cluster, positions: &[usize]) -> usize {
    let leads = |position: &usize| {
        let leader = cluster.life(*position).and_then(|life| life.replica.standing().leader);
        leader == Some(cluster.member(*position))
    };
    for _ in 0..1000 {
        if let Some(position) = positions.iter().copied().find(leads) {
            return position;
        }
        cluster.pause(10 * MS).await;
    }
    panic!("none of {positions:?} led within ten seconds");
}

/// The leader sends an entry; the others acknowledge it, elect one of them, and go on, all while nothing reaches the leader. Then
/// what they said before comes in, and commits the entry there; nothing that the leader sends from then on arrives.
///
/// openraft took the second of these acknowledgements for an answer to what it had sent in between.
#[test]
fn a_word_given_before_a_read_does_not_confirm_it() {
    // The first member has the patience to believe in its own lead all the while.
    let settle = |options: &mut quorate_raft::Options| {
        if options.member.0 == 1 {
            options.election_timeout = Duration::from_secs(10);
        }
    };
    for seed in 0..20 {
        run_with(seed, 3, settle, |cluster| async move {
            cluster.start_all().await;
            let first = cluster.leader().await;
            let (old, others) = (cluster.life(0).unwrap(), [1, 2]);
            if first != 0 {
                let deadline = cluster.clock.now() + Duration::from_secs(2);
                let moved =
                    cluster.life(first).unwrap().replica.move_leader(cluster.member(0), deadline).await;
                assert_eq!(moved, Ok(()), "seed {seed}");
            }
            assert!(matches!(old.put("k").await, Some(Answer::Applied(_))), "seed {seed}");
            cluster.pause(500 * MS).await;

            let member = |position: usize| cluster.member(position);
            others.iter().for_each(|other| cluster.network.cut(member(*other), member(0)));
            let id = old.replica.next_id();
            let written = old.propose(id, crate::world::put("k", crate::ledger::value(id))).unwrap();
            cluster.pause(20 * MS).await;
            others.iter().for_each(|other| cluster.network.cut(member(0), member(*other)));
            cluster.network.close(member(0));

            let new = leader_among(&cluster, &others).await;
            let successor = cluster.life(new).unwrap();
            assert!(matches!(successor.put("k").await, Some(Answer::Applied(_))), "seed {seed}");
            let acknowledged = revision(&successor);
            let words_arrive = async {
                cluster.pause(MS).await;
                cluster.network.mend(member(3 - new), member(0));
                cluster.pause(5 * MS).await;
                cluster.network.mend(member(new), member(0));
            };
            let (read, ()) = join(old.confirm(), words_arrive).await;
            let shown = revision(&old);
            assert!(
                read != Some(Answer::Current) || shown >= acknowledged,
                "seed {seed}: {read:?} at revision {shown} after {acknowledged} had been acknowledged"
            );
            drop(written);

            cluster.network.heal();
            cluster.network.open(member(0), old.replica.door().clone());
            assert_eq!(old.confirm().await, Some(Answer::Current), "seed {seed}");
            assert!(revision(&old) >= acknowledged, "seed {seed}");
        });
    }
}

/// One voter of two that does not answer holds nobody up, and is asked again once it does.
#[test]
fn a_majority_is_enough_and_whoever_comes_back_counts() {
    for seed in 0..5 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let leader = cluster.leader().await;
            let life = cluster.life(leader).unwrap();
            let others: Vec<usize> = cluster.all().filter(|position| *position != leader).collect();
            for silent in [others[0], others[1], others[0]] {
                let (me, other) = (cluster.member(leader), cluster.member(silent));
                cluster.network.cut(other, me);
                for _ in 0..20 {
                    let begun = cluster.clock.now();
                    assert_eq!(life.confirm().await, Some(Answer::Current), "seed {seed}");
                    let took = cluster.clock.now().since(begun);
                    assert!(took < 20 * MS, "seed {seed}: {took:?}");
                }
                cluster.network.heal();
                cluster.pause(1500 * MS).await;
            }
        });
    }
}
