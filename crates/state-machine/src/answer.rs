//! What comes back to the call that waits.

use crate::alarms::Alarm;
use bytes::Bytes;
use quorate_lease as lease;
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
    /// An alarm was raised or disarmed: this one, if it was there to be.
    Alarm(Option<Alarm>),
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
    /// One of that id does already.
    #[error("lease already exists")]
    LeaseExists,
    /// A member has no space left, and this would take some: see [`AlarmKind::NO_SPACE`](crate::AlarmKind::NO_SPACE).
    #[error("database space exceeded")]
    NoSpace,
    /// A member holds damaged data: see [`AlarmKind::CORRUPT`](crate::AlarmKind::CORRUPT).
    #[error("corrupt cluster")]
    Corrupt,
    /// The members have not agreed on a version yet.
    #[error("cluster version not found during downgrade")]
    NoClusterVersion,
    /// A downgrade leads to the minor version before the cluster's, and nowhere else.
    #[error("invalid downgrade target version")]
    DowngradeTarget,
}

impl From<lease::Refusal> for Refusal {
    fn from(refusal: lease::Refusal) -> Self {
        match refusal {
            lease::Refusal::NotFound => Self::LeaseNotFound,
            lease::Refusal::Exists => Self::LeaseExists,
        }
    }
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
