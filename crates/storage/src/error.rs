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
    /// The directory is sound, but this program must not open it: nothing was read or changed.
    #[error("{} must not be opened by this program", path.display())]
    Unusable {
        /// The directory of the engine.
        path: PathBuf,
        /// What stands against it.
        #[source]
        why: Unusable,
    },
    /// A record of a [`Replacement`](crate::Replacement) that is not in its place: whoever sent it is at fault.
    #[error("a record of the space {space:?} does not come after the one before it")]
    Unordered {
        /// The space that was named.
        space: &'static str,
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

/// Why a directory that is not damaged was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Another process, or another engine of this one, has it open.
    #[error("another process has it open")]
    Locked,
    /// A later version of this program wrote it.
    #[error("its format is version {found}, the newest this program knows is {known}")]
    Newer {
        /// The version on disk.
        found: u32,
        /// The newest version that can be read.
        known: u32,
    },
    /// It holds a space that the caller did not name.
    #[error("it holds the space {name:?}, which this program does not know")]
    UnknownSpace {
        /// The name on disk.
        name: String,
    },
    /// It counts a space in its size that the caller does not count, or the other way round (law S5).
    #[error("it counts the space {name:?} in its size differently")]
    Counting {
        /// The space.
        name: &'static str,
    },
}
