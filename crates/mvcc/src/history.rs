//! Looking back: what changed since, for watchers that are behind.

use crate::reader::fields;
use crate::record::Fields;
use crate::{ReadError, RecordKey, Refusal, Snapshot};
use bytes::Bytes;
use quorate_storage::{Order, Range, View};
use quorate_types::{Change, ChangeKind, Changes, Revision};
use std::ops::{Bound, ControlFlow};

impl Snapshot {
    /// Visits what changed from revision `from` to `through`, both included, revision by revision, oldest first, until
    /// `visit` breaks. A revision is never split. At the compacted revision only what compaction kept is there.
    ///
    /// Cost: one seek plus the records visited, which are copied. May read the disk.
    ///
    /// # Errors
    /// [`Refusal::Compacted`] if `from` is below the compacted revision. The engine fails, or a record is none.
    pub fn changes(
        &self,
        view: &dyn View,
        from: Revision,
        through: Revision,
        visit: &mut dyn FnMut(Changes) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        if from < self.compacted {
            return Err(Refusal::Compacted { asked: from, oldest: self.compacted }.into());
        }
        // Below the first revision nothing happened; as bytes, negative ones come last.
        let (from, through) = (from.max(Revision::FIRST), through.min(self.revision));
        if from > through {
            return Ok(());
        }
        let (start, end) = (RecordKey::first(from).live(), RecordKey::first(through.next()).live());
        let range = Range { start: Bound::Included(&start), end: Bound::Excluded(&end) };
        let mut gathering = Gathering { changes: None, is_over: false, failure: None };
        view.scan(self.space, range, Order::Ascending, &mut |place, record| {
            gathering.take(place, record, visit)
        })?;
        gathering.end(visit)
    }

    /// The record that `key` had before `revision`: what an event of that revision may say of the past. None if it did
    /// not live, or if that is compacted. May read the disk.
    ///
    /// # Errors
    /// The engine fails.
    pub fn record_before(
        &self,
        view: &dyn View,
        key: &[u8],
        revision: Revision,
    ) -> Result<Option<Bytes>, ReadError> {
        let at = Revision(revision.0.saturating_sub(1));
        if at < Revision::FIRST || at < self.compacted || at > self.revision {
            return Ok(None);
        }
        let Some(row) = self.index.get_at(key, at) else { return Ok(None) };
        view.get(self.space, &row.at.live())?.map(Some).ok_or(ReadError::Corrupt(row.at)) // M3
    }
}

/// Records on their way into whole revisions.
struct Gathering {
    /// Of the revision being read.
    changes: Option<Changes>,
    /// The visitor has had enough.
    is_over: bool,
    failure: Option<ReadError>,
}

impl Gathering {
    fn take(
        &mut self,
        place: &[u8],
        record: &[u8],
        visit: &mut dyn FnMut(Changes) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (revision, change) = match decode(place, record) {
            Ok(Some(decoded)) => decoded,
            Ok(None) => return ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
        };
        match &mut self.changes {
            Some(changes) if changes.revision == revision => changes.changes.push(change),
            changes => {
                let whole = changes.replace(Changes { revision, changes: vec![change] });
                if let Some(whole) = whole {
                    let flow = visit(whole);
                    self.is_over = flow.is_break();
                    return flow;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn end(self, visit: &mut dyn FnMut(Changes) -> ControlFlow<()>) -> Result<(), ReadError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Some(last) = self.changes.filter(|_| !self.is_over) {
            let _ = visit(last); // nothing follows that a break could keep away
        }
        Ok(())
    }
}

/// The change that a record is; none for etcd's empty record, which stands for a revision and nothing else.
fn decode(place: &[u8], record: &[u8]) -> Result<Option<(Revision, Change)>, ReadError> {
    let (at, is_tombstone) = RecordKey::decode(place).ok_or(ReadError::CORRUPT_PLACE)?;
    if record.is_empty() {
        return Ok(None);
    }
    let record = Bytes::copy_from_slice(record);
    let key = record.slice_ref(fields(&record, at)?.key);
    let change = if is_tombstone {
        let event = Fields { modified: at.main, ..Fields::only(&key) }.to_record();
        Change { key, kind: ChangeKind::Delete, record: event }
    } else {
        Change { key, kind: ChangeKind::Put, record }
    };
    Ok(Some((at.main, change)))
}

#[cfg(test)]
mod tests;
