//! What a batch of commands has written so far, over the state before it.

use crate::RecordKey;
use bytes::Bytes;
use foldhash::HashMap;
use quorate_storage::{Batch, Error, Space, View};
use std::sync::Arc;

/// Pending writes over a view: later commands of a batch read what earlier ones wrote.
pub struct Overlay {
    view: Arc<dyn View>,
    batch: Batch,
    records: HashMap<RecordKey, Bytes>,
}

impl Overlay {
    /// Nothing pending over `view`.
    #[must_use]
    pub fn new(view: Arc<dyn View>) -> Self {
        Self { view, batch: Batch::default(), records: HashMap::default() }
    }

    /// Everything pending, for other spaces of the same engine.
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// The pending writes, to be given to the engine.
    #[must_use]
    pub fn into_batch(self) -> Batch {
        self.batch
    }

    /// Adds a record; its key is new, since its revision is (law M1).
    pub(crate) fn insert(&mut self, space: Space, at: RecordKey, record: Bytes) {
        self.records.insert(at, record.clone());
        self.batch.insert(space, Bytes::copy_from_slice(&at.live()), record);
    }

    /// Adds the record of a delete. Nobody reads it in this batch.
    pub(crate) fn insert_tombstone(&mut self, space: Space, at: RecordKey, record: Bytes) {
        self.batch.insert(space, Bytes::copy_from_slice(&at.tombstone()), record);
    }

    /// The record of a live key.
    pub(crate) fn get(&self, space: Space, at: RecordKey) -> Result<Option<Bytes>, Error> {
        match self.records.get(&at) {
            Some(record) => Ok(Some(record.clone())),
            None => self.view.get(space, &at.live()),
        }
    }
}
