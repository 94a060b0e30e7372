//! Checksums of the records: members of one cluster whose checksums agree hold the same.
//!
//! The records and their order are etcd's, so its members could be compared with ours. What a compaction freed must not
//! count, since each member removes it at its own pace (law M7): of what is compacted a record counts only if it was the
//! newest of a key that lived. As in etcd that is asked at the revision of the checksum, or, if no key lived then,
//! at the compacted one.

use crate::record::Fields;
use crate::{ReadError, RecordKey, Refusal, Snapshot};
use bytes::Bytes;
use quorate_storage::{Order, Range, View};
use quorate_types::{KeyRange, Revision};
use std::ops::{Bound, ControlFlow};

/// What one step looks at, at most: a few milliseconds, if nothing has to come from the disk.
const STEP_RECORDS: usize = 1000;
const STEP_BYTES: usize = 1 << 20;

/// A checksum in the making: CRC-32C.
#[derive(Debug, Clone)]
pub struct Hashing {
    sum: u32,
    /// What came later does not count.
    through: Revision,
    /// Where it is asked what of the compacted counts.
    kept_at: Revision,
    /// The first record to look at; none once all were.
    next: Option<Vec<u8>>,
}

impl Snapshot {
    /// Begins the checksum of what happened up to `revision`, of the newest one for 0. A negative one has none of it.
    ///
    /// # Errors
    /// [`Refusal::Compacted`], [`Refusal::Future`]. etcd: `mvcc/kvstore.go`, `hashByRev`.
    pub fn hashing(&self, revision: Revision) -> Result<Hashing, Refusal> {
        if revision > Revision(0) && revision < self.compacted {
            return Err(Refusal::Compacted { asked: revision, oldest: self.compacted });
        }
        if revision > self.revision {
            return Err(Refusal::Future { asked: revision, newest: self.revision });
        }
        let through = if revision == Revision(0) { self.revision } else { revision };
        let all = KeyRange::From(Bytes::from_static(b"\0"));
        let some_live = through > Revision(0) && self.index.count(&all, Some(through)) > 0;
        let kept_at = if some_live { through } else { self.compacted };
        // As bytes, negative revisions come last.
        let next = (through > Revision(0)).then(Vec::new);
        Ok(Hashing { sum: crc32c::crc32c(self.space.name().as_bytes()), through, kept_at, next })
    }

    /// Begins the checksum of all records that can be read, on top of `sum`, which has whatever comes before them.
    #[must_use]
    pub fn hashing_all(&self, sum: u32) -> Hashing {
        Hashing { sum, through: self.revision, kept_at: self.compacted, next: Some(Vec::new()) }
    }
}

impl Hashing {
    /// Takes up some more records; false once all are in. `snapshot` is the one it was begun with, `view` of the same
    /// moment. May read the disk.
    ///
    /// # Errors
    /// The engine fails, or a record is none.
    pub fn step(&mut self, snapshot: &Snapshot, view: &dyn View) -> Result<bool, ReadError> {
        let Some(start) = self.next.take() else { return Ok(false) };
        let end = RecordKey::first(self.through.next()).live();
        let range = Range { start: Bound::Included(&start), end: Bound::Excluded(&end) };
        let (mut records, mut bytes, mut failure) = (0, 0, None);
        view.scan(snapshot.space, range, Order::Ascending, &mut |place, record| {
            if let Err(error) = self.take(snapshot, place, record) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            (records, bytes) = (records + 1, bytes + place.len() + record.len());
            if records < STEP_RECORDS && bytes < STEP_BYTES {
                return ControlFlow::Continue(());
            }
            self.next = Some([place, &[0]].concat());
            ControlFlow::Break(())
        })?;
        failure.map_or(Ok(self.next.is_some()), Err)
    }

    /// The checksum of what was taken up.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.sum
    }

    /// The last revision that counts.
    #[must_use]
    pub fn through(&self) -> Revision {
        self.through
    }

    fn take(&mut self, snapshot: &Snapshot, place: &[u8], record: &[u8]) -> Result<(), ReadError> {
        let (at, is_tombstone) = RecordKey::decode(place).ok_or(ReadError::CORRUPT_PLACE)?;
        if at.main > snapshot.compacted || (!is_tombstone && self.is_kept(snapshot, at, record)?) {
            self.sum = crc32c::crc32c_append(crc32c::crc32c_append(self.sum, place), record);
        }
        Ok(())
    }

    /// Whether a record at or below the compacted revision is the one that its key had.
    fn is_kept(&self, snapshot: &Snapshot, at: RecordKey, record: &[u8]) -> Result<bool, ReadError> {
        if record.is_empty() {
            return Ok(false); // of etcd's `--bump-revision`: compacted, it is gone
        }
        let fields = Fields::decode(record).ok_or(ReadError::Corrupt(at))?;
        Ok(snapshot.index.get_at(fields.key, self.kept_at).is_some_and(|row| row.at == at))
    }
}

#[cfg(test)]
mod tests;
