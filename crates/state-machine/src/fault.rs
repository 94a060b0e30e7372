//! Why this member can no longer follow the log. Never a reply: the node stops.

use quorate_storage::Error;

/// The state, its disk or this code is not fit to go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The engine failed.
    #[error("{action}")]
    Storage {
        /// What was attempted.
        action: &'static str,
        /// What failed.
        source: Error,
    },
    /// A stored record is not what was written.
    #[error("{action}")]
    Read {
        /// What was attempted.
        action: &'static str,
        /// What failed.
        source: Box<quorate_mvcc::ReadError>,
    },
    /// The leases cannot be read.
    #[error("open the leases")]
    Leases(#[from] quorate_lease::OpenError),
    /// Bytes that should be a message are none.
    #[error("the stored {what} cannot be decoded")]
    Undecodable {
        /// What they should have been.
        what: &'static str,
    },
    /// A command in an envelope of another version: a newer release wrote it.
    #[error(
        "the log holds a command in envelope version {version}; this release knows version 1: run a newer one"
    )]
    EnvelopeVersion {
        /// The version found.
        version: u8,
    },
    /// A command of a kind that this release does not know: a newer one wrote it.
    #[error("the log holds a command of a kind this release does not know: run the release that wrote it")]
    UnknownCommand,
    /// State of another format version.
    #[error(
        "the stored state has format version {found}; this release knows versions up to {known}: run a newer one"
    )]
    FormatVersion {
        /// The version found.
        found: u32,
        /// The newest that this code reads.
        known: u32,
    },
}
