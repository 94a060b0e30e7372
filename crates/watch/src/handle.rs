//! The door to the hub.

use crate::crowd::StreamId;
use crate::feed::{Feed, feed};
use crate::history::History;
use crate::hub::Hub;
use crate::mailbox::{Mailbox, tick};
use crate::past::Reader;
use crate::settings::Settings;
use crate::stream::{SharedHistory, Stream, Surroundings};
use quorate_tasks::inbox::inbox;
use quorate_tasks::{Clock, Group};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The door to the hub. Clones are the same; when the last is gone, with its streams, mailboxes and the feed, the hub ends.
#[derive(Clone)]
pub struct Handle {
    surroundings: Surroundings,
    clock: Arc<dyn Clock>,
    tick: Duration,
    next_stream: Arc<AtomicU64>,
}

/// Starts a hub, its two readers of the past, and gives its doors: one for those who watch, one for whoever applies.
#[must_use]
pub fn start(
    group: &Group,
    history: Arc<dyn History>,
    clock: Arc<dyn Clock>,
    settings: Settings,
) -> (Handle, Feed) {
    let (door, inputs) = inbox(usize::MAX); // each kind of input has a bound of its own: see `Input`
    let (feed, trough, interests) = feed(settings.feed_bytes_max, door.clone());
    let (pages, pages_jobs) = inbox(2); // the hub asks each reader one thing at a time
    let (previous, previous_jobs) = inbox(2);
    group.step("watch-history", pages_jobs, Reader::new(history.clone()));
    group.step("watch-previous", previous_jobs, Reader::new(history.clone()));
    let (window, tick) = (settings.window_bytes, tick(settings.progress_interval));
    group.step("watch", inputs, Hub::new(settings, trough, pages, previous));
    let surroundings = Surroundings { door, interests, history: SharedHistory(history), window };
    (Handle { surroundings, clock, tick, next_stream: Arc::default() }, feed)
}

impl Handle {
    /// A mailbox for one front thread, which attends it.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.clock.clone(), self.tick, self.surroundings.door.clone())
    }

    /// A new stream, without watches, of the front thread that attends `mailbox`.
    #[must_use]
    pub fn open(&self, mailbox: &Mailbox) -> Stream {
        let id = StreamId(self.next_stream.fetch_add(1, Ordering::Relaxed));
        Stream::open(id, self.clock.now(), mailbox, self.surroundings.clone())
    }
}
