//! One thread for everything, in an order that a seed decides.

use super::seed::Seed;
use crate::Group;
use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// So many turns without an end, in one moment of virtual time, and something runs in a circle.
const TURNS_MAX: u64 = 200_000;
/// How often that is looked at, in turns.
const LOOK_PERIOD: u64 = 1 << 12;

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
    shared: Arc<Shared>,
    /// Which group; the first is 0.
    group: u64,
}

/// One of several groups of a [`Scheduler`], to be dropped as if its power failed.
#[derive(Debug, Clone)]
pub struct Plug(Lanes);

/// Makes groups that run on one [`Scheduler`] and die one by one.
#[derive(Debug, Clone)]
pub struct Plugs {
    shared: Arc<Shared>,
    count: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Shared {
    field: Mutex<Field>,
    awake: Awake,
}

#[derive(Debug, Default)]
struct Field {
    /// By number, in the order in which they began.
    lanes: BTreeMap<u64, Lane>,
    next: u64,
    /// Groups of which no lane gets a turn.
    stopped: BTreeSet<u64>,
}

/// Lanes that can go on, in ascending order: who was woken first does not matter.
#[derive(Debug, Default)]
struct Awake {
    lanes: Mutex<Vec<u64>>,
    scheduler: AtomicWaker,
}

struct Lane {
    name: &'static str,
    group: u64,
    /// It gets no turn until it is let go.
    is_held: bool,
    work: Option<BoxFuture<'static, ()>>,
    flag: Arc<Flag>,
}

/// Up when a lane can go on.
#[derive(Debug)]
struct Flag {
    lane: u64,
    is_up: AtomicBool,
    shared: Arc<Shared>,
}

/// Whether what the scheduler drives can go on.
#[derive(Debug)]
struct Driven {
    is_up: AtomicBool,
    scheduler: AtomicWaker,
}

/// Whether time passes.
#[derive(Debug, Default)]
struct Pace {
    turns: u64,
    /// The time, and how many turns it had been by then.
    last: Option<(tokio::time::Instant, u64)>,
}

impl Pace {
    fn count(&mut self) {
        self.turns += 1;
        if !self.turns.is_multiple_of(LOOK_PERIOD) {
            return;
        }
        let now = tokio::time::Instant::now();
        let (then, turns) = *self.last.get_or_insert((now, self.turns));
        if then != now {
            self.last = Some((now, self.turns));
        }
        assert!(
            then != now || self.turns - turns < TURNS_MAX,
            "time stands still: something runs in a circle"
        );
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Lane").field(&self.name).finish()
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_up.swap(true, Ordering::AcqRel) {
            self.shared.awake.add(self.lane);
        }
    }
}

impl Wake for Driven {
    fn wake(self: Arc<Self>) {
        self.is_up.store(true, Ordering::Release);
        self.scheduler.wake();
    }
}

impl Awake {
    fn add(&self, lane: u64) {
        let mut lanes = self.lanes.lock();
        if let Err(place) = lanes.binary_search(&lane) {
            lanes.insert(place, lane);
        }
        drop(lanes);
        self.scheduler.wake();
    }

    fn remove(&self, lane: u64) {
        let mut lanes = self.lanes.lock();
        if let Ok(place) = lanes.binary_search(&lane) {
            lanes.remove(place);
        }
    }

    /// Takes one of them; none if chance, one in all and one more, is for everything else.
    fn choose(&self, seed: &mut Seed) -> Option<u64> {
        let mut lanes = self.lanes.lock();
        let choice = seed.below(lanes.len() + 1);
        (choice < lanes.len()).then(|| lanes.remove(choice))
    }

    fn is_empty(&self) -> bool {
        self.lanes.lock().is_empty()
    }
}

impl Field {
    fn rests(&self, lane: &Lane) -> bool {
        lane.is_held || self.stopped.contains(&lane.group)
    }

    /// Numbers of the lanes that have been woken and may go on.
    fn woken(&self) -> Vec<u64> {
        let is_woken = |lane: &Lane| !self.rests(lane) && lane.flag.is_up.load(Ordering::Acquire);
        self.lanes.iter().filter(|(_, lane)| is_woken(lane)).map(|(number, _)| *number).collect()
    }
}

impl Lanes {
    pub(crate) fn add(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let mut field = self.shared.field.lock();
        let number = field.next;
        field.next += 1;
        let flag = Arc::new(Flag { lane: number, is_up: AtomicBool::new(true), shared: self.shared.clone() });
        let work: Option<BoxFuture<'static, ()>> = Some(Box::pin(work));
        let lane = Lane { name, group: self.group, is_held: false, work, flag };
        field.lanes.insert(number, lane);
        drop(field);
        self.shared.awake.add(number);
    }

    /// One turn for a lane that was awake.
    fn turn(&self, number: u64) {
        let (mut work, flag) = {
            let mut field = self.shared.field.lock();
            let Some(lane) = field.lanes.get(&number) else { return };
            if field.rests(lane) {
                return; // its flag stays up: it is found when it is let go
            }
            let lane = field.lanes.get_mut(&number).expect("it was there");
            (lane.work.take().expect("a lane has its work between two turns"), lane.flag.clone())
        };
        flag.is_up.store(false, Ordering::Release);
        let waker = Waker::from(flag);
        let is_done = work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut field = self.shared.field.lock();
        // Its turn may have pulled its own plug.
        let dead = match field.lanes.get_mut(&number) {
            Some(lane) if !is_done => {
                lane.work = Some(work);
                return;
            }
            _ => (work, field.lanes.remove(&number)),
        };
        drop(field);
        self.shared.awake.remove(number);
        drop(dead); // outside the lock: what it owns may start another lane
    }

    /// Changes who rests; who was woken meanwhile can go on.
    fn change(&self, change: impl FnOnce(&mut Field)) {
        let woken = {
            let mut field = self.shared.field.lock();
            change(&mut field);
            field.woken()
        };
        woken.into_iter().for_each(|number| self.shared.awake.add(number));
    }
}

impl Plug {
    /// What the group runs under `name` gets no turn until it is let go: a disk that hangs, if it is the log's thread.
    pub fn hold(&self, name: &str, is_held: bool) {
        let group = self.0.group;
        self.0.change(|field| {
            for lane in field.lanes.values_mut().filter(|lane| lane.group == group && lane.name == name) {
                lane.is_held = is_held;
            }
        });
    }

    /// Nothing of the group gets a turn until it goes on, whatever is started in it meanwhile: a stopped process.
    pub fn stop(&self, is_stopped: bool) {
        let group = self.0.group;
        self.0.change(|field| {
            if is_stopped {
                field.stopped.insert(group);
            } else {
                field.stopped.remove(&group);
            }
        });
    }

    /// Drops everything that the group runs, where it stands. Nothing of it may be running: call it from another group, or from
    /// what the scheduler drives.
    pub fn pull(&self) {
        let group = self.0.group;
        let dead: Vec<(u64, Lane)> = {
            let mut field = self.0.shared.field.lock();
            field.stopped.remove(&group);
            field.lanes.extract_if(.., |_, lane| lane.group == group).collect()
        };
        dead.iter().for_each(|(number, _)| self.0.shared.awake.remove(*number));
        drop(dead); // outside the lock
    }
}

/// Drops everything that it ran: a lane holds its group, which holds the lanes.
impl Drop for Scheduler {
    fn drop(&mut self) {
        let lanes = std::mem::take(&mut self.lanes.shared.field.lock().lanes);
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

    /// Runs everything until `work` is done. Between some of the turns, as chance has it, the runtime's other tasks get theirs.
    ///
    /// # Panics
    /// Whoever is driven panics; or time is paused and does not pass, since somebody runs in a circle.
    pub async fn drive<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        let driven = Arc::new(Driven { is_up: AtomicBool::new(true), scheduler: AtomicWaker::new() });
        let waker = Waker::from(driven.clone());
        let mut pace = Pace::default();
        let turns = std::future::poll_fn(|context| {
            driven.scheduler.register(context.waker());
            self.lanes.shared.awake.scheduler.register(context.waker());
            loop {
                if driven.is_up.swap(false, Ordering::AcqRel)
                    && let Poll::Ready(answer) = work.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return Poll::Ready(answer);
                }
                match self.lanes.shared.awake.choose(&mut self.seed) {
                    Some(number) => {
                        pace.count();
                        self.lanes.turn(number);
                    }
                    None => {
                        if !self.lanes.shared.awake.is_empty() {
                            context.waker().wake_by_ref();
                        }
                        return Poll::Pending;
                    }
                }
            }
        });
        // tokio's budget is of one task: here it would be of all of them together.
        tokio::task::unconstrained(turns).await
    }
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
mod tests;
