//! The apply step: from committed entries to published state and answered calls.

use crate::pending::Pending;
use quorate_state_machine::{Answer, Applied, Entry, Fault, StateMachine};
use quorate_storage::View;
use quorate_tasks::reply::Outbox;
use quorate_tasks::{Failure, Step};
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// What the apply step is asked to do. In the order of the log.
pub(crate) enum Request {
    /// Apply these.
    Entries(Vec<Entry>),
    /// Replace the state by this one, and tell when that is done.
    Install(Arc<dyn View>, oneshot::Sender<Result<(), Fault>>),
}

/// Owns the state. One engine write, one publication and one round of wake-ups a turn.
pub(crate) struct Apply {
    state: StateMachine,
    pending: Arc<Pending>,
    applied: watch::Sender<Option<u64>>,
    entries: Vec<Entry>,
    outcomes: Vec<Applied>,
    outbox: Outbox<Answer>,
}

impl Apply {
    pub(crate) fn new(
        state: StateMachine,
        pending: Arc<Pending>,
        applied: watch::Sender<Option<u64>>,
    ) -> Self {
        Self { state, pending, applied, entries: Vec::new(), outcomes: Vec::new(), outbox: Outbox::default() }
    }

    /// Applies what has been gathered; then the answers, since a reader must see what a writer was told (law A4).
    fn flush(&mut self) -> Result<(), Fault> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.state.apply(&self.entries, &mut self.outcomes)?;
        self.entries.clear();
        self.applied.send_replace(self.state.applied().map(|id| id.index));
        self.pending.answer(&mut self.outcomes, &mut self.outbox);
        self.outbox.send();
        Ok(())
    }

    fn install(&mut self, view: &dyn View) -> Result<(), Fault> {
        self.flush()?;
        self.state.install(view)?;
        self.applied.send_replace(self.state.applied().map(|id| id.index));
        Ok(())
    }
}

impl Step for Apply {
    type Input = Request;

    fn turn(&mut self, batch: &mut Vec<Request>) -> Result<(), Failure> {
        for request in batch.drain(..) {
            match request {
                Request::Entries(mut entries) => self.entries.append(&mut entries),
                Request::Install(view, done) => {
                    let outcome = self.install(view.as_ref());
                    let _ = done.send(outcome); // whoever asked may have stopped
                }
            }
        }
        Ok(self.flush()?)
    }
}
