//! The apply step: from committed entries to published state and answered calls.

use crate::machine::SnapshotView;
use crate::pending::Pending;
use quorate_state_machine::{Answer, Applied, Effects, Entry, Fault, Installed, Prepared, StateMachine};
use quorate_tasks::reply::Outbox;
use quorate_tasks::watch;
use quorate_tasks::{Failure, Step};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What the apply step is asked to do. In the order of the log.
pub(crate) enum Request {
    /// Apply these.
    Entries(Vec<Entry>),
    /// Replace the state by this one, and tell when that is done.
    Install(SnapshotView, oneshot::Sender<Result<(), Fault>>),
    /// Remove so many of the records that compaction freed, after whatever else there is to do, and tell when that is done.
    Prune(usize, oneshot::Sender<()>),
}

/// Who is told of what each batch did, in order, after those who had it done. Called on the apply thread: it must not block.
pub type Observer = Box<dyn FnMut(Effects) + Send>;

/// Owns the state. One engine write, one publication and one round of wake-ups a turn.
pub(crate) struct Apply {
    state: StateMachine,
    pending: Arc<Pending>,
    applied: watch::Sender<Option<u64>>,
    is_pruning: watch::Sender<bool>,
    observer: Option<Observer>,
    entries: Vec<Entry>,
    outcomes: Vec<Applied>,
    outbox: Outbox<Answer>,
}

impl Apply {
    pub(crate) fn new(
        state: StateMachine,
        pending: Arc<Pending>,
        applied: watch::Sender<Option<u64>>,
        is_pruning: watch::Sender<bool>,
        observer: Option<Observer>,
    ) -> Self {
        Self {
            state,
            pending,
            applied,
            is_pruning,
            observer,
            entries: Vec::new(),
            outcomes: Vec::new(),
            outbox: Outbox::default(),
        }
    }

    /// Applies what has been gathered; then the answers, since a reader must see what a writer was told (law A4).
    fn flush(&mut self) -> Result<(), Fault> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let effects = self.state.apply(&self.entries, &mut self.outcomes)?;
        self.entries.clear();
        self.applied.send_replace(self.state.applied().map(|id| id.index));
        self.pending.answer(&mut self.outcomes, &mut self.outbox);
        self.outbox.send();
        if let Some(observer) = &mut self.observer
            && !effects.is_empty()
        {
            observer(effects);
        }
        self.tell_of_pruning();
        Ok(())
    }

    /// One step, after the answers: a put waits for it only if it comes while the step is under way.
    fn prune(&mut self, records: usize) -> Result<(), Fault> {
        self.state.prune(records)?;
        self.tell_of_pruning();
        Ok(())
    }

    fn tell_of_pruning(&self) {
        let is_pruning = self.state.is_pruning();
        self.is_pruning.send_if_modified(|told| std::mem::replace(told, is_pruning) != is_pruning);
    }

    fn install(&mut self, snapshot: SnapshotView) -> Result<(), Fault> {
        self.flush()?;
        let prepared = match snapshot {
            SnapshotView::Received(prepared) => *prepared,
            SnapshotView::Durable(view, _) => Prepared::copy(self.state.engine().as_ref(), view.as_ref())?,
        };
        let Installed::Done(effects) = self.state.install(prepared)? else { return Ok(()) };
        self.applied.send_replace(self.state.applied().map(|id| id.index));
        self.pending.discard_all();
        if let Some(observer) = &mut self.observer {
            observer(effects);
        }
        self.tell_of_pruning();
        Ok(())
    }
}

impl Step for Apply {
    type Input = Request;

    fn turn(&mut self, batch: &mut Vec<Request>) -> Result<(), Failure> {
        let mut prune = None;
        for request in batch.drain(..) {
            match request {
                Request::Entries(mut entries) => self.entries.append(&mut entries),
                Request::Install(snapshot, done) => {
                    let outcome = self.install(snapshot);
                    let _ = done.send(outcome); // whoever asked may have stopped
                }
                Request::Prune(records, done) => prune = Some((records, done)),
            }
        }
        self.flush()?;
        if let Some((records, done)) = prune {
            self.prune(records)?;
            let _ = done.send(()); // whoever asked may have stopped
        }
        Ok(())
    }
}
