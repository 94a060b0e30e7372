//! From the hub to the streams of one front thread: one lock and one wake-up a thread and batch (law T3 of `tasks`).
//!
//! The hub lays a parcel for each stream into the mailbox of the stream's thread; the thread's one task, [`Mailbox::attend`],
//! moves them to the streams' own queues, whose wakers are of the same thread and cheap.

use crate::message::Item;
use crate::request::Input;
use futures::future::{Either, select};
use futures::task::AtomicWaker;
use parking_lot::Mutex;
use quorate_tasks::inbox::Sender;
use quorate_tasks::{Clock, Moment};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Where messages for the streams of one front thread arrive. Clones are the same mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    shared: Arc<Shared>,
    door: Sender<Input>,
}

/// Messages for one stream.
pub(crate) type Parcel = (Arc<Outgoing>, Vec<Item>);

struct Shared {
    mail: Mutex<Vec<Parcel>>,
    attendant: AtomicWaker,
    /// Streams open at this mailbox that may want to hear of progress.
    streams: AtomicUsize,
    clock: Arc<dyn Clock>,
    tick: Duration,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mailbox").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// What waits for one stream.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    /// Bytes given to the stream and not taken by its transport.
    in_flight: AtomicUsize,
    /// The hub has stopped giving it more and wants to hear when there is room.
    is_starved: AtomicBool,
    /// Requests that the hub has not seen yet.
    pub(crate) requests: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    items: Vec<Item>,
    reader: Option<Waker>,
    is_closed: bool,
}

impl Mailbox {
    pub(crate) fn new(clock: Arc<dyn Clock>, tick: Duration, door: Sender<Input>) -> Self {
        let shared = Shared {
            mail: Mutex::default(),
            attendant: AtomicWaker::new(),
            streams: AtomicUsize::new(0),
            clock,
            tick,
        };
        Self { shared: Arc::new(shared), door }
    }

    /// Hands what arrives to the streams, and tells the hub the time while there are any, for ever. One task a front thread,
    /// on that thread.
    pub async fn attend(&self) {
        let clock = &self.shared.clock;
        loop {
            self.sort_until(Self::has_streams).await;
            let due = clock.now() + self.shared.tick;
            let sorting = pin!(self.sort_until(|mailbox| !mailbox.has_streams()));
            if let Either::Right(_) = select(sorting, clock.sleep_until(due)).await {
                drop(self.door.push(Input::Tick(clock.now()))); // a hub that has gone needs no telling
            }
        }
    }

    async fn sort_until(&self, is_enough: impl Fn(&Self) -> bool) {
        let mut mail = Vec::new();
        poll_fn(|context| {
            self.shared.attendant.register(context.waker());
            self.sort(&mut mail);
            if is_enough(self) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn has_streams(&self) -> bool {
        self.shared.streams.load(Ordering::Relaxed) > 0
    }

    /// Streams come and go; while there are none nobody needs to know the time.
    pub(crate) fn opened(&self) {
        if self.shared.streams.fetch_add(1, Ordering::Relaxed) == 0 {
            self.shared.attendant.wake();
        }
    }

    pub(crate) fn closed(&self) {
        self.shared.streams.fetch_sub(1, Ordering::Relaxed);
    }

    fn sort(&self, mail: &mut Vec<Parcel>) {
        loop {
            std::mem::swap(&mut *self.shared.mail.lock(), mail);
            if mail.is_empty() {
                return;
            }
            for (outgoing, items) in mail.drain(..) {
                outgoing.receive(items);
            }
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn deliver(&self, parcels: &mut Vec<Parcel>) {
        let was_empty = {
            let mut mail = self.shared.mail.lock();
            let was_empty = mail.is_empty();
            mail.append(parcels);
            was_empty
        };
        if was_empty {
            self.shared.attendant.wake();
        }
    }
}

impl Outgoing {
    fn receive(&self, mut items: Vec<Item>) {
        let reader = {
            let mut queue = self.queue.lock();
            if queue.is_closed {
                return;
            }
            if queue.items.is_empty() {
                std::mem::swap(&mut queue.items, &mut items);
            } else {
                queue.items.append(&mut items);
            }
            queue.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Moves what has arrived into `items`, which must be empty. If that is nothing, `reader` is woken by the next arrival.
    pub(crate) fn take(&self, items: &mut Vec<Item>, reader: &Waker) {
        assert!(items.is_empty(), "what was taken before comes first");
        let mut queue = self.queue.lock();
        std::mem::swap(&mut queue.items, items);
        if items.is_empty() {
            queue.reader = Some(reader.clone());
        }
    }

    /// Nobody reads any more: what waits and what comes is dropped.
    pub(crate) fn close(&self) {
        let unread = {
            let mut queue = self.queue.lock();
            queue.is_closed = true;
            std::mem::take(&mut queue.items)
        };
        drop(unread);
    }

    /// The hub's side: `bytes` are on their way.
    pub(crate) fn add(&self, bytes: usize) {
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The hub's side: whether nothing more may be given. If so, the stream will say when there is room.
    pub(crate) fn is_full(&self, window: usize) -> bool {
        if self.in_flight.load(Ordering::Relaxed) < window {
            return false;
        }
        // We raise the flag, then look again; the front takes off bytes, then looks for the flag. In the one order of
        // all four, either we see the room or the front sees the flag.
        self.is_starved.store(true, Ordering::SeqCst);
        self.in_flight.load(Ordering::SeqCst) >= window
    }

    /// The front's side: the transport has taken `bytes`. True if the hub waits to hear that.
    pub(crate) fn take_off(&self, bytes: usize, window: usize) -> bool {
        let left = self.in_flight.fetch_sub(bytes, Ordering::SeqCst) - bytes;
        left <= window / 2
            && self.is_starved.load(Ordering::SeqCst)
            && self.is_starved.swap(false, Ordering::SeqCst)
    }
}

/// How often the hub looks at its clocks of progress, for the interval that it reports at.
pub(crate) fn tick(interval: Duration) -> Duration {
    (interval / 32).clamp(Duration::from_millis(10), Duration::from_secs(5))
}

/// When a stream that reports at `interval` does so next, given its share of chance.
pub(crate) fn next_report(now: Moment, interval: Duration, chance: u64) -> Moment {
    let per_mille = u32::try_from(chance % 101).expect("at most 100");
    now + interval + interval * per_mille / 1000
}
