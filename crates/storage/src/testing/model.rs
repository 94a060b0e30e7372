//! The plainest engine: what every other one is compared with.

use crate::{
    Batch, Cached, Engine, Error, Op, Order, Progress, RECORD_OVERHEAD, Range, Replacement, Space, SpaceSet,
    Successor, View,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeBounds};
use std::sync::Arc;

/// The records of all spaces, and everything about them worked out the slow way.
#[derive(Debug, Clone)]
pub struct Model {
    spaces: SpaceSet,
    records: Vec<BTreeMap<Bytes, Bytes>>,
}

/// What survives a [`ModelEngine`]: its state as of the last `persist`. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Option<Model>>>);

/// An engine over a [`Model`] that clones the whole of it for every batch.
#[derive(Debug)]
pub struct ModelEngine {
    disk: Disk,
    current: Arc<Mutex<Arc<Model>>>,
}

/// A model that is to become the engine's.
struct ModelReplacement {
    disk: Disk,
    current: Arc<Mutex<Arc<Model>>>,
    model: Model,
    progress: Progress,
}

impl Model {
    /// No records.
    #[must_use]
    pub fn new(spaces: SpaceSet) -> Self {
        Self { spaces, records: vec![BTreeMap::new(); spaces.as_slice().len()] }
    }

    /// A copy of all that `view` shows.
    ///
    /// # Errors
    /// The view could not be read.
    pub fn of(view: &dyn View, spaces: SpaceSet) -> Result<Self, Error> {
        let mut model = Self::new(spaces);
        for &space in spaces.as_slice() {
            let records = &mut model.records[space.ordinal()];
            view.scan(space, Range::ALL, Order::Ascending, &mut |key, value| {
                records.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                ControlFlow::Continue(())
            })?;
        }
        Ok(model)
    }

    /// Carries out one operation.
    pub fn apply(&mut self, op: &Op) {
        match op.clone() {
            Op::Insert { space, key, value } => {
                let earlier = self.records[space.ordinal()].insert(key, value);
                assert!(earlier.is_none(), "S5: an inserted key is new");
            }
            Op::Put { space, key, value } => drop(self.records[space.ordinal()].insert(key, value)),
            Op::Delete { space, key } => drop(self.records[space.ordinal()].remove(&key)),
        }
    }

    /// The records of `space`, by key.
    #[must_use]
    pub fn records(&self, space: Space) -> &BTreeMap<Bytes, Bytes> {
        &self.records[space.ordinal()]
    }

    /// The batch that turns this state into `other`, which has the same spaces.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Batch {
        let mut batch = Batch::default();
        for &space in self.spaces.as_slice() {
            let (from, to) = (self.records(space), other.records(space));
            from.keys().filter(|key| !to.contains_key(*key)).for_each(|key| batch.delete(space, key.clone()));
            let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(*value));
            changed.for_each(|(key, value)| batch.put(space, key.clone(), value.clone()));
        }
        batch
    }
}

impl View for Model {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.records(space).get(key).cloned())
    }

    fn get_cached(&self, space: Space, key: &[u8]) -> Result<Cached, Error> {
        self.get(space, key).map(Cached::Known)
    }

    fn scan(
        &self,
        space: Space,
        range: Range<'_>,
        order: Order,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let bounds = (range.start, range.end);
        let mut hits: Vec<_> = self
            .records(space)
            .iter()
            .filter(|(key, _)| RangeBounds::<[u8]>::contains(&bounds, &key[..]))
            .collect();
        if order == Order::Descending {
            hits.reverse();
        }
        let _ = hits.into_iter().try_for_each(|(key, value)| visit(key, value));
        Ok(())
    }

    fn size(&self) -> u64 {
        let counted = self.spaces.as_slice().iter().filter(|space| space.is_counted());
        let weight = |(key, value): (&Bytes, &Bytes)| key.len() as u64 + value.len() as u64 + RECORD_OVERHEAD;
        counted.flat_map(|space| self.records(*space)).map(weight).sum()
    }
}

impl ModelEngine {
    /// An engine with the state that `disk` kept.
    #[must_use]
    pub fn open(disk: &Disk, spaces: SpaceSet) -> Self {
        let kept = disk.0.lock().clone().unwrap_or_else(|| Model::new(spaces));
        let mut model = Model { spaces, ..kept };
        model.records.resize(spaces.as_slice().len(), BTreeMap::new());
        Self { disk: disk.clone(), current: Arc::new(Mutex::new(Arc::new(model))) }
    }
}

impl Engine for ModelEngine {
    fn name(&self) -> &'static str {
        "model"
    }

    fn view(&self) -> Arc<dyn View> {
        self.current.lock().clone()
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        let mut current = self.current.lock();
        let mut next = Model::clone(&current);
        batch.ops().iter().for_each(|op| next.apply(op));
        *current = Arc::new(next);
        Ok(())
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        let current = self.current.lock().clone();
        *self.disk.0.lock() = Some(Model::clone(&current));
        Ok(current)
    }

    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error> {
        let spaces = self.current.lock().spaces;
        let (disk, current) = (self.disk.clone(), self.current.clone());
        let (model, progress) = (Model::new(spaces), Progress::default());
        Ok(Box::new(ModelReplacement { disk, current, model, progress }))
    }
}

impl Replacement for ModelReplacement {
    fn add(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.progress.note(space, key, value)?;
        let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        self.model.apply(&Op::Insert { space, key, value });
        Ok(())
    }

    fn last(&self) -> Option<(Space, &[u8])> {
        self.progress.last()
    }

    fn finish(self: Box<Self>) -> Result<Successor, Error> {
        let Self { disk, current, model, .. } = *self;
        let model = Arc::new(model);
        let view = model.clone();
        Ok(Successor::new(view, move || {
            *disk.0.lock() = Some(Model::clone(&model));
            *current.lock() = model;
            Ok(())
        }))
    }
}
