//! Members that leave, and leaders that hand over.

use super::world::{Cluster, Life, run};
use quorate_raft::{Change, NotChanged, NotMoved};
use quorate_state_machine::Answer;
use quorate_types::MemberId;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn a_member_that_was_removed_is_told_and_no_other() {
    for seed in 0..20 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let leader = cluster.leader().await;
            // The leader itself, or a follower; asked of any member.
            let leaver = if seed % 2 == 0 { leader } else { (leader + 1) % 3 };
            let asked = cluster.life(cluster.below(3)).unwrap();
            remove(&cluster, &asked, cluster.member(leaver)).await;
            within(&cluster, 5, is_told(&cluster.life(leaver).unwrap())).await;
            let stays = cluster.all().filter(|position| *position != leaver);
            let stays: Vec<Life> = stays.filter_map(|position| cluster.life(position)).collect();
            assert!(stays.iter().all(|life| !*life.replica.removed().borrow()));
            within(&cluster, 5, write(&cluster, &stays[0])).await;
        });
    }
}

#[test]
fn a_member_that_was_away_when_it_was_removed_is_told_once_it_is_back() {
    run(1, 3, |cluster| async move {
        cluster.start_all().await;
        let leader = cluster.leader().await;
        let leaver = (leader + 1) % 3;
        cluster.kill(leaver);
        remove(&cluster, &cluster.life(leader).unwrap(), cluster.member(leaver)).await;
        let back = cluster.start(leaver).await;
        within(&cluster, 5, is_told(&back)).await;
    });
}

/// openraft has no way back for a leader that has begun to hand over: it takes nothing any more. Somebody else has to stand.
#[test]
fn a_hand_over_to_a_member_that_is_lost_costs_an_election() {
    for seed in 0..20 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let leader = cluster.leader().await;
            let target = (leader + 1) % 3;
            let life = cluster.life(leader).unwrap();
            cluster.kill(target);
            let deadline = cluster.clock.now() + Duration::from_millis(500);
            let moved = life.replica.move_leader(cluster.member(target), deadline).await;
            assert_eq!(moved, Err(NotMoved::TimedOut));
            within(&cluster, 4, write(&cluster, &life)).await;
        });
    }
}

#[test]
fn whoever_is_to_lead_leads_with_all_that_was_acknowledged() {
    for seed in 0..20 {
        run(seed, 3, |cluster| async move {
            cluster.start_all().await;
            let leader = cluster.leader().await;
            let life = cluster.life(leader).unwrap();
            let puts = futures::future::join_all((0..50).map(|_| life.put("a")));
            let target = cluster.member((leader + 1) % 3);
            let deadline = cluster.clock.now() + Duration::from_secs(5);
            let (answers, moved) = futures::join!(puts, life.replica.move_leader(target, deadline));
            assert_eq!(moved, Ok(()));
            assert!(answers.iter().all(|answer| matches!(answer, Some(Answer::Applied(_)))), "{answers:?}");
            assert_eq!(life.replica.standing().leader, Some(target));
        });
    }
}

/// Has `asked` see to it that `leaver` belongs to the cluster no more, once a new leader is ready for that.
async fn remove(cluster: &Rc<Cluster>, asked: &Life, leaver: MemberId) {
    let end = cluster.clock.now() + Duration::from_secs(20);
    while let Err(error) = asked.replica.change_members(Change::Remove(leaver), end).await {
        assert_eq!(error, NotChanged::InProgress);
        cluster.pause(Duration::from_millis(50)).await;
        assert!(cluster.clock.now() < end, "it is never the time");
    }
}

/// Returns once a put was acknowledged.
async fn write(cluster: &Rc<Cluster>, life: &Life) {
    while !matches!(life.put("a").await, Some(Answer::Applied(_))) {
        cluster.pause(Duration::from_millis(10)).await;
    }
}

async fn is_told(life: &Life) {
    let mut removed = life.replica.removed();
    removed.wait_for(|removed| *removed).await.unwrap();
}

async fn within(cluster: &Rc<Cluster>, seconds: u64, work: impl Future<Output = ()>) {
    let end = cluster.clock.now() + Duration::from_secs(seconds);
    let done = quorate_tasks::timeout(cluster.clock.as_ref(), end, work).await;
    assert!(done.is_ok(), "not within {seconds} s");
}
