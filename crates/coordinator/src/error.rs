//! Why a call got no result.

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
    /// The command is longer than the limit.
    #[error("request is too large")]
    TooLarge,
}
