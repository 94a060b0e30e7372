//! Reading: the keys at one moment.

use crate::compaction::NEVER;
use crate::index::Index;
use crate::moment::Moment;
use crate::reader::{Reader, Source};
use crate::{Query, RecordKey, Refusal, Txn, TxnDone, taken};
use bytes::Bytes;
use quorate_storage::{Error, Space, View};
use quorate_types::Revision;

/// The index at one moment (law M4). Cheap to clone; reads records through a view of the same moment, and through no
/// younger one (law M6).
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) space: Space,
    pub(crate) index: Index,
    pub(crate) revision: Revision,
    /// -1 before the first compaction, as in etcd.
    pub(crate) compacted: Revision,
}

/// What a range read found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The records in wire form, in the order asked for.
    pub records: Vec<Bytes>,
    /// Whether the limit cut some off.
    pub more: bool,
    /// The live keys in the range, whatever limit and filter say.
    pub count: usize,
}

/// Where a read may look for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// In memory only, and not for long: for threads that must not wait.
    Memory,
    /// On the disk too.
    Disk,
}

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It needs the disk, or more time than [`Tier::Memory`] allows: read again with [`Tier::Disk`].
    #[error("needs the disk")]
    NeedsDisk,
    /// The state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine failed.
    #[error("read a record")]
    Storage(#[from] Error),
    /// A record is not what was written, or is missing.
    #[error("record {0:?} is corrupt or missing")]
    Corrupt(RecordKey),
}

impl ReadError {
    /// What should name a place names none.
    pub(crate) const CORRUPT_PLACE: Self = Self::Corrupt(RecordKey { main: Revision(0), sub: 0 });
}

impl Snapshot {
    /// The newest revision in it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The oldest revision that can be read, if anything was ever compacted.
    #[must_use]
    pub fn compacted(&self) -> Option<Revision> {
        Some(self.compacted).filter(|compacted| *compacted != NEVER)
    }

    /// How many keys live. Cost: constant.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.index.len()
    }

    /// Answers `query`, from the index and from `view`, which is of the same moment.
    ///
    /// Cost: one look-up in the engine a record returned. The limit ends the walk, unless the order is not the natural
    /// one or there is a filter: then the whole range is walked, and for an order by value, or at an older revision by
    /// version or creation, read. Records are shared with the engine, not copied.
    ///
    /// # Errors
    /// [`Refusal::Future`], [`Refusal::Compacted`]. [`ReadError::NeedsDisk`] only with [`Tier::Memory`]: what is
    /// not in memory, 1000 records, 1 MiB and 4000 keys walked are more than a front thread may do.
    pub fn range(&self, view: &dyn View, query: &Query, tier: Tier) -> Result<Found, ReadError> {
        self.moment(view, tier).range(query)
    }

    /// Answers a transaction that only reads: its comparisons and the reads of the branch taken.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    ///
    /// # Panics
    /// If it has a step that is not a range.
    pub fn txn(&self, view: &dyn View, txn: &Txn, tier: Tier) -> Result<TxnDone, ReadError> {
        taken::read(&self.moment(view, tier), txn)
    }

    pub(crate) fn moment<'a>(&'a self, view: &'a dyn View, tier: Tier) -> Moment<'a> {
        Moment {
            index: &self.index,
            revision: self.revision,
            compacted: self.compacted,
            reader: Reader::new(Source::View(view, tier), self.space),
        }
    }
}

#[cfg(test)]
mod tests;
