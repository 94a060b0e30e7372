//! Why a call got no result.

use crate::membership;
use quorate_state_machine::wire::Malformed;
use quorate_state_machine::{Refusal, Unavailable};

/// Why a call got no result. The codes and texts that clients see are in `grpc`, in one table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request makes no sense, whatever the state.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The members stay as they are.
    #[error(transparent)]
    Membership(#[from] membership::Refusal),
    /// Not now, or not here.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// This node's storage failed under a read. The log says how; the node is on its way down.
    #[error("this member cannot read its state")]
    Unreadable,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The key is empty.
    #[error("key is not provided")]
    EmptyKey,
    /// A value beside "keep the value".
    #[error("value is provided")]
    ValueProvided,
    /// A lease beside "keep the lease".
    #[error("lease is provided")]
    LeaseProvided,
    /// No such sort order or target.
    #[error("invalid sort option")]
    SortOption,
    /// A step of a transaction that says nothing. The text is etcd's.
    #[error("key not found")]
    EmptyOp,
    /// More operations in a transaction than may be.
    #[error("too many operations in txn request")]
    TooManyOps,
    /// A transaction that sets a key twice, or sets and removes it.
    #[error("duplicate key given in txn request")]
    DuplicateKey,
    /// An order that a stream cannot be in.
    #[error("a stream is in the order of the keys only")]
    StreamSort,
    /// Bounds on revisions, for a stream.
    #[error("a stream has no bounds on revisions")]
    StreamFilter,
    /// A lease that would live longer than any may.
    #[error("too large lease TTL")]
    LeaseTooLong,
    /// A new member without a URL, or with one that is none.
    #[error("given member URLs are invalid")]
    PeerUrls,
    /// The command is longer than the limit.
    #[error("request is too large")]
    TooLarge,
    /// What a downgrade should lead to is no version.
    #[error("wrong downgrade target version format")]
    DowngradeFormat,
    /// A downgrade: no older release could read this state.
    #[error("no downgrade is possible")]
    NoDowngrade,
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::SortOption => Self::SortOption,
            Malformed::EmptyOp => Self::EmptyOp,
        }
    }
}
