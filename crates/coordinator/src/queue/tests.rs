use super::*;
use crate::call::{Call, Identity};
use crate::consensus::{
    Consensus, LeaseQuestion, NotMoved, NotReconfigured, Reconfiguration, Standing, Submission,
};
use crate::testing::{LocalConsensus, MEMBER};
use crate::{Limits, Work};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use quorate_mvcc::Query;
use quorate_state_machine::{Answer, Reader};
use quorate_tasks::reply::{Desk, Ticket};
use quorate_tasks::testing::ManualClock;
use quorate_tasks::{Group, Moment};
use quorate_types::{ClusterId, MemberId, Revision};
use std::sync::Arc;
use std::time::Duration;

/// A consensus that does nothing before it is told to.
struct Slow {
    inner: LocalConsensus,
    submitted: Mutex<Vec<Submission>>,
}

impl Slow {
    /// Does what was asked for meanwhile. Returns how much that was.
    fn go_on(&self) -> usize {
        let submitted = std::mem::take(&mut *self.submitted.lock());
        let count = submitted.len();
        for submission in submitted {
            self.inner.submit(submission).unwrap();
        }
        count
    }
}

impl Consensus for Slow {
    fn next_id(&self) -> u64 {
        self.inner.next_id()
    }

    fn submit(&self, submission: Submission) -> Result<(), Unavailable> {
        self.submitted.lock().push(submission);
        Ok(())
    }

    fn confirm(&self, ticket: Ticket<Answer>, deadline: Moment) -> Result<(), Unavailable> {
        self.inner.confirm(ticket, deadline)
    }

    fn reader(&self) -> &Reader {
        self.inner.reader()
    }

    fn term(&self) -> u64 {
        self.inner.term()
    }

    fn standing(&self) -> Standing {
        self.inner.standing()
    }

    fn active_since(&self, other: MemberId) -> Option<Moment> {
        self.inner.active_since(other)
    }

    fn ask_leader(
        &self,
        question: LeaseQuestion,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<Option<i64>, Unavailable>> {
        self.inner.ask_leader(question, deadline)
    }

    fn reconfigure(
        &self,
        change: Reconfiguration,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<(), NotReconfigured>> {
        self.inner.reconfigure(change, deadline)
    }

    fn move_leader(&self, target: MemberId, deadline: Moment) -> BoxFuture<'static, Result<(), NotMoved>> {
        self.inner.move_leader(target, deadline)
    }
}

#[test]
fn a_place_has_the_key_that_a_client_of_gos_would_make() {
    for (lease, expected) in [(0x1a, "n/1a"), (i64::MAX, "n/7fffffffffffffff"), (-1, "n/-1")] {
        assert_eq!(key(b"n", LeaseId(lease)), expected);
        assert!(keys(b"n").contains(expected.as_bytes()));
    }
    assert_eq!(key(b"", LeaseId(1)), "/1");
    assert!(!keys(b"n").contains(b"n0") && !keys(b"n").contains(b"n"));
}

/// What is there, of the one queue.
async fn there(door: &Coordinator) -> usize {
    let call = Call { identity: Identity::Anonymous, deadline: Moment(Duration::from_secs(7)) };
    door.range(&call, Query::newest(keys(b"n")), true).await.unwrap().1.count
}

/// A call that goes away while its key is on its way through the log: the key is put, and then removed, unless it was
/// there before and so may stand for a lock that is held.
#[tokio::test]
async fn a_call_that_goes_away_while_it_joins_leaves_nothing_new_behind() {
    let slow = Arc::new(Slow { inner: LocalConsensus::new().unwrap(), submitted: Mutex::default() });
    let (desk, clock) = (Desk::default(), Arc::new(ManualClock::default()));
    let work = Work::start(&Group::threads(), 1);
    let door = Coordinator::new(ClusterId(1), MEMBER, slow.clone(), clock, Limits::default(), work);
    let (door, errands) = door.at(desk.clone()).with_errands();
    let patience = Patience { identity: Identity::Anonymous, until: None };
    // Without a lease nothing has to be granted; the key is then that of the lease 0.
    let join = || place::Joining { name: "n".into(), lease: LeaseId::NONE, value: Bytes::new() };
    let story = async {
        let mut joining = Box::pin(door.join(&patience, join()));
        assert!(futures::poll!(&mut joining).is_pending());
        drop(joining);
        assert_eq!(slow.go_on(), 1);
        assert_eq!(there(&door).await, 1);
        while slow.go_on() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(there(&door).await, 0);

        let mut held = Box::pin(door.join(&patience, join()));
        assert!(futures::poll!(&mut held).is_pending());
        assert_eq!(slow.go_on(), 1);
        let held = held.await.unwrap();
        assert_eq!((held.created, held.found.is_none()), (Revision(4), true));
        drop(held.keep());
        let mut again = Box::pin(door.join(&patience, join()));
        assert!(futures::poll!(&mut again).is_pending());
        drop(again);
        assert_eq!(slow.go_on(), 1);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!((slow.go_on(), there(&door).await), (0, 1));
    };
    tokio::select! {
        () = story => {}
        () = desk.attend() => unreachable!("a desk is attended for ever"),
        () = errands.attend() => unreachable!("a door is open"),
    }
}
