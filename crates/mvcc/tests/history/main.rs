//! The key space against a model that only keeps a list: writes and nested transactions in batches, compactions pruned
//! in small steps, restarts, long reads held over all of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do; clippy exempts only the latter")]

mod acts;
mod model;

use acts::Act;
use bytes::Bytes;
use model::{LEASE, Model, encoded};
use proptest::prelude::*;
use quorate_mvcc::{Overlay, Query, ReadError, RecordKey, Refusal, Snapshot, Store, Tier};
use quorate_storage::{Batch, Engine, Order, Range, Space, SpaceSet, View};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{Changes, KeyRange, Revision};
use std::ops::ControlFlow;
use std::sync::Arc;

const KEY: Space = Space::new(0, "key");
const META: Space = Space::new(1, "meta");
const SPACES: SpaceSet = SpaceSet::new(&[KEY, META]);

/// The store, the model, and the reads that somebody still holds.
struct Run {
    engine: MemoryEngine,
    store: Store,
    overlay: Overlay,
    model: Model,
    /// The revision of the model up to which watchers were told.
    told: i64,
    held: Vec<Held>,
}

/// A moment that must stay as it was.
struct Held {
    snapshot: Snapshot,
    view: Arc<dyn View>,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let engine = MemoryEngine::volatile(SPACES);
        let store = Store::open(KEY, META, engine.view().as_ref()).unwrap();
        let overlay = Overlay::new(engine.view());
        Self { engine, store, overlay, model: Model::new(), told: 1, held: Vec::new() }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Put(put) => {
                let mut writing = self.store.begin(&mut self.overlay);
                let answer = refusable(writing.put(&put));
                let _ = writing.end();
                assert_eq!(answer, self.model.put(&put));
            }
            Act::Delete(range, with_records) => {
                let mut writing = self.store.begin(&mut self.overlay);
                let deleted = writing.delete_range(&range, with_records).unwrap();
                let _ = writing.end();
                assert_eq!(deleted, self.model.delete(&range, with_records));
            }
            Act::Txn(txn) => {
                let mut writing = self.store.begin(&mut self.overlay);
                let answer = refusable(writing.txn(&txn, &|lease| lease == LEASE));
                let _ = writing.end();
                assert_eq!(answer, self.model.txn(&txn));
            }
            Act::Compact(back) => {
                let revision = self.model.revision - back;
                let answer = self.store.compact(Revision(revision), &mut self.overlay);
                assert_eq!(answer, self.model.compact(revision));
            }
            Act::Prune(budget) => {
                let has_more = self.store.prune(budget, self.overlay.batch());
                assert_eq!(has_more, self.store.is_pruning());
            }
            Act::Flush => self.flush(),
            Act::Restart => {
                self.flush();
                self.store = Store::open(KEY, META, self.engine.view().as_ref()).unwrap();
            }
            Act::Hold => {
                self.flush();
                self.held.push(self.moment());
            }
            Act::Read(query, back) => {
                self.flush();
                let query = Query { revision: Some(Revision(self.model.revision - back)), ..query };
                self.moment().check(&query);
            }
        }
        assert_eq!(self.store.revision(), Revision(self.model.revision));
        assert_eq!(self.store.compacted().map_or(-1, |compacted| compacted.0), self.model.compacted);
    }

    /// Ends the batch.
    fn flush(&mut self) {
        let mut overlay = std::mem::replace(&mut self.overlay, Overlay::new(self.engine.view()));
        assert_eq!(overlay.take_changes(), self.model.changes(self.told + 1));
        self.told = self.model.revision;
        self.engine.write(overlay.into_batch()).unwrap();
        self.overlay = Overlay::new(self.engine.view());
    }

    fn moment(&self) -> Held {
        Held { snapshot: self.store.snapshot(), view: self.engine.view(), model: self.model.clone() }
    }

    /// Everything there is to ask, now and of all moments that are still held.
    fn end(mut self) {
        self.flush();
        self.moment().check_all();
        self.held.iter().for_each(Held::check_all);
        let mut batch = Batch::default();
        while self.store.prune(2, &mut batch) {}
        self.engine.write(batch).unwrap();
        self.check_stored();
        self.moment().check_all();
        self.held.iter().for_each(Held::check_all);
    }

    /// Nothing is stored but what is needed, and all of that.
    fn check_stored(&self) {
        let mut stored = Vec::new();
        let mut visit = |key: &[u8], record: &[u8]| {
            stored.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(record)));
            ControlFlow::Continue(())
        };
        self.engine.view().scan(KEY, Range::ALL, Order::Ascending, &mut visit).unwrap();
        let expected = self.model.kept().into_iter().map(|event| {
            let at = RecordKey { main: Revision(event.main), sub: event.sub };
            match &event.record {
                Some(record) => (Bytes::copy_from_slice(&at.live()), encoded(record)),
                None => {
                    let only_key =
                        quorate_proto::mvccpb::KeyValue { key: event.key.clone(), ..Default::default() };
                    (Bytes::copy_from_slice(&at.tombstone()), encoded(&only_key))
                }
            }
        });
        assert_eq!(stored, expected.collect::<Vec<_>>());
    }
}

impl Held {
    fn check(&self, query: &Query) {
        for tier in [Tier::Memory, Tier::Disk] {
            let found = refusable(self.snapshot.range(self.view.as_ref(), query, tier));
            assert_eq!(found, self.model.range(query), "{query:?}");
        }
    }

    fn check_all(&self) {
        let whole = KeyRange::From(Bytes::new());
        assert_eq!(self.snapshot.key_count(), self.model.now().len());
        for revision in -1..=self.model.revision + 1 {
            let all = Query { revision: Some(Revision(revision)), ..Query::newest(whole.clone()) };
            self.check(&Query { count_only: true, ..all.clone() });
            self.check(&Query { keys_only: true, limit: Some(2), ..all.clone() });
            self.check(&all);
            self.check_past(revision);
        }
    }

    fn check_past(&self, from: i64) {
        let mut visited: Vec<Changes> = Vec::new();
        let answer = refusable(self.snapshot.changes(
            self.view.as_ref(),
            Revision(from),
            Revision(i64::MAX),
            &mut |changes| {
                visited.push(changes);
                ControlFlow::Continue(())
            },
        ));
        let is_compacted = from < self.model.compacted;
        assert_eq!(answer.is_err(), is_compacted, "{from}");
        if !is_compacted {
            // Of the compacted revision itself some changes may be gone.
            let kept = |changes: &Changes| changes.revision.0 > self.model.compacted;
            let expected: Vec<_> = self.model.changes(from).into_iter().filter(kept).collect();
            visited.retain(kept);
            assert_eq!(visited, expected, "{from}");
        }
        let is_readable = from > self.model.compacted.max(1) && from <= self.model.revision + 1;
        let before = if is_readable { self.model.state(from - 1) } else { model::State::new() };
        for key in ["k0", "k1", "k2", "k3", "k4", "k5"].map(|key| Bytes::from_static(key.as_bytes())) {
            let record = self.snapshot.record_before(self.view.as_ref(), &key, Revision(from)).unwrap();
            assert_eq!(record, before.get(&key).map(encoded), "{key:?} before {from}");
        }
    }
}

fn refusable<T>(answer: Result<T, ReadError>) -> Result<T, Refusal> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(ReadError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error:?}"),
    }
}

proptest! {
    #[test]
    fn the_key_space_does_what_the_list_says(acts in prop::collection::vec(acts::act(), 1..80)) {
        let mut run = Run::new();
        acts.into_iter().for_each(|act| run.act(act));
        run.end();
    }
}
