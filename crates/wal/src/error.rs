//! Why the log can no longer be trusted, or was asked for something it cannot do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What went wrong. Everything but `Overloaded` and `TooLarge` is a fault of this machine: the node stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused: a full disk, a failed sync, a missing right. Never retried (W6).
    #[error("{action} {}", file.display())]
    Io {
        /// What was attempted, as in "sync segment".
        action: &'static str,
        /// The file or folder.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes on disk are not what was written.
    #[error("{} is corrupt at offset {offset}: {what}", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Where the first thing that cannot be right begins.
        offset: u64,
        /// What does not hold.
        what: &'static str,
    },
    /// A file written by a newer release.
    #[error("{} has format {found}, this release knows {known}", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// The format it names.
        found: u32,
        /// The newest format that this release reads.
        known: u32,
    },
    /// A segment between two others is not there.
    #[error("{} is missing, though newer segments exist", file.display())]
    Missing {
        /// The file that should exist.
        file: PathBuf,
    },
    /// One payload is larger than the format can frame.
    #[error("a payload of {bytes} bytes, at most {bytes_max} fit a record")]
    TooLarge {
        /// The size of the payload.
        bytes: usize,
        /// The largest that fits.
        bytes_max: usize,
    },
    /// As many requests wait for the disk as the inbox holds. Nothing was changed.
    #[error("too many requests wait for the disk")]
    Overloaded,
    /// The writer has ended without a failure: the node stops.
    #[error("the log is closed")]
    Closed,
    /// The writer failed earlier; nothing was written since (W6).
    #[error("the log failed earlier")]
    Failed(#[source] Arc<Error>),
}

impl Error {
    /// For `map_err`: what was attempted, on which file.
    pub(crate) fn io(action: &'static str, file: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, file: file.to_path_buf(), source }
    }
}
