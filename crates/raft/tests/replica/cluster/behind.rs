//! A member that is behind its leader's log.

use super::world::{Cluster, Life, run};
use quorate_state_machine::Answer;
use std::time::Duration;

/// Shorter than what makes a leader give up a stream.
const HANGS: Duration = Duration::from_millis(950);

/// As many puts as there is time for.
async fn write_for(cluster: &Cluster, span: Duration, leader: &Life) {
    let until = cluster.clock.now() + span;
    while cluster.clock.now() < until {
        let told = leader.put("k").await;
        assert!(matches!(told, Some(Answer::Applied(_))), "{told:?}");
    }
}

#[test]
fn a_member_whose_disk_hung_while_the_log_was_cut_catches_up_under_the_same_leader() {
    for seed in 0..4 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let leader = cluster.leader().await;
            let (leads, slow) = (cluster.life(leader).unwrap(), cluster.life((leader + 1) % 3).unwrap());
            let term = leads.replica.term();
            for _ in 0..4 {
                slow.hold_disk(true);
                write_for(&cluster, HANGS, &leads).await;
                slow.hold_disk(false);
                let goal = leads.replica.reader().newest().revision();
                for _ in 0..100 {
                    if slow.replica.reader().newest().revision() >= goal {
                        break;
                    }
                    cluster.pause(Duration::from_millis(50)).await;
                }
                let reached = slow.replica.reader().newest().revision();
                assert!(reached >= goal, "seed {seed}: at revision {reached} of {goal} for five seconds");
            }
            assert_eq!(leads.replica.term(), term, "seed {seed}: nobody else had to lead for it");
        });
    }
}
