//! A member goes on alone: with all its log, wherever it is killed meanwhile.

use super::chronicle::Chronicle;
use super::world::{Cluster, Life, run};
use crate::ledger::value;
use crate::world::put;
use quorate_state_machine::Answer;
use quorate_types::MemberId;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// What a forced start does to its disk is less than that.
const OPERATIONS_MAX: u64 = 64;

#[test]
fn a_member_that_is_forced_goes_on_alone_wherever_it_is_killed_before() {
    let killed: u64 = (0..20).map(go_on_alone).sum();
    assert!(killed >= 20 * 4, "{killed} starts were cut short: a vote and an entry are written, and synced");
}

/// Returns how many forced starts were cut short.
fn go_on_alone(seed: u64) -> u64 {
    run(seed, 3, |cluster| async move {
        let chronicle = RefCell::new(Chronicle::default());
        cluster.start_all().await;
        let survivor = cluster.leader().await;
        let life = cluster.life(survivor).unwrap();
        for _ in 0..10 + cluster.below(30) {
            assert!(write(&life, &chronicle).await);
        }
        cluster.pause(Duration::from_secs(2)).await; // all that was acknowledged is on all disks
        let lost: Vec<usize> = cluster.all().filter(|position| *position != survivor).collect();
        lost.iter().for_each(|position| drop(cluster.kill(*position)));
        // Nobody acknowledges these; they are in the log all the same, and stay.
        let unanswered = cluster.below(5);
        for _ in 0..unanswered {
            propose(&life, &chronicle);
        }
        cluster.pause(Duration::from_millis(100)).await;
        let revision = life.replica.reader().newest().revision().0;
        drop(life);
        cluster.kill(survivor);

        let mut operations = 0;
        while cluster.force(survivor, operations).await.is_none() {
            operations += 1;
            assert!(operations < OPERATIONS_MAX, "it does not start");
        }
        cluster.kill(survivor);
        let life = cluster.start(survivor).await;
        assert!(write(&life, &chronicle).await, "it serves alone, also after a start like any other");
        let newest = life.replica.reader().newest();
        assert_eq!(newest.revision().0, revision + unanswered as i64 + 1, "all of its log stays");
        assert_eq!(
            newest.members().map(|member| MemberId(member.id)).collect::<Vec<_>>(),
            [cluster.member(survivor)]
        );
        chronicle.borrow_mut().witness(&newest);
        chronicle.borrow().close();
        are_sent_away(&cluster, &lost).await;
        operations
    })
}

/// Whoever comes back is told that the cluster goes on without it.
async fn are_sent_away(cluster: &Rc<Cluster>, lost: &[usize]) {
    for position in lost {
        let life = cluster.start(*position).await;
        let mut removed = life.replica.removed();
        let told = removed.wait_for(|removed| *removed);
        let end = cluster.clock.now() + Duration::from_secs(5);
        let told = quorate_tasks::timeout(cluster.clock.as_ref(), end, told).await;
        assert!(told.is_ok(), "nobody tells member {} that it was removed", cluster.member(*position));
    }
}

/// Whether a put was acknowledged.
async fn write(life: &Life, chronicle: &RefCell<Chronicle>) -> bool {
    let (id, reply) = propose(life, chronicle);
    let answer = life.wait(reply).await;
    answer.iter().for_each(|answer| chronicle.borrow_mut().answer(id, answer));
    matches!(answer, Some(Answer::Applied(_)))
}

fn propose(life: &Life, chronicle: &RefCell<Chronicle>) -> (u64, quorate_tasks::reply::Reply<Answer>) {
    let id = life.replica.next_id();
    chronicle.borrow_mut().ask(id, "a", true);
    (id, life.propose(id, put("a", value(id))).expect("it takes commands"))
}
