//! All that the coordinator knows of agreement.

use bytes::Bytes;
use quorate_state_machine::{Answer, Reader, Unavailable};
use quorate_tasks::Moment;
use quorate_tasks::budget::Share;
use quorate_tasks::reply::Ticket;
use quorate_types::MemberId;

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
    /// Since when it has been connected, without a break, to the leader, or as the leader to a quorum. A member that votes
    /// alone always has been.
    pub connected: Option<Moment>,
    /// The term.
    pub term: u64,
    /// The last entry known to be committed.
    pub committed: u64,
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
}
