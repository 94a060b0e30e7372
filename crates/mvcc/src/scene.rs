//! A store on a volatile engine, for tests: each call is a batch of its own.

use crate::{
    Deleted, Found, Overlay, Put, Query, ReadError, Refusal, Store, Tier, Txn, TxnDone, Writing, key_value,
};
use bytes::Bytes;
use quorate_proto::mvccpb::KeyValue;
use quorate_storage::{Batch, Engine, Order, Range, Space, SpaceSet};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{Changes, KeyRange, LeaseId, Revision};
use std::ops::ControlFlow;
use std::sync::Arc;

pub(crate) const KEY: Space = Space::new(0, "key");
pub(crate) const META: Space = Space::new(1, "meta");
pub(crate) const SPACES: SpaceSet = SpaceSet::new(&[KEY, META]);

/// The one lease that lives in a scene.
pub(crate) const LEASE: LeaseId = LeaseId(9);

pub(crate) struct Scene {
    pub(crate) engine: Arc<MemoryEngine>,
    pub(crate) store: Store,
    /// What watchers were told so far.
    pub(crate) told: Vec<Changes>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let engine = Arc::new(MemoryEngine::volatile(SPACES));
        let store =
            Store::open(KEY, META, engine.view().as_ref()).expect("a scene asks only what must succeed");
        Self { engine, store, told: Vec::new() }
    }

    /// A store that has only what the engine has.
    pub(crate) fn restart(&mut self) {
        self.store =
            Store::open(KEY, META, self.engine.view().as_ref()).expect("a scene asks only what must succeed");
    }

    /// Writes what `work` wrote, even if it failed: a refusal must have changed nothing.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let mut overlay = Overlay::new(self.engine.view());
        let mut writing = self.store.begin(&mut overlay);
        let answer = work(&mut writing);
        let _ = writing.end();
        self.told.extend(overlay.take_changes());
        self.engine.write(overlay.into_batch()).expect("a scene asks only what must succeed");
        answer
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) {
        self.put_with(key, Some(value), Some(0)).expect("a scene asks only what must succeed");
    }

    pub(crate) fn put_with(
        &mut self,
        key: &str,
        value: Option<&str>,
        lease: Option<i64>,
    ) -> Result<(), ReadError> {
        let put = put(key, value, lease);
        self.write(|writing| writing.put(&put))
    }

    pub(crate) fn delete(&mut self, key: &str, end: &str) -> Deleted {
        self.write(|writing| writing.delete_range(&range(key, end), true))
            .expect("a scene asks only what must succeed")
    }

    pub(crate) fn txn(&mut self, txn: &Txn) -> Result<TxnDone, ReadError> {
        self.write(|writing| writing.txn(txn, &|lease| lease == LEASE))
    }

    pub(crate) fn compact(&mut self, revision: i64) -> Result<(), Refusal> {
        let mut overlay = Overlay::new(self.engine.view());
        let answer = self.store.compact(Revision(revision), &mut overlay);
        self.engine.write(overlay.into_batch()).expect("a scene asks only what must succeed");
        answer
    }

    /// One small step of pruning; true while there is more.
    pub(crate) fn prune(&mut self, budget: usize) -> bool {
        let mut batch = Batch::default();
        let has_more = self.store.prune(budget, &mut batch);
        self.engine.write(batch).expect("a scene asks only what must succeed");
        has_more
    }

    pub(crate) fn find(&self, query: &Query) -> Result<Found, ReadError> {
        self.store.snapshot().range(self.engine.view().as_ref(), query, Tier::Disk)
    }

    /// `key=value` of what a query finds, and whether there is more.
    pub(crate) fn show(&self, query: &Query) -> (Vec<String>, bool) {
        let found = self.find(query).expect("a scene asks only what must succeed");
        (found.records.into_iter().map(shown).collect(), found.more)
    }

    /// `key=value` of every key at `revision`.
    pub(crate) fn all_at(&self, revision: i64) -> Vec<String> {
        self.show(&at(revision, Query::newest(range("\0", "\0")))).0
    }

    pub(crate) fn get(&self, key: &str) -> Option<KeyValue> {
        let found = self.find(&Query::newest(range(key, ""))).expect("a scene asks only what must succeed");
        found.records.into_iter().next().map(|record| key_value(record).expect("the store gives records"))
    }

    /// All record keys and records that are stored.
    pub(crate) fn stored(&self, space: Space) -> Vec<(Bytes, Bytes)> {
        let mut stored = Vec::new();
        let mut visit = |key: &[u8], record: &[u8]| {
            stored.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(record)));
            ControlFlow::Continue(())
        };
        self.engine
            .view()
            .scan(space, Range::ALL, Order::Ascending, &mut visit)
            .expect("a scene asks only what must succeed");
        stored
    }
}

pub(crate) fn at(revision: i64, query: Query) -> Query {
    Query { revision: Some(Revision(revision)), ..query }
}

pub(crate) fn put(key: &str, value: Option<&str>, lease: Option<i64>) -> Put {
    Put { key: bytes(key), value: value.map(bytes), lease: lease.map(LeaseId) }
}

pub(crate) fn range(key: &str, end: &str) -> KeyRange {
    KeyRange::from_wire(bytes(key), bytes(end))
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn shown(record: Bytes) -> String {
    let record = key_value(record).expect("the store gives records");
    format!("{}={}", String::from_utf8_lossy(&record.key), String::from_utf8_lossy(&record.value))
}

/// Why a call was refused.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> Refusal {
    match answer {
        Err(ReadError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The engine as it is now.
pub(crate) fn view(scene: &Scene) -> Arc<dyn quorate_storage::View> {
    scene.engine.view()
}
