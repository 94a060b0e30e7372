//! Forgetting: history up to a revision, in small steps.
//!
//! A compaction counts at once: nobody can read below it any more. What that frees is removed later, a few records at a
//! time, by whoever calls [`Store::prune`]; after a restart that begins again.

use crate::index::PruneCursor;
use crate::{Overlay, ReadError, RecordKey, Refusal, Store};
use bytes::Bytes;
use quorate_storage::{Batch, Space, View};
use quorate_types::Revision;

/// Before the first compaction, as in etcd: so that the first one may be at 0.
pub(crate) const NEVER: Revision = Revision(-1);

/// In the space `meta`: the newest compaction that counts, as a record key.
const SCHEDULED: &[u8] = b"scheduledCompactRev";
/// In the space `meta`: the newest compaction that is through, as a record key.
const FINISHED: &[u8] = b"finishedCompactRev";

/// Removing what a compaction freed.
#[derive(Debug)]
pub(crate) struct Pass {
    floor: Revision,
    cursor: PruneCursor,
}

/// Where compaction stands, as stored.
pub(crate) struct Standing {
    pub(crate) compacted: Revision,
    pub(crate) pass: Option<Pass>,
}

impl Standing {
    pub(crate) fn load(meta: Space, view: &dyn View) -> Result<Self, ReadError> {
        let scheduled = load(meta, view, SCHEDULED)?;
        let finished = load(meta, view, FINISHED)?;
        let pass = (scheduled > finished).then(|| Pass::to(scheduled));
        Ok(Self { compacted: scheduled.max(finished), pass })
    }
}

impl Pass {
    fn to(floor: Revision) -> Self {
        Self { floor, cursor: PruneCursor::default() }
    }
}

impl Store {
    /// Raises the floor to `revision`: what is older can no longer be read, starting with the next snapshot.
    ///
    /// Cost: constant. [`Store::prune`] removes what is not needed any more.
    ///
    /// # Errors
    /// [`Refusal::Compacted`] at or below the floor, [`Refusal::Future`] above the newest revision. The first compaction
    /// may be at 0, where there is nothing.
    pub fn compact(&mut self, revision: Revision, overlay: &mut Overlay) -> Result<(), Refusal> {
        if revision <= self.compacted {
            return Err(Refusal::Compacted { asked: revision, oldest: self.compacted });
        }
        if revision > self.revision {
            return Err(Refusal::Future { asked: revision, newest: self.revision });
        }
        self.compacted = revision;
        // A pass under way ends at its own floor first: begun anew each time, it might never come to the last key.
        self.pass.get_or_insert_with(|| Pass::to(revision));
        overlay.batch().put(self.meta, SCHEDULED, stored(revision));
        Ok(())
    }

    /// One small step of removing what compaction freed: adds the deletes of about `budget` records to `batch`. True
    /// while there is more to do.
    ///
    /// The batch is written before the store is used again with a younger view. Readers of older snapshots keep what
    /// they see (law M6).
    pub fn prune(&mut self, budget: usize, batch: &mut Batch) -> bool {
        let Some(pass) = &mut self.pass else { return false };
        let mut gone = Vec::new();
        let has_more = self.index.prune(pass.floor, &mut pass.cursor, budget, &mut gone);
        for record in gone {
            match record.is_tombstone {
                true => batch.delete(self.space, Bytes::copy_from_slice(&record.at.tombstone())),
                false => batch.delete(self.space, Bytes::copy_from_slice(&record.at.live())),
            }
        }
        if !has_more {
            batch.put(self.meta, FINISHED, stored(pass.floor));
            self.pass = (self.compacted > pass.floor).then(|| Pass::to(self.compacted));
        }
        self.is_pruning()
    }

    /// Whether [`Store::prune`] has anything to do.
    #[must_use]
    pub fn is_pruning(&self) -> bool {
        self.pass.is_some()
    }

    /// The oldest revision that can be read, if anything was ever compacted.
    #[must_use]
    pub fn compacted(&self) -> Option<Revision> {
        Some(self.compacted).filter(|compacted| *compacted != NEVER)
    }
}

fn stored(revision: Revision) -> Bytes {
    Bytes::copy_from_slice(&RecordKey::first(revision).live())
}

fn load(meta: Space, view: &dyn View, key: &[u8]) -> Result<Revision, ReadError> {
    let Some(record) = view.get(meta, key)? else { return Ok(NEVER) };
    match RecordKey::decode(&record) {
        Some((at, false)) => Ok(at.main),
        _ => Err(ReadError::CORRUPT_PLACE),
    }
}

#[cfg(test)]
mod tests;
