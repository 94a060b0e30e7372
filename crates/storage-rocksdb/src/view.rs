//! A moment of the database: a RocksDB snapshot and the size that belongs to it.

use crate::failure::failed_to;
use crate::layout::Database;
use bytes::Bytes;
use quorate_storage::{Cached, Error, Order, Range, Space, View};
use rocksdb::{DB, DBRawIterator, ErrorKind, ReadOptions, ReadTier, Snapshot};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

/// What a view sees. Law R2 rests on the order of the fields: they are dropped from the first to the last.
pub(crate) struct Moment {
    /// Borrows from `database`, whatever its type says: it must not leave this file.
    snapshot: Snapshot<'static>,
    database: Arc<Database>,
    size: u64,
}

impl Moment {
    /// The newest state of `database`, whose records weigh `size`.
    pub(crate) fn new(database: &Arc<Database>, size: u64) -> Self {
        let database = database.clone();
        #[expect(unsafe_code, reason = "a value that borrows from its own field has no safe type")]
        // SAFETY: the database does not move, being behind an `Arc`, and lives as long as `Moment`, which keeps
        // that `Arc` and drops the snapshot first (R2). No method hands out the snapshot or what borrows from it.
        let db: &'static DB = unsafe { &*std::ptr::from_ref(&database.db) };
        Self { snapshot: db.snapshot(), database, size }
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    fn iterator(&self, space: Space, bounds: &Bounds) -> DBRawIterator<'_> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(&bounds.first[..]);
        if let Some(end) = &bounds.end {
            options.set_iterate_upper_bound(&end[..]);
        }
        self.snapshot.raw_iterator_cf_opt(self.database.family(space), options)
    }
}

impl View for Moment {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let value = self.snapshot.get_pinned_cf(self.database.family(space), key);
        let value = value.map_err(failed_to("read record"))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn get_cached(&self, space: Space, key: &[u8]) -> Result<Cached, Error> {
        let mut options = ReadOptions::default();
        options.set_read_tier(ReadTier::BlockCache);
        match self.snapshot.get_pinned_cf_opt(self.database.family(space), key, options) {
            Ok(value) => Ok(Cached::Known(value.map(|value| Bytes::copy_from_slice(&value)))),
            Err(error) if error.kind() == ErrorKind::Incomplete => Ok(Cached::Unknown),
            Err(error) => Err(failed_to("read cached record")(error)),
        }
    }

    fn scan(
        &self,
        space: Space,
        range: Range<'_>,
        order: Order,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Some(bounds) = Bounds::of(range) else { return Ok(()) };
        let mut iterator = self.iterator(space, &bounds);
        match order {
            Order::Ascending => iterator.seek_to_first(),
            Order::Descending => iterator.seek_to_last(),
        }
        while let Some((key, value)) = iterator.item() {
            if visit(key, value).is_break() {
                return Ok(());
            }
            match order {
                Order::Ascending => iterator.next(),
                Order::Descending => iterator.prev(),
            }
        }
        iterator.status().map_err(failed_to("scan records"))
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A range in RocksDB's terms: from a key on, up to before a key.
struct Bounds {
    first: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl Bounds {
    /// `None` if no key can be within: RocksDB leaves open what a scan of crossed bounds does.
    fn of(range: Range<'_>) -> Option<Self> {
        let first = match range.start {
            Bound::Unbounded => Vec::new(),
            Bound::Included(key) => key.to_vec(),
            Bound::Excluded(key) => next_key(key),
        };
        let end = match range.end {
            Bound::Unbounded => None,
            Bound::Included(key) => Some(next_key(key)),
            Bound::Excluded(key) => Some(key.to_vec()),
        };
        let is_empty = end.as_ref().is_some_and(|end| *end <= first);
        (!is_empty).then_some(Self { first, end })
    }
}

/// The first key after `key`.
fn next_key(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
