use super::*;
use crate::admission::Limits;
use crate::lease::Kept;
use crate::testing::{LocalConsensus, MEMBER, TERM};
use quorate_tasks::Group;
use quorate_tasks::reply::Desk;
use quorate_tasks::testing::ManualClock;
use quorate_types::ClusterId;
use std::sync::Arc;

/// Seen from outside: a client that kept its lease alive through a leader that had just been deposed was told that it had
/// ended, though the next leader kept it.
#[tokio::test]
async fn an_expiry_that_came_into_another_term_ends_no_lease_and_nobody_is_told_so() {
    let consensus = Arc::new(LocalConsensus::new().unwrap());
    let (clock, desk) = (ManualClock::default(), Desk::default());
    let work = crate::Work::start(&Group::threads(), 1);
    let shared = Arc::new(clock.clone());
    let door = Coordinator::new(ClusterId(1), MEMBER, consensus.clone(), shared, Limits::default(), work);
    consensus.tell_leases(door.lease_clock());
    let keeper = Keeper { door: door.at(desk.clone()), leases: door.lease_clock() };
    let story = async {
        keeper.leases.begin(TERM);
        keeper.door.lease_grant(&keeper.call(), LeaseId(7), 5).await.unwrap();
        for _ in 0..24 {
            clock.advance(Duration::from_millis(250));
            keeper.leases.look();
        }
        let kept = keeper.leases.renew(LeaseId(7), TERM);
        let Kept::Ending(mut ended) = kept else { panic!("{kept:?}") };
        keeper.revoke_due(TERM + 1).await.unwrap();
        assert!(ended.try_recv().is_err(), "it has not ended");
        assert!(keeper.door.reader().newest().leases().get(LeaseId(7)).is_some());
        keeper.revoke_due(TERM).await.unwrap();
        assert_eq!(ended.try_recv(), Ok(()), "it was due all the while");
        assert!(keeper.door.reader().newest().leases().get(LeaseId(7)).is_none());
    };
    tokio::select! {
        biased;
        () = story => {}
        () = desk.attend() => unreachable!("a desk is attended for ever"),
    }
}

/// Another reign's clock says nothing about this one.
#[tokio::test]
async fn a_renewal_counts_only_on_the_clock_of_the_term_that_was_confirmed() {
    let consensus = Arc::new(LocalConsensus::new().unwrap());
    let work = crate::Work::start(&Group::threads(), 1);
    let shared = Arc::new(ManualClock::default());
    let door = Coordinator::new(ClusterId(1), MEMBER, consensus, shared, Limits::default(), work);
    let leases = door.lease_clock();
    leases.begin(TERM);
    assert!(matches!(leases.renew(LeaseId(7), TERM + 1), Kept::Resting));
    assert!(matches!(leases.renew(LeaseId(7), TERM), Kept::Gone));
}
