//! What the leader's clock has to know of a change of the table.

use quorate_types::LeaseId;

/// One change of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A lease lives from here on.
    Granted {
        /// Which.
        id: LeaseId,
        /// How long it lives without being renewed, in seconds.
        ttl_seconds: i64,
    },
    /// It does not any more.
    Ended(LeaseId),
}
