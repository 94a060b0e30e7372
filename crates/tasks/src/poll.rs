//! How long the tasks of a thread keep it, poll by poll.
//!
//! A thread that serves many connections is only as prompt as the longest poll of any task on it. A [`PollMeter`]
//! counts the polls of the futures it watches by their length and keeps the longest. Two readings of the clock a poll:
//! about 50 ns with [`PollClock::Wall`].
//!
//! While a watched future is polled, whatever it calls may ask [`is_overdue`] and leave the rest for the next poll:
//! so a socket wrapper bounds polls of code that it does not own.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The upper bounds of the classes that polls are counted in; there is one more class above the last.
pub const POLL_CLASSES: [Duration; 8] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(10),
    Duration::from_millis(100),
];

/// What a poll may take before [`is_overdue`] says so. A quarter of the millisecond that no poll should exceed: what is
/// begun just before the limit has to fit too.
const SHARE: Duration = Duration::from_micros(250);

/// What a poll's length is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollClock {
    /// Time that passes: what a client feels. It includes time in which the system ran something else.
    Wall,
    /// Time that the thread ran: what the code asks for, whatever else the machine does. Each reading is a system call,
    /// so this is for tests.
    ThreadCpu,
}

/// Counts polls by their length. Clones count together.
#[derive(Debug, Clone)]
pub struct PollMeter {
    shared: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    clock: PollClock,
    origin: Instant,
    classes: [AtomicU64; POLL_CLASSES.len() + 1],
    total: AtomicU64,
    longest: AtomicU64,
}

/// What a [`PollMeter`] has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polls {
    /// Polls by class of [`POLL_CLASSES`], and last those above all of them.
    pub classes: [u64; POLL_CLASSES.len() + 1],
    /// The length of all together.
    pub total: Duration,
    /// The length of the longest.
    pub longest: Duration,
}

pin_project_lite::pin_project! {
    /// A future whose polls are counted.
    #[derive(Debug)]
    pub struct Watched<F> {
        #[pin]
        work: F,
        meter: PollMeter,
    }
}

/// When the poll that runs on this thread becomes overdue, by the clock of its meter.
#[derive(Debug, Clone, Copy)]
struct Due {
    clock: PollClock,
    origin: Instant,
    at: Duration,
    number: u64,
}

thread_local! {
    static DUE: Cell<Option<Due>> = const { Cell::new(None) };
    /// How many polls were watched on this thread.
    static POLLS: Cell<u64> = const { Cell::new(0) };
}

/// Whether the watched poll that runs on this thread has used up its share of 250 us. Outside of one, never.
/// Cost: a reading of the clock.
#[must_use]
pub fn is_overdue() -> bool {
    DUE.get().is_some_and(|due| due.clock.read(due.origin) >= due.at)
}

/// Which watched poll runs on this thread: each has a number of its own. Outside of one, none.
#[must_use]
pub fn running() -> Option<u64> {
    DUE.get().map(|due| due.number)
}

/// Goes on at once, or, if the poll [`is_overdue`], with the next one.
pub async fn pause_if_overdue() {
    let mut is_next = !is_overdue();
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_next, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl PollMeter {
    /// A meter that has counted nothing.
    #[must_use]
    pub fn new(clock: PollClock) -> Self {
        let counts = Counts {
            clock,
            origin: Instant::now(),
            classes: Default::default(),
            total: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        };
        Self { shared: Arc::new(counts) }
    }

    /// `work`, with its polls counted here.
    pub fn watch<F: Future>(&self, work: F) -> Watched<F> {
        Watched { work, meter: self.clone() }
    }

    /// What was counted so far.
    #[must_use]
    pub fn polls(&self) -> Polls {
        let counts = &self.shared;
        Polls {
            classes: std::array::from_fn(|class| counts.classes[class].load(Ordering::Relaxed)),
            total: Duration::from_nanos(counts.total.load(Ordering::Relaxed)),
            longest: Duration::from_nanos(counts.longest.load(Ordering::Relaxed)),
        }
    }

    fn count(&self, length: Duration) {
        let counts = &self.shared;
        let class = POLL_CLASSES.iter().position(|bound| length <= *bound).unwrap_or(POLL_CLASSES.len());
        counts.classes[class].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        counts.total.fetch_add(nanos, Ordering::Relaxed);
        if nanos > counts.longest.load(Ordering::Relaxed) {
            counts.longest.fetch_max(nanos, Ordering::Relaxed);
        }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (clock, origin) = (this.meter.shared.clock, this.meter.shared.origin);
        let begun = clock.read(origin);
        // A poll inside a poll belongs to the outer one's share.
        let outer = DUE.get();
        let number = POLLS.get() + 1;
        POLLS.set(number);
        DUE.set(outer.or(Some(Due { clock, origin, at: begun + SHARE, number })));
        let restore = Restore(outer);
        let outcome = this.work.poll(context);
        drop(restore);
        this.meter.count(clock.read(origin).saturating_sub(begun));
        outcome
    }
}

/// Puts back what was due, also when the poll panics.
struct Restore(Option<Due>);

impl Drop for Restore {
    fn drop(&mut self) {
        DUE.set(self.0);
    }
}

impl PollClock {
    fn read(self, origin: Instant) -> Duration {
        match self {
            Self::Wall => origin.elapsed(),
            Self::ThreadCpu => {
                let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                Duration::try_from(used).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the thread busy for as long as `until` says so.
    fn spin(mut until: impl FnMut() -> bool) {
        while !until() {
            std::hint::spin_loop();
        }
    }

    fn poll_once(work: impl Future<Output = ()>) {
        futures::FutureExt::now_or_never(work).unwrap();
    }

    #[test]
    fn a_poll_is_counted_in_the_class_of_its_length() {
        let meter = PollMeter::new(PollClock::ThreadCpu);
        poll_once(meter.watch(async {}));
        let begun = PollClock::ThreadCpu.read(Instant::now());
        let has_run = |span| PollClock::ThreadCpu.read(Instant::now()) >= begun + span;
        poll_once(meter.watch(async { spin(|| has_run(Duration::from_millis(11))) }));
        let polls = meter.polls();
        assert_eq!(polls.classes.iter().sum::<u64>(), 2);
        assert!(polls.longest >= Duration::from_millis(10), "{polls:?}");
        assert_eq!(polls.classes[..7].iter().sum::<u64>(), 1, "{polls:?}");
    }

    #[test]
    fn a_poll_is_overdue_once_its_share_is_used_up_and_no_longer_than_it_lasts() {
        let meter = PollMeter::new(PollClock::ThreadCpu);
        assert!(!is_overdue());
        poll_once(meter.watch(async { spin(is_overdue) }));
        assert!(!is_overdue());
        assert!(meter.polls().longest >= SHARE);
    }

    #[test]
    fn each_poll_has_a_number_of_its_own() {
        let meter = PollMeter::new(PollClock::Wall);
        let number = || futures::FutureExt::now_or_never(meter.watch(async { running() })).unwrap();
        assert_eq!(running(), None);
        assert_ne!(number().unwrap(), number().unwrap());
    }

    #[test]
    fn a_poll_inside_another_has_no_share_of_its_own() {
        let (outer, inner) = (PollMeter::new(PollClock::ThreadCpu), PollMeter::new(PollClock::ThreadCpu));
        poll_once(outer.watch(async {
            spin(is_overdue);
            inner.watch(async { assert!(is_overdue()) }).await;
        }));
    }
}
