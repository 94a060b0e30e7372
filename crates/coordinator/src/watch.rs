//! Watches: the hub's door at a front thread, and the history as the state tells it.

use quorate_mvcc::{ReadError, Refusal};
use quorate_state_machine::Reader;
use quorate_types::{Changes, Revision};
use std::ops::ControlFlow;

pub use quorate_watch::{
    Create, Feed, Handle, History, HistoryError, Mailbox, Message, News, Settings, Stream,
};
pub use quorate_watch::{Refusal as WatchRefusal, start};

/// The hub, and the mailbox of one front thread, which that thread attends.
#[derive(Clone)]
pub struct Watching {
    /// The door to the hub.
    pub handle: Handle,
    /// Where its messages for this thread's streams arrive.
    pub mailbox: Mailbox,
}

/// The history that the newest published state can tell.
pub struct StateHistory {
    reader: Reader,
}

impl StateHistory {
    /// The history that `reader` reads.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

impl History for StateHistory {
    fn newest(&self) -> Revision {
        self.reader.newest().revision()
    }

    fn compacted(&self) -> Option<Revision> {
        self.reader.newest().compacted()
    }

    fn changes(
        &self,
        from: Revision,
        through: Revision,
        visit: &mut dyn FnMut(Changes) -> ControlFlow<()>,
    ) -> Result<(), HistoryError> {
        self.reader.newest().changes(from, through, visit).map_err(untold)
    }

    fn record_before(&self, key: &[u8], revision: Revision) -> Result<Option<bytes::Bytes>, HistoryError> {
        self.reader.newest().record_before(key, revision).map_err(untold)
    }
}

fn untold(error: ReadError) -> HistoryError {
    match error {
        ReadError::Refused(Refusal::Compacted { oldest, .. }) => HistoryError::Compacted(oldest),
        error => HistoryError::Failed(error.into()),
    }
}

#[cfg(test)]
mod tests;
