//! The engine: one writer that publishes a snapshot after each batch.

use crate::failure::failed_to;
use crate::home::Home;
use crate::layout::Database;
use crate::received::Received;
use crate::size;
use crate::tuning::Options;
use crate::view::Moment;
use parking_lot::Mutex;
use quorate_storage::{Batch, Engine, Error, Op, Replacement, Space, SpaceSet, View};
use rocksdb::WriteBatch;
use std::path::Path;
use std::sync::Arc;

/// An [`Engine`] on a RocksDB database.
pub struct RocksEngine {
    shared: Arc<Shared>,
}

/// What the engine and its replacements have in common.
pub(crate) struct Shared {
    /// What views are taken of (law R1). Held for as long as it takes to copy or swap a reference.
    current: Mutex<Published>,
    /// Held by the writer from counting a batch to publishing its result.
    writer: Mutex<()>,
    /// Held during a flush or a swap: the number of the newest batch that was flushed.
    persisted: Mutex<u64>,
    /// Databases that were replaced. One that nobody reads any more is closed and removed by who may wait for that: a
    /// reader that drops its view never does.
    retired: Mutex<Vec<Arc<Database>>>,
    pub(crate) home: Arc<Home>,
}

/// The newest moment, and how many batches made it since the engine was opened. A swap counts as one.
#[derive(Clone)]
struct Published {
    moment: Arc<Moment>,
    batches: u64,
}

impl RocksEngine {
    /// The engine on the database in `dir`, which is created if need be. Spaces that it lacks start empty. The
    /// directory stays locked until the engine, its replacements and the last of its views are dropped.
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
        let (home, place) = Home::open(dir.as_ref(), spaces, &options)?;
        let database = Arc::new(Database::open(place)?);
        let moment = Arc::new(Moment::new(&database, database.size()?));
        let shared = Shared {
            current: Mutex::new(Published { moment, batches: 0 }),
            writer: Mutex::new(()),
            persisted: Mutex::new(0),
            retired: Mutex::default(),
            home,
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Shared {
    fn published(&self) -> Published {
        self.current.lock().clone()
    }

    fn write(&self, batch: &Batch) -> Result<(), Error> {
        let _one_at_a_time = self.writer.lock();
        let Published { moment, batches } = self.published();
        let database = moment.database();
        let size = size::after(moment.size(), batch, |space, key| stored(database, space, key))?;
        let mut records = encode(database, batch);
        if size != moment.size() {
            database.put_size(&mut records, size);
        }
        database.write(records)?;
        let next = Published { moment: Arc::new(Moment::new(database, size)), batches: batches + 1 };
        let previous = std::mem::replace(&mut *self.current.lock(), next);
        // The last reference to a moment releases its snapshot: not under the lock.
        drop(previous);
        Ok(())
    }

    fn persist(&self) -> Result<Arc<Moment>, Error> {
        let mut persisted = self.persisted.lock();
        let Published { moment, batches } = self.published();
        if *persisted != batches {
            moment.database().flush()?;
            *persisted = batches;
        }
        Ok(moment)
    }

    /// Law S7: first on disk, then in memory. `next` shows a database that was received.
    pub(crate) fn swap(&self, next: Arc<Moment>) -> Result<(), Error> {
        let mut persisted = self.persisted.lock();
        let _one_at_a_time = self.writer.lock();
        let Published { moment: previous, batches } = self.published();
        let place = next.database().place();
        // Before it is named: should that fail, then nobody knows which of the two will be opened.
        place.keep();
        self.home.name_newest(place.number().expect("what is received has a folder of its own"))?;
        previous.database().place().give_up();
        *persisted = batches + 1;
        self.retired.lock().push(previous.database().clone());
        *self.current.lock() = Published { moment: next, batches: batches + 1 };
        Ok(())
    }

    /// Closes and removes the databases that were replaced and are not read any more.
    fn bury(&self) {
        let mut retired = self.retired.lock();
        let is_read = |database: &Arc<Database>| Arc::strong_count(database) > 1;
        let (read, dead) = retired.drain(..).partition(is_read);
        *retired = read;
        drop(retired);
        let dead: Vec<Arc<Database>> = dead;
        drop(dead);
    }
}

/// The length of the value under a key, as the writer sees it.
fn stored(database: &Database, space: Space, key: &[u8]) -> Result<Option<u64>, Error> {
    let value = database.db.get_pinned_cf(database.family(space), key);
    let value = value.map_err(failed_to("read replaced record"))?;
    Ok(value.map(|value| value.len() as u64))
}

impl Engine for RocksEngine {
    fn name(&self) -> &'static str {
        "rocksdb"
    }

    fn view(&self) -> Arc<dyn View> {
        self.shared.published().moment
    }

    /// May read the disk for the length of a value that a `Put` or `Delete` in a counted space replaces.
    fn write(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() { Ok(()) } else { self.shared.write(&batch) }
    }

    /// Also removes the files of states that were replaced, if nobody reads them any more.
    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        let moment = self.shared.persist()?;
        self.shared.bury();
        Ok(moment)
    }

    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error> {
        self.shared.bury();
        Ok(Box::new(Received::begin(self.shared.clone())?))
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
