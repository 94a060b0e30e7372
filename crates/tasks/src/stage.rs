//! A step that may be given its turn by the thread that brings it work.
//!
//! The step has a thread of its own, as any other. But while that sleeps, whoever put something into the inbox without
//! waking it ([`Sender::lay`](crate::inbox::Sender::lay)) can do the turn itself, if it may wait for what the step waits
//! for. Turns never overlap, and inputs keep their order.

use crate::inbox::Receiver;
use crate::{Failure, Group, Step};
use parking_lot::Mutex;
use std::sync::Arc;

/// See the module. Clones are the same stage.
pub struct Stage<S: Step> {
    shared: Arc<Shared<S>>,
}

struct Shared<S: Step> {
    name: &'static str,
    group: Group,
    inbox: Receiver<S::Input>,
    work: Mutex<Work<S>>,
}

struct Work<S: Step> {
    /// None once it has failed or finished, and while it is at work: a panic on a foreign thread must not leave a step
    /// behind that is half done.
    step: Option<Box<S>>,
    batch: Vec<S::Input>,
}

impl<S: Step> Clone for Stage<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<S: Step> std::fmt::Debug for Stage<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Stage").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl<S: Step> Stage<S> {
    pub(crate) fn new(name: &'static str, group: &Group, inbox: Receiver<S::Input>, step: S) -> Self {
        let work = Mutex::new(Work { step: Some(Box::new(step)), batch: Vec::new() });
        Self { shared: Arc::new(Shared { name, group: group.clone(), inbox, work }) }
    }

    /// Does the step's turn over all that waits, on this thread; or wakes the step's own, if that is at it already.
    ///
    /// A failure ends the group, as it does on the step's own thread (law T1).
    pub fn turn(&self) {
        let shared = &self.shared;
        if let Some(mut work) = shared.work.try_lock()
            && let Err(failure) = work.turn(&shared.inbox)
        {
            shared.group.fail(shared.name, failure);
        }
        shared.inbox.nudge(); // what came meanwhile, or what its own thread will find
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shared.inbox.is_empty()
    }

    /// The step's own thread.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        while shared.inbox.wait() {
            shared.work.lock().turn(&shared.inbox)?;
        }
        shared.work.lock().finish(&shared.inbox)
    }

    /// The same as a task, for a seeded scheduler.
    #[cfg(feature = "testing")]
    pub(crate) async fn run_as_task(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        while std::future::poll_fn(|context| shared.inbox.poll_wait(context)).await {
            shared.work.lock().turn(&shared.inbox)?;
        }
        shared.work.lock().finish(&shared.inbox)
    }
}

impl<S: Step> Work<S> {
    fn turn(&mut self, inbox: &Receiver<S::Input>) -> Result<(), Failure> {
        let Some(mut step) = self.step.take() else {
            self.end(inbox);
            return Ok(());
        };
        inbox.take_waiting(&mut self.batch);
        let closing = CloseOnPanic(inbox);
        let outcome = if self.batch.is_empty() { Ok(()) } else { step.turn(&mut self.batch) };
        drop(closing);
        match outcome {
            Ok(()) => self.step = Some(step),
            Err(_) => self.end(inbox),
        }
        outcome
    }

    fn finish(&mut self, inbox: &Receiver<S::Input>) -> Result<(), Failure> {
        let outcome = self.step.as_mut().map_or(Ok(()), |step| step.finish());
        self.end(inbox);
        outcome
    }

    /// What the step owned goes, and nobody can push any more: others wait for just that.
    fn end(&mut self, inbox: &Receiver<S::Input>) {
        self.step = None;
        self.batch.clear();
        inbox.close();
    }
}

/// Closes the inbox of a step that panics: whoever waits for it, its own thread too, has nothing to wait for.
struct CloseOnPanic<'a, T>(&'a Receiver<T>);

impl<T> Drop for CloseOnPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests;
