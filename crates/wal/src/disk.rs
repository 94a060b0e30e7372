//! Where segments are kept: the seam between the log and the operating system.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

mod folder;

pub use folder::FileDisk;

/// A flat set of named files.
///
/// Blocking; called by the writer's thread and, for [`Disk::open`]'s files, by readers of old entries. An
/// error from anything that changes the disk is final for the log above it.
pub trait Disk: Send + Sync + 'static {
    /// The names of all files, in any order.
    ///
    /// # Errors
    /// What the system says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// A new, empty file for reading and writing. Its name is durable after [`Disk::sync_names`].
    ///
    /// # Errors
    /// `AlreadyExists`, or what the system says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// The file of that name, for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Takes the name away; whoever has the file open can still read it. Durable after [`Disk::sync_names`].
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all creations and removals before the call durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_names(&self) -> io::Result<()>;

    /// The name as an operator would look for it, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// One open file. Positions are absolute; there is no cursor.
pub trait File: Send + Sync + 'static {
    /// Its length in bytes, unsynced writes included.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before, or what the system says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `bytes`; a gap before `offset` reads as zeros.
    ///
    /// # Errors
    /// What the system says; some of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes all writes before the call durable, the file's length included (`fdatasync`).
    ///
    /// # Errors
    /// What the system says. Afterwards nobody knows what is durable, and a second call may lie.
    fn sync(&self) -> io::Result<()>;
}
