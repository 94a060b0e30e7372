//! What a batch of commands has written so far, over the state before it.

use crate::RecordKey;
use crate::record::{Fields, Stored};
use bytes::Bytes;
use quorate_storage::{Batch, Error, Space, View};
use quorate_types::Changes;
use std::sync::Arc;

/// Pending writes over a view: later commands of a batch read what earlier ones wrote.
pub struct Overlay {
    view: Arc<dyn View>,
    batch: Batch,
    /// One for each revision, without gaps (law M1); the place in it is `sub` (law M2).
    changes: Vec<Changes>,
    /// Set once the changes were taken: then nothing can be read through the overlay any more.
    is_over: bool,
}

impl Overlay {
    /// Nothing pending over `view`.
    #[must_use]
    pub fn new(view: Arc<dyn View>) -> Self {
        Self { view, batch: Batch::default(), changes: Vec::new(), is_over: false }
    }

    /// Everything pending, for other spaces of the same engine.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// What was changed, one entry for each revision, in order: what watchers are told. Nothing is written or read
    /// through the overlay after this; [`Overlay::into_batch`] is what remains.
    ///
    /// Cost: constant. A put's record is the stored one, shared.
    #[must_use]
    pub fn take_changes(&mut self) -> Vec<Changes> {
        self.is_over = true;
        std::mem::take(&mut self.changes)
    }

    /// The pending writes, to be given to the engine.
    #[must_use]
    pub fn into_batch(self) -> Batch {
        self.batch
    }

    /// Adds a record; its place is new, since its revision is (law M1).
    pub(crate) fn put(&mut self, space: Space, at: RecordKey, fields: &Fields<'_>) {
        self.add(space, at, Stored::put(at, fields));
    }

    /// Adds the record of a delete.
    pub(crate) fn delete(&mut self, space: Space, at: RecordKey, key: &[u8]) {
        self.add(space, at, Stored::delete(at, key));
    }

    fn add(&mut self, space: Space, at: RecordKey, stored: Stored) {
        assert!(!self.is_over, "changes are taken once, after the last write");
        self.batch.insert(space, stored.place, stored.record);
        match self.changes.last_mut() {
            Some(newest) if newest.revision == at.main => {
                assert_eq!(newest.changes.len() as i64, at.sub, "M2: sub counts changes");
                newest.changes.push(stored.change);
            }
            newest => {
                assert!(newest.is_none_or(|newest| newest.revision.next() == at.main), "M1: no gaps");
                assert_eq!(at.sub, 0, "M2: sub counts from 0");
                self.changes.push(Changes { revision: at.main, changes: vec![stored.change] });
            }
        }
    }

    /// The record of a key that lives, or lived, at `at`.
    pub(crate) fn get(&self, space: Space, at: RecordKey) -> Result<Option<Bytes>, Error> {
        assert!(!self.is_over, "changes are taken once, after the last read");
        match self.pending(at) {
            Some(record) => Ok(Some(record.clone())),
            None => self.view.get(space, &at.live()),
        }
    }

    fn pending(&self, at: RecordKey) -> Option<&Bytes> {
        let oldest = self.changes.first()?.revision;
        let changes = self.changes.get(usize::try_from(at.main.0 - oldest.0).ok()?)?;
        Some(&changes.changes.get(usize::try_from(at.sub).ok()?)?.record)
    }
}
