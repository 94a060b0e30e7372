//! Why the key space said no. Every replica computes the same refusal.

use quorate_types::Revision;

/// A request that the state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `ignore_value` or `ignore_lease` on a key that does not exist.
    #[error("key not found")]
    KeyNotFound,
    /// A put within a transaction names a lease that does not live.
    #[error("requested lease not found")]
    LeaseNotFound,
    /// A read or a compaction at a revision that does not exist yet.
    #[error("revision {asked} is not there yet, newest is {newest}")]
    Future {
        /// What was asked for.
        asked: Revision,
        /// The store's revision.
        newest: Revision,
    },
    /// A read below the compacted revision, or a compaction at or below it.
    #[error("revision {asked} is compacted, oldest kept is {oldest}")]
    Compacted {
        /// What was asked for.
        asked: Revision,
        /// The compacted revision: the oldest that can be read.
        oldest: Revision,
    },
}
