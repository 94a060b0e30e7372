//! From the apply thread to the hub: never waiting, never growing without bound (law WA8).

use crate::page::weight;
use crate::request::Input;
use parking_lot::Mutex;
use quorate_tasks::inbox::Sender;
use quorate_types::{Changes, Revision};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// The end that whoever applies holds.
#[derive(Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    /// The hub lives at least as long as its feed.
    bell: Sender<Input>,
}

/// The end that the hub holds.
#[derive(Debug)]
pub(crate) struct Trough {
    shared: Arc<Shared>,
}

/// That somebody watches, or is about to. Counted from before the newest revision is read until the watch is gone.
#[derive(Debug)]
pub(crate) struct Interest {
    shared: Arc<Shared>,
}

/// Where interest is counted.
#[derive(Debug, Clone)]
pub(crate) struct Interests {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    interested: AtomicUsize,
    bytes_max: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    batch: VecDeque<Changes>,
    bytes: usize,
    /// The last revision there was to be told, whether there was room for it or not.
    newest: Revision,
    /// The hub has been told that there is something, and has not looked yet.
    has_rung: bool,
}

pub(crate) fn feed(bytes_max: usize, bell: Sender<Input>) -> (Feed, Trough, Interests) {
    let queue = Queue { batch: VecDeque::new(), bytes: 0, newest: Revision(0), has_rung: false };
    let shared = Arc::new(Shared { interested: AtomicUsize::new(0), bytes_max, queue: Mutex::new(queue) });
    (Feed { shared: shared.clone(), bell }, Trough { shared: shared.clone() }, Interests { shared })
}

impl Feed {
    /// Hands on what one batch changed, in the order of revisions. To be called after readers can see it.
    ///
    /// Cost: one fence and one load while nobody watches; else a lock that is held for moves only. What there is no room
    /// for is dropped here; the hub sees from the revisions what it has missed and reads it from the history.
    pub fn push(&self, changes: Vec<Changes>) {
        // Who begins to watch counts itself, then reads the newest published revision P, and is told what comes after
        // P. We published, then read the count. With a fence between the two steps on both sides, one
        // of us sees the other: either the count is not 0 here, or P is at least what we published.
        fence(Ordering::SeqCst);
        if self.shared.interested.load(Ordering::Relaxed) == 0 {
            return;
        }
        let Some(last) = changes.last() else { return };
        let bytes = changes.iter().flat_map(|changes| &changes.changes).map(weight).sum();
        self.add(last.revision, bytes, changes);
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.shared.interested.load(Ordering::Relaxed) > 0
    }

    /// The state was replaced by one at `revision`, and what led there is not known.
    pub fn jump(&self, revision: Revision) {
        fence(Ordering::SeqCst);
        if self.shared.interested.load(Ordering::Relaxed) > 0 {
            self.add(revision, 0, Vec::new());
        }
    }

    fn add(&self, newest: Revision, bytes: usize, changes: Vec<Changes>) {
        let rings = {
            let mut queue = self.shared.queue.lock();
            queue.newest = queue.newest.max(newest);
            if queue.bytes + bytes <= self.shared.bytes_max {
                queue.bytes += bytes;
                queue.batch.extend(changes);
            }
            !std::mem::replace(&mut queue.has_rung, true)
        };
        if rings {
            drop(self.bell.push(Input::Fed)); // a hub that has failed has ended its node
        }
    }
}

impl Trough {
    /// Moves all that waits into `batch`, which must be empty. Returns the last revision there was to be told.
    pub(crate) fn take(&self, batch: &mut VecDeque<Changes>) -> Revision {
        let mut queue = self.shared.queue.lock();
        std::mem::swap(&mut queue.batch, batch);
        queue.bytes = 0;
        queue.has_rung = false;
        queue.newest
    }
}

impl Interests {
    /// Counts one more. What is read of the state after this is old enough: see [`Feed::push`].
    pub(crate) fn enter(&self) -> Interest {
        self.shared.interested.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        Interest { shared: self.shared.clone() }
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.shared.interested.fetch_sub(1, Ordering::Relaxed);
    }
}
