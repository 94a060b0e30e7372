//! All that the coordinator knows of agreement.

use bytes::Bytes;
use futures::future::BoxFuture;
use quorate_state_machine::{Answer, Reader, Unavailable};
use quorate_tasks::Moment;
use quorate_tasks::budget::Share;
use quorate_tasks::reply::Ticket;
use quorate_types::{LeaseId, MemberId};

/// A command to be agreed on.
#[derive(Debug)]
pub struct Submission {
    /// The command's id, from [`Consensus::next_id`].
    pub id: u64,
    /// The command in its envelope.
    pub envelope: Bytes,
    /// When nobody waits any more.
    pub deadline: Moment,
    /// Who is to be told.
    pub ticket: Ticket<Answer>,
    /// Nobody else is served by the thread that submits it: it may wait for the disk.
    pub alone: bool,
    /// What it takes of the budget: held until the command is applied or rejected, also when nobody waits any more.
    pub share: Share,
}

/// How this member sees the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Who leads, if this member knows of a leader.
    pub leader: Option<MemberId>,
    /// Since when it knows of this leader, or of none.
    pub since: Moment,
    /// When it learned of the last leader there was, if there was one.
    pub elected: Option<Moment>,
    /// How often it has learned of a leader other than the one before, the first one included.
    pub leaders: u64,
    /// Since when it has been connected, without a break, to the leader, or as the leader to a quorum. A member that votes
    /// alone always has been.
    pub connected: Option<Moment>,
    /// The term.
    pub term: u64,
    /// The last entry known to be committed.
    pub committed: u64,
}

/// What only the member that leads knows of a lease: its clock is the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseQuestion {
    /// It is to live for its whole time again. Answered with that time.
    KeepAlive(LeaseId),
    /// How long it has to live.
    TimeToLive(LeaseId),
}

/// A change of who belongs to the cluster: one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconfiguration {
    /// A new member, which catches up first: as a learner it has no vote; as a voter-to-be it is listed as a voter and gets
    /// its vote from the leader once it has caught up.
    Add {
        /// Its id: one that no member has, nor ever had.
        member: MemberId,
        /// Where others reach it.
        peer_urls: Vec<String>,
        /// Whether it stays a learner until it is promoted.
        is_learner: bool,
    },
    /// A learner becomes a voter, or a voter-to-be.
    Promote {
        /// Which.
        member: MemberId,
    },
    /// A member leaves for ever, whatever it was.
    Remove {
        /// Which.
        member: MemberId,
    },
    /// A member is reached elsewhere from now on.
    Update {
        /// Which.
        member: MemberId,
        /// Where others reach it.
        peer_urls: Vec<String>,
    },
}

impl Reconfiguration {
    /// Whom it is about.
    #[must_use]
    pub fn member(&self) -> MemberId {
        match self {
            Self::Add { member, .. }
            | Self::Promote { member }
            | Self::Remove { member }
            | Self::Update { member, .. } => *member,
        }
    }
}

/// Why a change of membership came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReconfigured {
    /// Not now, or not here. After a time-out it may or may not have been made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Another change is under way, or was made since this one was judged: it is to be judged anew.
    #[error("another change of the members is under way")]
    InProgress,
    /// The learner to be promoted has less than nine tenths of the leader's log.
    #[error("the learner is not in sync with the leader")]
    NotInSync,
}

/// Why the leader stayed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMoved {
    /// Only the leader hands over.
    #[error("not leader")]
    NotLeader,
    /// Whoever should lead has no vote, or does not belong to the cluster.
    #[error("bad leader transferee")]
    BadTransferee,
    /// This member did not see the new leader by the deadline; it may still come to lead.
    #[error("request timed out, leader transfer took too long")]
    TimedOut,
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Agreement among the members, as one of them offers it. No call blocks, but for a submission that comes alone.
pub trait Consensus: Send + Sync + 'static {
    /// An id for a command: unique across members and restarts.
    fn next_id(&self) -> u64;

    /// Has a command agreed on and applied. Its ticket gets `Applied`, or `Failed`, or nothing before its deadline.
    ///
    /// # Errors
    /// Nothing was and nothing will be done.
    fn submit(&self, submission: Submission) -> Result<(), Unavailable>;

    /// Tells `ticket` `Current` once the local state holds all that was acknowledged anywhere before this call.
    ///
    /// # Errors
    /// As for `submit`.
    fn confirm(&self, ticket: Ticket<Answer>, deadline: Moment) -> Result<(), Unavailable>;

    /// Where the local state is read.
    fn reader(&self) -> &Reader;

    /// The term, cheaply: every reply's header names it.
    fn term(&self) -> u64;

    /// How this member sees the cluster.
    fn standing(&self) -> Standing;

    /// Since when this member has been connected to `other` without a break; none if it is not. Not asked of itself.
    ///
    /// Strict reconfiguration counts by it, on whichever member is asked: a member that others know to be up, and that this
    /// one has no connection to, counts as down.
    fn active_since(&self, other: MemberId) -> Option<Moment>;

    /// Asks the member that leads, if another one does: seconds, or none if no such lease lives. `Err` if it did not answer
    /// by then; a lease may have been renewed all the same.
    fn ask_leader(
        &self,
        question: LeaseQuestion,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<Option<i64>, Unavailable>>;

    /// Has the membership changed by one step. Done once the change is applied here, so that `reader` shows it; a member that
    /// removes itself may only be told that it was done.
    ///
    /// The caller has judged the change by what `reader` shows when this is called: if that is not the newest membership
    /// of the log, nothing is done and the answer is [`NotReconfigured::InProgress`].
    fn reconfigure(
        &self,
        change: Reconfiguration,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<(), NotReconfigured>>;

    /// Hands leadership over to `target`. Done once this member sees that it leads.
    fn move_leader(&self, target: MemberId, deadline: Moment) -> BoxFuture<'static, Result<(), NotMoved>>;
}
