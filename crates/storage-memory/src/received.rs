//! A state that is being received, in memory until it is complete.

use crate::checkpoint;
use crate::directory::io_error;
use crate::engine::Shared;
use crate::state::State;
use bytes::Bytes;
use quorate_storage::{Error, Progress, Replacement, Space, Successor};
use std::sync::Arc;

/// See [`Replacement`].
pub(crate) struct Received {
    shared: Arc<Shared>,
    state: State,
    progress: Progress,
}

impl Received {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let state = State::empty(shared.spaces);
        Self { shared, state, progress: Progress::default() }
    }
}

impl Replacement for Received {
    /// Keeps copies: what is received comes in pieces that would be kept alive whole.
    fn add(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.progress.note(space, key, value)?;
        self.state.insert(space, Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        Ok(())
    }

    fn last(&self) -> Option<(Space, &[u8])> {
        self.progress.last()
    }

    fn finish(self: Box<Self>) -> Result<Successor, Error> {
        let Self { shared, state, .. } = *self;
        let state = Arc::new(state);
        let newborn = shared.home.as_ref().map(|home| {
            let newborn = home.nursery.place();
            let written = checkpoint::write(newborn.path(), &state, home.options.sync_bytes);
            written.map_err(io_error("write received state", newborn.path())).map(|()| newborn)
        });
        let newborn = newborn.transpose()?;
        let view = state.clone();
        Ok(Successor::new(view, move || shared.swap(state, newborn.as_ref())))
    }
}
