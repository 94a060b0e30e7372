//! The Raft log on disk: what is acknowledged survives, and one sync carries all that waits.
//!
//! A [`Log`] is a handle that answers at once, from a picture in memory. Behind it a [`Writer`], which is a
//! [`quorate_tasks::Step`], brings what was asked to disk in order: all that waits becomes one *sync batch*, one
//! write and one `fdatasync`, and while that runs the next batch forms by itself. Nobody waits for a timer, and
//! nobody waits for a batch to fill.
//!
//! The log knows indexes and nothing else of Raft: payloads, votes and marks are the owner's bytes. It refuses
//! to retry, to compress, to compact, to guess what damaged bytes meant, and to run without being given its
//! thread, its disk and its chance. `src/format.rs` describes the files byte by byte.
//!
//! Laws:
//! - **W1** What a `Done` said `Ok` to is there after any crash. What was never asked for never is.
//! - **W2** A batch is written only after the one before it was synced. So a later batch proves the earlier ones:
//!   damage before it is corruption, damage at the end is the torn tail of a crash.
//! - **W3** One stream: appends, truncations, purges and votes reach the disk in the order of the calls, which is
//!   the order in which the handle shows them.
//! - **W4** A segment is unlinked when all entries in it are durably purged, truncated or superseded, oldest
//!   first; each segment's header repeats the log's state, so that nothing but entries goes with it.
//! - **W5** An entry is in memory until it is on disk, and then for as long as the tail has room.
//! - **W6** A failed write or sync is final. Nothing is retried, everything later fails with it.
//! - **W7** Every `Done` of an accepted request is called exactly once; those of one batch newest first.
//! - **W8** Every number from disk is checked before it is used; every size is bounded where it enters.
//! - **W9** The committed mark on disk is never ahead of the entries on disk, and never beside an older entry of
//!   the same index that a truncation has yet to replace.
//!
//! W1 and W2 rest on the disk: a sector of 512 bytes is written whole or not at all, and a sync that reports
//! success has happened. With [`Options::sync`] off neither holds across a crash of the machine.
//!
//! What bounds the space: on disk, only [`Log::purge`]; in memory, the tail ([`Options::tail_bytes_max`], plus
//! what waits to be written, which the owner admits) and 16 bytes for every entry that is not purged.
//!
//! One process at a time: whoever opens a log holds the lock of its data directory.

mod disk;
mod error;
mod format;
mod log;
mod picture;
mod recovery;
mod request;
mod segment;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod writer;

pub use disk::{Disk, File, FileDisk};
pub use error::Error;
pub use log::Log;
pub use picture::Usage;
pub use recovery::{Recovery, Torn};
pub use request::{Done, Request};
pub use state::{Entry, Mark};
pub use writer::Writer;

use parking_lot::Mutex;
use picture::{Picture, Shared};
use quorate_tasks::inbox::{Receiver, inbox};
use std::sync::Arc;

/// No batch is asked to grow beyond what the format frames, whatever the options say.
const BATCH_BYTES_LIMIT: usize = format::PAYLOAD_MAX;

/// How a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A segment is closed before it grows past this. Default 64 MiB; smaller frees space in smaller steps.
    pub segment_bytes: u64,
    /// How far the zeros reach beyond what is written. Default 4 MiB; at half of that they are extended.
    pub zero_bytes: u64,
    /// What one sync carries at most, single larger entries excepted. Default 8 MiB.
    pub batch_bytes_max: usize,
    /// Payloads of recent entries kept in memory. Default 64 MiB; what a follower lags beyond it is read from disk.
    pub tail_bytes_max: usize,
    /// Requests that may wait for the writer; past it they are refused. Default 65,536: far beyond what openraft
    /// has in flight, so that it is met only if the disk hangs.
    pub inbox_max: usize,
    /// Chance, from the caller. It becomes part of a new log and is ignored by one that exists.
    pub nonce: u64,
    /// Whether batches are synced. Default true; false gives up W1 and W2 when the machine crashes.
    pub sync: bool,
}

/// An open log, its parts not yet running.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub log: Log,
    /// To be run as a step over `inbox`.
    pub writer: Writer,
    /// What `writer` works through.
    pub inbox: Receiver<Request>,
    /// What was found.
    pub recovery: Recovery,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            zero_bytes: 4 << 20,
            batch_bytes_max: 8 << 20,
            tail_bytes_max: 64 << 20,
            inbox_max: 1 << 16,
            nonce: 0,
            sync: true,
        }
    }
}

impl Options {
    fn layout(&self) -> segment::Layout {
        segment::Layout { segment_bytes: self.segment_bytes, zero_bytes: self.zero_bytes }
    }
}

/// Reads the log on `disk`, or begins one if there is none. Blocks for the time it takes to read it all.
///
/// A torn last batch is cut, durably, and reported in [`Opened::recovery`].
///
/// # Errors
/// `Corrupt`, `Version` or `Missing` if the files are not what a crash can leave: nothing was changed then.
/// `Io` from the disk.
pub fn open(disk: Arc<dyn Disk>, options: &Options) -> Result<Opened, Error> {
    let recovery::Recovered { nonce, stored, segments, resume, recovery } =
        recovery::recover(&*disk, options.nonce, options.layout())?;
    let picture = Mutex::new(Picture::new(stored, segments));
    let shared = Arc::new(Shared { picture, nonce, tail_bytes_max: options.tail_bytes_max });
    let mut writer = Writer::new(shared.clone(), disk, options, resume);
    writer.unlink()?;
    let (sender, inbox) = inbox(options.inbox_max);
    Ok(Opened { log: Log::new(shared, sender), writer, inbox, recovery })
}
