//! The engine: the state of now, and where it is kept.

use crate::directory::Directory;
use crate::state::State;
use parking_lot::Mutex;
use quorate_storage::{Batch, Engine, Error, SpaceSet, View};
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
    /// Published state (law M1). Held for as long as it takes to copy or swap a reference.
    current: Mutex<Arc<State>>,
    /// Held by the writer from reading the current state to publishing the next.
    writer: Mutex<()>,
    /// Held while a checkpoint is written. `None`: this engine keeps nothing.
    home: Option<Mutex<Home>>,
}

/// Where the checkpoints are.
struct Home {
    directory: Directory,
    options: Options,
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
        Ok(Self::new(state, Some(Mutex::new(Home { directory, options, persisted }))))
    }

    /// An empty engine that keeps nothing: for tests, and as the reference that other engines are held to.
    #[must_use]
    pub fn volatile(spaces: SpaceSet) -> Self {
        Self::new(State::empty(spaces), None)
    }

    fn new(state: State, home: Option<Mutex<Home>>) -> Self {
        Self { current: Mutex::new(Arc::new(state)), writer: Mutex::new(()), home }
    }

    fn state(&self) -> Arc<State> {
        self.current.lock().clone()
    }
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn persists_whole(&self) -> bool {
        self.home.is_some()
    }

    fn view(&self) -> Arc<dyn View> {
        self.state()
    }

    /// Keeps the bytes that `batch` hands over, without a copy: a slice keeps the whole of its buffer alive.
    fn write(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let _one_at_a_time = self.writer.lock();
        let next = Arc::new(self.state().after(batch));
        let previous = std::mem::replace(&mut *self.current.lock(), next);
        // Whoever holds the last reference frees what only the previous state had: not under the lock.
        drop(previous);
        Ok(())
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        let Some(home) = &self.home else {
            return Ok(self.state());
        };
        let mut home = home.lock();
        let state = self.state();
        if home.persisted != Some(state.batches) {
            let sync_bytes = home.options.sync_bytes;
            home.directory.save(&state, sync_bytes)?;
            home.persisted = Some(state.batches);
        }
        Ok(state)
    }
}
