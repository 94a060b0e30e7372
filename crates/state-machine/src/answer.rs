//! What comes back to the call that waits.

use bytes::Bytes;
use quorate_mvcc as mvcc;
use quorate_types::Revision;

/// What a command came to, on every member alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The store's revision after it.
    pub revision: Revision,
    /// What it did, or why it did nothing (law A5).
    pub result: Result<Reply, Refusal>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A key was set.
    Put {
        /// The record that was there before, if asked for and there was one.
        previous: Option<Bytes>,
    },
    /// Keys were removed.
    DeleteRange(mvcc::Deleted),
    /// A transaction was done.
    Txn(mvcc::TxnDone),
    /// It is done and there is nothing to tell.
    Done,
}

/// Why a request was refused. Deterministic; the client's turn. The texts that clients see are in `grpc`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key space said no.
    #[error(transparent)]
    Mvcc(#[from] mvcc::Refusal),
    /// No lease of that id lives.
    #[error("requested lease not found")]
    LeaseNotFound,
}

/// Why a request got no outcome here. Trying again, or elsewhere, may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Nobody leads, as far as this member knows.
    #[error("no leader")]
    NoLeader,
    /// The leader changed while the request was under way; what became of it is not known.
    #[error("leader changed")]
    LeaderChanged,
    /// This node is stopping.
    #[error("server stopped")]
    Stopped,
    /// The deadline came first; what became of the request is not known.
    #[error("request timed out")]
    TimedOut,
    /// As `TimedOut`, of a request that began before the last leader was elected: the one before may have lost it.
    #[error("request timed out, possibly due to previous leader failure")]
    TimedOutLeaderFailed,
    /// As `TimedOut`, of a member that was cut off from the leader, or as the leader from a quorum, meanwhile.
    #[error("request timed out, possibly due to connection lost")]
    TimedOutCutOff,
    /// The local state did not become as new as the request needs it to be.
    #[error("request timed out, waiting for the applied index took too long")]
    TimedOutApplying,
    /// More requests wait than may.
    #[error("too many requests")]
    TooManyRequests,
}

impl Unavailable {
    /// Whether a deadline came first, whatever was in the way.
    #[must_use]
    pub fn is_time_out(self) -> bool {
        matches!(
            self,
            Self::TimedOut | Self::TimedOutLeaderFailed | Self::TimedOutCutOff | Self::TimedOutApplying
        )
    }
}

/// What a call that waits is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its command was applied.
    Applied(Outcome),
    /// All that was acknowledged before it asked can be read here now.
    Current,
    /// Neither; see the reason for whether it may have happened.
    Failed(Unavailable),
}
