//! The one place where the coordinator's words for consensus meet the replica's.
//!
//! It is open to whoever puts a member together from other parts than [`Node`](crate::Node) does: on a simulated network
//! and disk, in virtual time.

mod leases;

pub use leases::answer_for_leases;

use futures::future::BoxFuture;
use quorate_coordinator::{
    Consensus, LeaseQuestion, NotMoved, NotReconfigured, Reconfiguration, Standing, Submission,
};
use quorate_raft::{Change, NotChanged, Proposal, Replica};
use quorate_state_machine::{Answer, Reader, Unavailable};
use quorate_tasks::Moment;
use quorate_tasks::reply::Ticket;
use quorate_types::MemberId;

/// A replica as the coordinator sees it. Clones are the same replica.
#[derive(Clone)]
pub struct OneReplica(Replica);

impl OneReplica {
    /// Agreement as `replica` offers it.
    #[must_use]
    pub fn new(replica: Replica) -> Self {
        Self(replica)
    }
}

impl Consensus for OneReplica {
    fn next_id(&self) -> u64 {
        self.0.next_id()
    }

    fn submit(&self, submission: Submission) -> Result<(), Unavailable> {
        let Submission { id, envelope, deadline, ticket, alone, share } = submission;
        self.0.propose(Proposal { id, envelope, deadline, ticket: Some(ticket), alone, share: Some(share) })
    }

    fn confirm(&self, ticket: Ticket<Answer>, deadline: Moment) -> Result<(), Unavailable> {
        self.0.confirm(ticket, deadline)
    }

    fn reader(&self) -> &Reader {
        self.0.reader()
    }

    fn term(&self) -> u64 {
        self.0.term()
    }

    fn standing(&self) -> Standing {
        let quorate_raft::Standing { leader, since, elected, leaders, connected, term, committed } =
            self.0.standing();
        Standing { leader, since, elected, leaders, connected, term, committed }
    }

    fn active_since(&self, other: MemberId) -> Option<Moment> {
        self.0.active_since(other)
    }

    fn ask_leader(
        &self,
        question: LeaseQuestion,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<Option<i64>, Unavailable>> {
        let replica = self.0.clone();
        Box::pin(async move {
            let answer = replica.ask_leader(leases::question(question), deadline).await;
            answer.as_ref().and_then(leases::seconds).ok_or(Unavailable::LeaderChanged)
        })
    }

    fn reconfigure(
        &self,
        change: Reconfiguration,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<(), NotReconfigured>> {
        let change = match change {
            Reconfiguration::Add { member, peer_urls, is_learner } => Change::Add(
                member,
                quorate_raft::Node { name: String::new(), peer_urls, is_pending_voter: !is_learner },
            ),
            Reconfiguration::Promote { member } => Change::Promote(member),
            Reconfiguration::Remove { member } => Change::Remove(member),
            Reconfiguration::Update { member, peer_urls } => Change::Update(member, peer_urls),
        };
        let changing = self.0.change_members(change, deadline);
        Box::pin(async move {
            changing.await.map_err(|error| match error {
                NotChanged::Unavailable(reason) => reason.into(),
                NotChanged::InProgress => NotReconfigured::InProgress,
                NotChanged::NotInSync => NotReconfigured::NotInSync,
            })
        })
    }

    fn move_leader(&self, target: MemberId, deadline: Moment) -> BoxFuture<'static, Result<(), NotMoved>> {
        let replica = self.0.clone();
        Box::pin(async move {
            replica.move_leader(target, deadline).await.map_err(|error| match error {
                quorate_raft::NotMoved::NotLeader => NotMoved::NotLeader,
                quorate_raft::NotMoved::BadTransferee => NotMoved::BadTransferee,
                quorate_raft::NotMoved::TimedOut => NotMoved::TimedOut,
                quorate_raft::NotMoved::Stopped => Unavailable::Stopped.into(),
            })
        })
    }
}
