//! The records at one moment, and how a batch makes the next moment out of it.

use bytes::Bytes;
use imbl::OrdMap;
use quorate_storage::{Batch, Cached, Error, Op, Order, RECORD_OVERHEAD, Range, Space, SpaceSet, View};
use std::ops::{Bound, ControlFlow};

/// The records of one space.
pub(crate) type Records = OrdMap<Bytes, Bytes>;

/// All spaces at one moment. A clone shares every record.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) spaces: SpaceSet,
    pub(crate) records: Vec<Records>,
    /// Law S5.
    pub(crate) size: u64,
    /// How many batches made it since the engine was opened.
    pub(crate) batches: u64,
}

impl State {
    pub(crate) fn empty(spaces: SpaceSet) -> Self {
        Self { spaces, records: vec![Records::new(); spaces.as_slice().len()], size: 0, batches: 0 }
    }

    /// The moment after `batch`. Cost: a copy of the map nodes on the way to each record.
    pub(crate) fn after(&self, batch: Batch) -> Self {
        let mut next = self.clone();
        batch.into_ops().into_iter().for_each(|op| next.apply(op));
        next.batches += 1;
        next
    }

    /// A record under a key that is new.
    pub(crate) fn insert(&mut self, space: Space, key: Bytes, value: Bytes) {
        let earlier = self.set(space, key, value);
        assert!(earlier.is_none(), "S5: the writer vouched that an inserted key is new");
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert { space, key, value } => self.insert(space, key, value),
            Op::Put { space, key, value } => drop(self.set(space, key, value)),
            Op::Delete { space, key } => {
                let earlier = self.records[space.ordinal()].remove(&key[..]);
                self.size -= earlier.map_or(0, |value| weight(space, &key, &value));
            }
        }
    }

    /// Sets a record and answers the value it replaced.
    fn set(&mut self, space: Space, key: Bytes, value: Bytes) -> Option<Bytes> {
        self.size += weight(space, &key, &value);
        let key_bytes = key.len() as u64;
        let earlier = self.records[space.ordinal()].insert(key, value);
        if let (Some(value), true) = (&earlier, space.is_counted()) {
            self.size -= key_bytes + value.len() as u64 + RECORD_OVERHEAD;
        }
        earlier
    }
}

/// What a record adds to the size (law S5).
fn weight(space: Space, key: &[u8], value: &[u8]) -> u64 {
    if space.is_counted() { key.len() as u64 + value.len() as u64 + RECORD_OVERHEAD } else { 0 }
}

impl View for State {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.records[space.ordinal()].get(key).cloned())
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
        if is_reversed(range) {
            return Ok(());
        }
        let records = self.records[space.ordinal()].range::<_, [u8]>((range.start, range.end));
        let mut visit = |(key, value): (&Bytes, &Bytes)| visit(key, value);
        // The visitor's break ends the scan and has no value to carry.
        let _ = match order {
            Order::Ascending => records.into_iter().try_for_each(&mut visit),
            Order::Descending => records.rev().try_for_each(&mut visit),
        };
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Whether no key can be in `range` because its ends meet or cross: the map may panic on such bounds.
fn is_reversed(range: Range<'_>) -> bool {
    match (range.start, range.end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start >= end
        }
    }
}
