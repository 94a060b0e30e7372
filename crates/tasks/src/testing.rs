//! Doubles: a clock that a test moves, and a scheduler that a seed drives.

use crate::{Clock, Group, Moment};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A clock that stands still until it is moved. Clones are the same clock, which begins with 1970.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    shared: Arc<Mutex<ManualTime>>,
}

#[derive(Debug, Default)]
struct ManualTime {
    now: Moment,
    sleepers: Vec<(Moment, Waker)>,
}

impl ManualClock {
    /// Moves time forward by `span` and wakes who waited for that.
    pub fn advance(&self, span: Duration) {
        let due: Vec<_> = {
            let mut time = self.shared.lock();
            time.now = time.now + span;
            let now = time.now;
            time.sleepers.extract_if(.., |(at, _)| *at <= now).collect()
        };
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// How many sleeps have not ended.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.shared.lock().sleepers.len()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        self.shared.lock().now
    }

    fn sleep_until(&self, at: Moment) -> BoxFuture<'static, ()> {
        let shared = self.shared.clone();
        Box::pin(std::future::poll_fn(move |context| {
            let mut time = shared.lock();
            if time.now >= at {
                return Poll::Ready(());
            }
            time.sleepers.push((at, context.waker().clone()));
            Poll::Pending
        }))
    }

    fn wall(&self) -> Duration {
        self.now().0
    }
}

/// A small generator (xorshift64*): the same seed gives the same sequence on every machine.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next_u64() % end as u64) as usize
    }
}

thread_local! {
    static CHANCE: std::cell::RefCell<Option<Seed>> = const { std::cell::RefCell::new(None) };
}

/// From here on [`entropy`](crate::entropy) on this thread is the sequence of `seed`.
pub fn draw_from(seed: u64) {
    CHANCE.set(Some(Seed::new(seed)));
}

/// The next number of this thread's sequence, if it has one.
pub(crate) fn drawn() -> Option<u64> {
    CHANCE.with_borrow_mut(|chance| chance.as_mut().map(Seed::next_u64))
}

/// Runs the steps and tasks of its [`Group`] on one thread, in an order that the seed decides.
///
/// It drives only what that group started. Whatever else lives on the tokio runtime around it (openraft's own
/// tasks) runs between two turns; with tokio's time paused, all of it is virtual.
#[derive(Debug)]
pub struct Scheduler {
    lanes: Lanes,
    seed: Seed,
}

/// The futures that a scheduler gives turns, as one group adds to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lanes {
    shared: Arc<Mutex<Vec<Lane>>>,
    /// Which group; the first is 0.
    group: u64,
}

/// One of several groups of a [`Scheduler`], to be dropped as if its power failed.
#[derive(Debug, Clone)]
pub struct Plug(Lanes);

struct Lane {
    name: &'static str,
    group: u64,
    /// It gets no turn until it is let go.
    is_held: bool,
    work: Option<BoxFuture<'static, ()>>,
    flag: Arc<Flag>,
}

/// Set when a lane can go on.
#[derive(Debug)]
struct Flag {
    is_up: AtomicBool,
    scheduler: futures::task::AtomicWaker,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Lane").field(&self.name).finish()
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_up.store(true, Ordering::Release);
        self.scheduler.wake();
    }
}

impl Lanes {
    pub(crate) fn add(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let flag =
            Arc::new(Flag { is_up: AtomicBool::new(true), scheduler: futures::task::AtomicWaker::new() });
        self.shared.lock().push(Lane {
            name,
            group: self.group,
            is_held: false,
            work: Some(Box::pin(work)),
            flag,
        });
    }

    /// Positions of the lanes that can go on; each knows the scheduler to wake from now on.
    fn awake(&self, context: &Context<'_>) -> Vec<usize> {
        let lanes = self.shared.lock();
        lanes.iter().for_each(|lane| lane.flag.scheduler.register(context.waker()));
        let awake =
            |lane: &Lane| lane.work.is_some() && !lane.is_held && lane.flag.is_up.load(Ordering::Acquire);
        (0..lanes.len()).filter(|position| awake(&lanes[*position])).collect()
    }

    fn turn(&self, position: usize) {
        let (mut work, flag) = {
            let mut lanes = self.shared.lock();
            let lane = &mut lanes[position];
            (lane.work.take().expect("only awake lanes get a turn"), lane.flag.clone())
        };
        flag.is_up.store(false, Ordering::Release);
        let waker = Waker::from(flag.clone());
        if work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            // Its turn may have pulled plugs, which moves the lanes behind.
            let mut lanes = self.shared.lock();
            if let Some(lane) = lanes.iter_mut().find(|lane| Arc::ptr_eq(&lane.flag, &flag)) {
                lane.work = Some(work);
                return;
            }
            drop(lanes);
            drop(work); // outside the lock: what it owns may start another lane
        }
    }
}

impl Plug {
    /// What the group runs under `name` gets no turn until it is let go: a disk that hangs, if it is the log's thread.
    pub fn hold(&self, name: &str, is_held: bool) {
        let mut lanes = self.0.shared.lock();
        for lane in lanes.iter_mut().filter(|lane| lane.group == self.0.group && lane.name == name) {
            lane.is_held = is_held;
            lane.flag.scheduler.wake();
        }
    }

    /// Drops everything that the group runs, where it stands. Nothing of it may be running: call it from another group, or from
    /// what the scheduler drives.
    pub fn pull(&self) {
        let group = self.0.group;
        let dead: Vec<Lane> = self.0.shared.lock().extract_if(.., |lane| lane.group == group).collect();
        drop(dead); // outside the lock
    }
}

/// Drops everything that it ran: a lane holds its group, which holds the lanes.
impl Drop for Scheduler {
    fn drop(&mut self) {
        let lanes = std::mem::take(&mut *self.lanes.shared.lock());
        drop(lanes); // outside the lock: what they own may start another lane
    }
}

impl Scheduler {
    /// A scheduler, and the group whose steps and tasks it runs.
    #[must_use]
    pub fn new(seed: u64) -> (Self, Group) {
        let lanes = Lanes::default();
        let group = Group::seeded(lanes.clone());
        (Self { lanes, seed: Seed::new(seed) }, group)
    }

    /// What makes further groups, whose lanes are mixed with all others.
    #[must_use]
    pub fn plugs(&self) -> Plugs {
        Plugs { shared: self.lanes.shared.clone(), count: Arc::default() }
    }

    /// Runs everything until `work` is done. Between two turns the runtime's other tasks get theirs.
    pub async fn drive<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            if let Poll::Ready(answer) = work.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            let awake = self.lanes.awake(context);
            if !awake.is_empty() {
                // One choice in `awake + 1` is to let everything else go first.
                let choice = self.seed.below(awake.len() + 1);
                if let Some(position) = awake.get(choice) {
                    self.lanes.turn(*position);
                }
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }
}

/// Makes groups that run on one [`Scheduler`] and die one by one.
#[derive(Debug, Clone)]
pub struct Plugs {
    shared: Arc<Mutex<Vec<Lane>>>,
    count: Arc<std::sync::atomic::AtomicU64>,
}

impl Plugs {
    /// Another group, and the plug to pull on it.
    #[must_use]
    pub fn group(&self) -> (Group, Plug) {
        let group = 1 + self.count.fetch_add(1, Ordering::Relaxed);
        let lanes = Lanes { shared: self.shared.clone(), group };
        (Group::seeded(lanes.clone()), Plug(lanes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::{Sender, inbox};
    use crate::{Failure, Step};

    struct Tagging {
        tag: char,
        trace: Arc<Mutex<String>>,
        next: Option<Sender<()>>,
    }

    impl Step for Tagging {
        type Input = ();

        fn turn(&mut self, batch: &mut Vec<()>) -> Result<(), Failure> {
            for () in batch.drain(..) {
                self.trace.lock().push(self.tag);
                if let Some(next) = &self.next {
                    next.push(()).expect("the next step takes everything");
                }
            }
            Ok(())
        }
    }

    /// Two independent producers feed two independent chains: the trace shows who went when.
    async fn trace(seed: u64) -> String {
        let (mut scheduler, group) = Scheduler::new(seed);
        let trace = Arc::new(Mutex::new(String::new()));
        for tags in [['a', 'b'], ['x', 'y']] {
            let (first, first_inbox) = inbox(99);
            let (second, second_inbox) = inbox(99);
            group.step(
                "first",
                first_inbox,
                Tagging { tag: tags[0], trace: trace.clone(), next: Some(second) },
            );
            group.step("second", second_inbox, Tagging { tag: tags[1], trace: trace.clone(), next: None });
            (0..5).for_each(|_| first.push(()).unwrap());
        }
        let all = std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if trace.lock().len() == 20 { Poll::Ready(()) } else { Poll::Pending }
        });
        scheduler.drive(all).await;
        let trace = trace.lock();
        trace.clone()
    }

    #[tokio::test]
    async fn a_seed_decides_the_order_and_nothing_else_does() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..20 {
            assert_eq!(trace(seed).await, trace(seed).await);
            seen.insert(trace(seed).await);
        }
        assert!(seen.len() > 3, "twenty seeds gave only {seen:?}");
    }
}
