//! Why the key space said no. Every replica computes the same refusal.

use quorate_types::Revision;

/// A request that the state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `ignore_value` or `ignore_lease` on a key that does not exist.
    #[error("key not found")]
    KeyNotFound,
    /// A read at a revision that does not exist yet.
    #[error("revision {asked} is not there yet, newest is {newest}")]
    Future {
        /// What was asked for.
        asked: Revision,
        /// The store's revision.
        newest: Revision,
    },
    /// A read at an older revision: the index does not keep history yet.
    #[error("revision {asked} is older than the newest, {newest}; reads of the past are not implemented yet")]
    Past {
        /// What was asked for.
        asked: Revision,
        /// The store's revision.
        newest: Revision,
    },
}
