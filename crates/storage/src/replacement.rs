//! A whole state that arrives record by record, and takes the place of the engine's own at once.

use crate::{Error, RECORD_OVERHEAD, Space, View};
use std::sync::Arc;

/// A state beside the engine's that is being received (law S6). To drop it is to give it up: what it holds goes.
///
/// It belongs to one thread at a time, and not to the writer's: the engine is written, read and persisted meanwhile.
pub trait Replacement: Send {
    /// Adds a record. Records come in ascending order: by the ordinal of their space, then by key, each once.
    ///
    /// Cost: a copy; now and then, when a megabyte or more has gathered, a write to the disk. Nothing is synced for it
    /// by itself, and an engine that keeps its data on disk holds a bounded part of them in memory.
    ///
    /// # Errors
    /// [`Error::Unordered`] if it does not come after the one before: it was not added, and nothing else is wrong.
    /// After any other error the replacement is to be dropped; the engine goes on.
    fn add(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error>;

    /// The last record that was added: whoever sends them goes on behind it, of the same state, if the way
    /// between was broken. None before the first.
    fn last(&self) -> Option<(Space, &[u8])>;

    /// Makes all that was added durable, still beside the engine's own state. May block on the disk for long.
    ///
    /// # Errors
    /// What was received is lost; the engine goes on.
    fn finish(self: Box<Self>) -> Result<Successor, Error>;
}

/// A state that is complete and durable, and not yet the engine's. To drop it is to give it up: what it holds goes, which
/// may block on the disk.
pub struct Successor {
    view: Arc<dyn View>,
    swap: Box<dyn FnOnce() -> Result<(), Error> + Send>,
}

impl Successor {
    /// For engines: `view` shows the state, `swap` does what [`Successor::swap`] says and, dropped without being called, gives it up.
    #[must_use]
    pub fn new(view: Arc<dyn View>, swap: impl FnOnce() -> Result<(), Error> + Send + 'static) -> Self {
        Self { view, swap: Box::new(swap) }
    }

    /// What it holds: to be verified, and read for whatever is kept in memory of it, before the swap.
    #[must_use]
    pub fn view(&self) -> &Arc<dyn View> {
        &self.view
    }

    /// Makes it the engine's state, durably (law S7). To be called on the thread that writes.
    ///
    /// Blocks for one small write to the disk and its sync, and for a `persist` that is under way.
    ///
    /// # Errors
    /// The engine is in doubt, as after a failed `write`: opened again, it holds one of the two states, whole.
    pub fn swap(self) -> Result<(), Error> {
        (self.swap)()
    }
}

impl std::fmt::Debug for Successor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Successor").field("size", &self.view.size()).finish_non_exhaustive()
    }
}

/// How far a replacement has come. Every engine keeps one of these for each, so that all agree on order and size.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    last: Option<(Space, Vec<u8>)>,
    size: u64,
}

impl Progress {
    /// Counts a record.
    ///
    /// # Errors
    /// [`Error::Unordered`]; then it was not counted.
    pub fn note(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let place = (space.ordinal(), key);
        match &mut self.last {
            Some((last_space, last_key)) if place <= (last_space.ordinal(), last_key) => {
                return Err(Error::Unordered { space: space.name() });
            }
            Some((last_space, last_key)) => {
                *last_space = space;
                last_key.clear();
                last_key.extend_from_slice(key);
            }
            none => *none = Some((space, key.to_vec())),
        }
        self.size +=
            if space.is_counted() { key.len() as u64 + value.len() as u64 + RECORD_OVERHEAD } else { 0 };
        Ok(())
    }

    /// The last record counted.
    #[must_use]
    pub fn last(&self) -> Option<(Space, &[u8])> {
        self.last.as_ref().map(|(space, key)| (*space, &key[..]))
    }

    /// The weight of all that were counted (law S5).
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

#[cfg(test)]
mod tests;
