//! The engine: the state of now, and where it is kept.

use crate::directory::Directory;
use crate::nursery::{Newborn, Nursery};
use crate::received::Received;
use crate::state::State;
use parking_lot::Mutex;
use quorate_storage::{Batch, Engine, Error, Replacement, SpaceSet, View};
use std::path::Path;
use std::sync::Arc;

/// Everything that can be set about a [`MemoryEngine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many bytes of a checkpoint are written between two syncs. Default 8 MiB. Less keeps the syncs of
    /// other files on the same disk (the log's) shorter while a checkpoint is written; more ends it sooner.
    pub sync_bytes: u64,
}

/// An [`Engine`] that keeps all records in memory.
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

/// What the engine and its replacements have in common.
pub(crate) struct Shared {
    pub(crate) spaces: SpaceSet,
    /// Published state (law M1). Held for as long as it takes to copy or swap a reference.
    current: Mutex<Arc<State>>,
    /// Held by the writer from reading the current state to publishing the next.
    writer: Mutex<()>,
    /// States that were replaced. To free one takes a while: that is left to who may wait, and a swap does not.
    retired: Mutex<Vec<Arc<State>>>,
    /// `None`: this engine keeps nothing.
    pub(crate) home: Option<Home>,
}

/// Where the checkpoints are.
pub(crate) struct Home {
    pub(crate) options: Options,
    pub(crate) nursery: Nursery,
    /// Held while a checkpoint is written, or a state is swapped in.
    checkpoints: Mutex<Checkpoints>,
}

struct Checkpoints {
    directory: Directory,
    /// `State::batches` of the newest checkpoint; `None` before the first.
    persisted: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { sync_bytes: 8 << 20 }
    }
}

impl MemoryEngine {
    /// The engine whose checkpoints are in `dir`, with the state of the newest; `dir` is created if need be.
    ///
    /// Cost: reads all of the checkpoint. Spaces that it does not have start empty.
    ///
    /// # Errors
    /// [`Error::Unusable`] if somebody else has `dir` open, or it holds a space that is not in `spaces`, or was
    /// written in a newer format. [`Error::Corrupt`] if the checkpoint is damaged. [`Error::Io`].
    pub fn open(dir: impl AsRef<Path>, spaces: SpaceSet, options: Options) -> Result<Self, Error> {
        let directory = Directory::open(dir.as_ref())?;
        let loaded = directory.load(spaces)?;
        let persisted = loaded.as_ref().map(|state| state.batches);
        let state = loaded.unwrap_or_else(|| State::empty(spaces));
        let nursery = directory.nursery();
        let checkpoints = Mutex::new(Checkpoints { directory, persisted });
        Ok(Self::new(state, Some(Home { options, nursery, checkpoints })))
    }

    /// An empty engine that keeps nothing: for tests, and as the reference that other engines are held to.
    #[must_use]
    pub fn volatile(spaces: SpaceSet) -> Self {
        Self::new(State::empty(spaces), None)
    }

    fn new(state: State, home: Option<Home>) -> Self {
        let (spaces, current) = (state.spaces, Mutex::new(Arc::new(state)));
        let (writer, retired) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { spaces, current, writer, retired, home }) }
    }
}

impl Shared {
    fn state(&self) -> Arc<State> {
        self.current.lock().clone()
    }

    /// Publishes `next`. Whoever holds the last reference frees what only the previous state had: not under a lock.
    fn publish(&self, next: Arc<State>) -> Arc<State> {
        std::mem::replace(&mut *self.current.lock(), next)
    }

    fn write(&self, batch: Batch) {
        let one_at_a_time = self.writer.lock();
        let previous = self.publish(Arc::new(self.state().after(batch)));
        drop(one_at_a_time);
        drop(previous);
    }

    /// Law S7: first on disk, then in memory. `newborn` is the checkpoint of `next`, if this engine keeps any.
    pub(crate) fn swap(&self, next: Arc<State>, newborn: Option<&Newborn>) -> Result<(), Error> {
        let mut checkpoints = self.home.as_ref().map(|home| home.checkpoints.lock());
        let one_at_a_time = self.writer.lock();
        if let (Some(checkpoints), Some(newborn)) = (&mut checkpoints, newborn) {
            checkpoints.directory.adopt(newborn.path())?;
            checkpoints.persisted = Some(next.batches);
        }
        let previous = self.publish(next);
        drop((one_at_a_time, checkpoints));
        self.retired.lock().push(previous);
        Ok(())
    }

    /// Frees the states that were replaced, but for what others still read of them.
    fn bury(&self) {
        let retired = std::mem::take(&mut *self.retired.lock());
        drop(retired);
    }
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn persists_whole(&self) -> bool {
        self.shared.home.is_some()
    }

    fn view(&self) -> Arc<dyn View> {
        self.shared.state()
    }

    /// Keeps the bytes that `batch` hands over, without a copy: a slice keeps the whole of its buffer alive.
    fn write(&self, batch: Batch) -> Result<(), Error> {
        if !batch.is_empty() {
            self.shared.write(batch);
        }
        Ok(())
    }

    /// Also frees the states that were replaced, and removes their checkpoints.
    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        self.shared.bury();
        let Some(home) = &self.shared.home else {
            return Ok(self.shared.state());
        };
        let mut checkpoints = home.checkpoints.lock();
        let state = self.shared.state();
        if checkpoints.persisted != Some(state.batches) {
            checkpoints.directory.save(&state, home.options.sync_bytes)?;
            checkpoints.persisted = Some(state.batches);
        }
        checkpoints.directory.tidy()?;
        Ok(state)
    }

    /// The records are held in memory, beside those of the state: twice the data, until the old state is no longer read.
    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error> {
        self.shared.bury();
        Ok(Box::new(Received::new(self.shared.clone())))
    }
}
