//! What travels from the handle to the writer, and the promise that somebody hears about its end.

use crate::Error;
use crate::picture::Shared;
use crate::state::{Entry, Mark};
use bytes::Bytes;
use std::sync::Arc;

/// Told once, on the writer's thread, when a request is durable or never will be. Must not block.
pub type Done = Box<dyn FnOnce(Result<(), Arc<Error>>) + Send>;

/// One ordered wish, in the inbox of the [`Writer`](crate::Writer).
pub struct Request {
    /// Its place in the stream of requests.
    pub(crate) ticket: u64,
    pub(crate) wish: Wish,
    pub(crate) completion: Option<Completion>,
}

pub(crate) enum Wish {
    Append(Vec<Entry>),
    Truncate { last: u64 },
    Clear,
    Purge(Mark),
    Vote(Bytes),
}

/// A `Done` that cannot be forgotten: dropped unanswered, it reports why the log ended (W7).
pub(crate) struct Completion {
    done: Option<Done>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Request").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl Completion {
    pub(crate) fn new(done: Done, shared: Arc<Shared>) -> Self {
        Self { done: Some(done), shared }
    }

    /// The request is durable.
    pub(crate) fn complete(mut self) {
        if let Some(done) = self.done.take() {
            done(Ok(()));
        }
    }

    /// The request was refused to its caller's face: `done` hears nothing more.
    pub(crate) fn cancel(mut self) {
        drop(self.done.take());
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            let failure = self.shared.picture.lock().failure.clone();
            done(Err(failure.unwrap_or_else(|| Arc::new(Error::Closed))));
        }
    }
}
