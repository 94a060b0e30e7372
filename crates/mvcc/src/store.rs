//! The one mutable key space of the apply thread.

use crate::compaction::{Pass, Standing};
use crate::index::{Index, Live, Row};
use crate::record::Fields;
use crate::{Overlay, ReadError, RecordKey, Snapshot, Writing};
use bytes::Bytes;
use quorate_storage::{Order, Range, Space, View};
use quorate_types::{KeyRange, LeaseId, Revision};
use std::ops::ControlFlow;

/// All keys: none is empty.
static EVERYTHING: KeyRange = KeyRange::From(Bytes::from_static(b"\0"));

/// The key space: the index over what the engine stores, and the revision it is at.
#[derive(Debug)]
pub struct Store {
    pub(crate) space: Space,
    pub(crate) meta: Space,
    pub(crate) index: Index,
    pub(crate) revision: Revision,
    /// -1 before the first compaction, as in etcd.
    pub(crate) compacted: Revision,
    /// There is one exactly while the engine may hold records that compaction freed.
    pub(crate) pass: Option<Pass>,
}

impl Store {
    /// The key space whose records are in `space` of `view`; where compaction stands is in its space `meta`. A
    /// compaction that was not through goes on with the next [`Store::prune`].
    ///
    /// Cost: reads every record once, in the order of the changes; values are passed over.
    ///
    /// # Errors
    /// The engine fails, or a record is not one.
    pub fn open(space: Space, meta: Space, view: &dyn View) -> Result<Self, ReadError> {
        let Standing { compacted, pass } = Standing::load(meta, view)?;
        // etcd too: all that was written since may be gone, the revisions are not.
        let revision = compacted.max(Revision::FIRST);
        let mut store = Self { space, meta, index: Index::default(), revision, compacted, pass };
        let mut failure = None;
        view.scan(
            space,
            Range::ALL,
            Order::Ascending,
            &mut |place, record| match store.load(place, record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        failure.map_or(Ok(store), Err)
    }

    /// Takes up one stored record, in the order of the changes.
    fn load(&mut self, place: &[u8], record: &[u8]) -> Result<(), ReadError> {
        let (at, is_tombstone) = RecordKey::decode(place).ok_or(ReadError::CORRUPT_PLACE)?;
        self.revision = self.revision.max(at.main);
        if record.is_empty() {
            return Ok(()); // etcd's `--bump-revision` writes such: a revision, and no key
        }
        let Fields { key, created, version, lease, .. } =
            Fields::decode(record).filter(|fields| !fields.key.is_empty()).ok_or(ReadError::Corrupt(at))?;
        if is_tombstone {
            self.index.delete(key, at);
        } else {
            self.index.put(key, Live { at, created, version, lease });
        }
        Ok(())
    }

    /// The revision of the last change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What readers may see of it now. Cost: constant.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let Self { space, revision, compacted, .. } = *self;
        Snapshot { space, index: self.index.clone(), revision, compacted }
    }

    /// Every live key that hangs on a lease, in key order. Cost: a walk over all live keys.
    pub fn leased(&self) -> impl Iterator<Item = (Vec<u8>, LeaseId)> {
        let leased = |row: Row<'_>| {
            let lease = row.live.expect("M3: the newest version of a key is known").lease;
            (lease != LeaseId::NONE).then(|| (row.key.to_vec(), lease))
        };
        self.index.range(&EVERYTHING, None).filter_map(leased)
    }

    /// Begins a transaction that writes through `overlay`.
    pub fn begin<'a>(&'a mut self, overlay: &'a mut Overlay) -> Writing<'a> {
        Writing::new(self, overlay)
    }
}

#[cfg(test)]
mod tests;
