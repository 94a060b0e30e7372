//! What is left to do for calls that have gone away.
//!
//! A call is a future: when its client goes, it is dropped, and can do nothing more. What it began and must not leave
//! behind it hands to the errands of its front thread, which outlive it.

use futures::future::join_all;
use quorate_tasks::inbox::{Receiver, Sender, inbox};
use std::future::Future;
use std::pin::Pin;

/// Errands that may wait at one front thread: as many as locks may be given up at once. Past it one is left undone, and
/// the lease of the key in question ends what it should have ended.
const ERRANDS_MAX: usize = 1 << 16;
/// Errands run at once: they share the log's batches, and take a share of what may be queued (law C2).
const AT_ONCE: usize = 256;

pub(crate) type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The errands of one front thread, which runs them.
pub struct Errands {
    inbox: Receiver<Errand>,
}

/// Where a call leaves its errands.
#[derive(Clone)]
pub(crate) struct Desk {
    sender: Option<Sender<Errand>>,
}

impl Errands {
    /// None yet.
    pub(crate) fn new() -> (Desk, Self) {
        let (sender, inbox) = inbox(ERRANDS_MAX);
        (Desk { sender: Some(sender) }, Self { inbox })
    }

    /// Runs what is left here, until no door can leave anything any more. One task a front thread.
    pub async fn attend(mut self) {
        let mut batch = Vec::new();
        while self.inbox.next(&mut batch).await {
            while !batch.is_empty() {
                let some = batch.split_off(batch.len().saturating_sub(AT_ONCE));
                join_all(some).await;
            }
        }
    }
}

impl Desk {
    /// A desk where nobody is: what is left there is dropped.
    pub(crate) fn nobody() -> Self {
        Self { sender: None }
    }

    /// Leaves `errand`, if there is room for it.
    pub(crate) fn leave(&self, errand: impl Future<Output = ()> + Send + 'static) {
        let Some(sender) = &self.sender else { return };
        drop(sender.push(Box::pin(errand))); // see ERRANDS_MAX
    }
}
