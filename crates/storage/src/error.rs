//! Why an engine can no longer be trusted. Never a reply to a client: the node stops.

use std::path::PathBuf;

/// What went wrong below the state. Every one of them is a fault of this machine or of our code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused: a full disk, a failed sync, a missing right.
    #[error("{action} {}", path.display())]
    Io {
        /// What was attempted, as in "write checkpoint".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes on disk are not what was written.
    #[error("{} is corrupt at offset {offset}: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first byte that cannot be right.
        offset: u64,
        /// What does not hold.
        what: &'static str,
    },
    /// The library underneath failed in its own words.
    #[error("{action}")]
    Backend {
        /// What was attempted, as in "open column families".
        action: &'static str,
        /// What the library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
