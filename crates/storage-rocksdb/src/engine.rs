//! The engine: one writer that publishes a snapshot after each batch.

use crate::layout::Database;
use crate::size;
use crate::tuning::Options;
use crate::view::Moment;
use parking_lot::Mutex;
use quorate_storage::{Batch, Engine, Error, Op, SpaceSet, View};
use rocksdb::WriteBatch;
use std::path::Path;
use std::sync::Arc;

/// An [`Engine`] on a RocksDB database.
pub struct RocksEngine {
    /// What views are taken of (law R1). Held for as long as it takes to copy or swap a reference.
    current: Mutex<Published>,
    /// Held by the writer from counting a batch to publishing its result.
    writer: Mutex<()>,
    /// Held during a flush: the number of the newest batch that was flushed.
    persisted: Mutex<u64>,
    database: Arc<Database>,
}

/// The newest moment, and how many batches made it since the engine was opened.
#[derive(Clone)]
struct Published {
    moment: Arc<Moment>,
    batches: u64,
}

impl RocksEngine {
    /// The engine on the database in `dir`, which is created if need be. Spaces that it lacks start empty. The
    /// directory stays locked until the engine and the last of its views are dropped.
    ///
    /// # Errors
    /// [`Error::Unusable`] if somebody else has `dir` open, or it holds a space that is not in `spaces` or is
    /// counted differently, or was written in a newer format. [`Error::Corrupt`] if its own records make no
    /// sense, [`Error::Backend`] if RocksDB says so of its files. [`Error::Io`].
    ///
    /// # Panics
    /// If a space is called `default`.
    #[expect(clippy::needless_pass_by_value, reason = "every engine is opened alike")]
    pub fn open(dir: impl AsRef<Path>, spaces: SpaceSet, options: Options) -> Result<Self, Error> {
        let database = Arc::new(Database::open(dir.as_ref(), spaces, &options)?);
        let moment = Arc::new(Moment::new(&database, database.size()?));
        let current = Mutex::new(Published { moment, batches: 0 });
        Ok(Self { current, writer: Mutex::new(()), persisted: Mutex::new(0), database })
    }

    fn published(&self) -> Published {
        self.current.lock().clone()
    }

    /// The length of the value under a key, as the writer sees it.
    fn stored(&self, space: quorate_storage::Space, key: &[u8]) -> Result<Option<u64>, Error> {
        let value = self.database.db.get_pinned_cf(self.database.family(space), key);
        let value = value.map_err(crate::failure::failed_to("read replaced record"))?;
        Ok(value.map(|value| value.len() as u64))
    }
}

impl Engine for RocksEngine {
    fn name(&self) -> &'static str {
        "rocksdb"
    }

    fn view(&self) -> Arc<dyn View> {
        self.published().moment
    }

    /// May read the disk for the length of a value that a `Put` or `Delete` in a counted space replaces.
    fn write(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let _one_at_a_time = self.writer.lock();
        let Published { moment, batches } = self.published();
        let size = size::after(moment.size(), &batch, |space, key| self.stored(space, key))?;
        let mut records = encode(&self.database, &batch);
        if size != moment.size() {
            self.database.put_size(&mut records, size);
        }
        self.database.write(records)?;
        let next = Published { moment: Arc::new(Moment::new(&self.database, size)), batches: batches + 1 };
        let previous = std::mem::replace(&mut *self.current.lock(), next);
        // The last reference to a moment releases its snapshot: not under the lock.
        drop(previous);
        Ok(())
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        let mut persisted = self.persisted.lock();
        let Published { moment, batches } = self.published();
        if *persisted != batches {
            self.database.flush()?;
            *persisted = batches;
        }
        Ok(moment)
    }
}

fn encode(database: &Database, batch: &Batch) -> WriteBatch {
    let bytes: usize = batch.ops().iter().map(encoded_bytes).sum();
    let mut records = WriteBatch::with_capacity_bytes(bytes + 64);
    for op in batch.ops() {
        match op {
            Op::Insert { space, key, value } | Op::Put { space, key, value } => {
                records.put_cf(database.family(*space), key, value);
            }
            Op::Delete { space, key } => records.delete_cf(database.family(*space), key),
        }
    }
    records
}

/// What an operation takes in RocksDB's batch, at most: a tag, the column family, two lengths, the bytes.
fn encoded_bytes(op: &Op) -> usize {
    16 + match op {
        Op::Insert { key, value, .. } | Op::Put { key, value, .. } => key.len() + value.len(),
        Op::Delete { key, .. } => key.len(),
    }
}
