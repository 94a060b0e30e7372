//! Tasks that run one at a time, on whichever thread has work for them.
//!
//! A thread that hands work to another one pays for its wake-up, 30 to 50 us on a machine that idles, and the answer
//! pays again. The tasks of a [`Strand`] have a home, a task of some runtime that runs them ([`Strand::attend`]); but a
//! thread that brings work may run them itself while nobody else does ([`Strand::begin`]), and then nobody is woken.
//! The tasks cannot tell: never two of them run at once, and each sees what the last one wrote.
//!
//! Timers and IO of the tasks belong to the home's runtime, whoever runs them.
//!
//! Law T5: a task that was woken runs: whoever leaves the strand with work undone wakes its home.

use crate::poll::is_overdue;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::task::{ArcWake, AtomicWaker, waker};
use parking_lot::{Mutex, MutexGuard};
use std::cell::RefCell;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering, fence};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// Somebody is running the tasks.
const DRIVEN: u8 = 1;
/// A task was woken, or came, since they were last run.
const WOKEN: u8 = 2;
/// There are no tasks any more, and never will be.
const CLOSED: u8 = 4;
/// So many times the home looks at its tasks before it lets others of its runtime go.
const HOME_ROUNDS: usize = 64;
/// So many times when the strand is closed.
const CLOSING_ROUNDS: usize = 1024;

/// See the module. Clones are the same strand.
#[derive(Clone)]
pub struct Strand {
    shared: Arc<Shared>,
}

/// See [`Strand::downgrade`].
#[derive(Clone)]
pub struct WeakStrand {
    shared: Weak<Shared>,
}

/// `None` once the strand is closed.
type Tasks = Option<FuturesUnordered<BoxFuture<'static, ()>>>;

struct Shared {
    /// Held by whoever runs them.
    tasks: Mutex<Tasks>,
    arrivals: Mutex<Vec<BoxFuture<'static, ()>>>,
    state: AtomicU8,
    home: AtomicWaker,
    runtime: Handle,
}

/// What the thread that runs the tasks may do meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It may wait for the disk: nobody else needs it now.
    Any,
    /// Others wait for this thread.
    None,
}

/// The right to run the tasks of a strand, here and now.
pub struct Turn<'a> {
    strand: &'a Strand,
    /// Nothing only while the turn ends.
    tasks: Option<MutexGuard<'a, Tasks>>,
    patience: Patience,
}

thread_local! {
    /// The strand whose tasks run on this thread now.
    static CURRENT: RefCell<Option<(Strand, Patience)>> = const { RefCell::new(None) };
}

impl std::fmt::Debug for Strand {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Strand").finish_non_exhaustive()
    }
}

impl ArcWake for Shared {
    fn wake_by_ref(shared: &Arc<Self>) {
        let before = shared.state.fetch_or(WOKEN, Ordering::AcqRel);
        if before & DRIVEN == 0 {
            shared.home.wake();
        }
    }
}

impl Strand {
    /// A strand without tasks, whose home will be on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                tasks: Mutex::new(Some(FuturesUnordered::new())),
                arrivals: Mutex::default(),
                state: AtomicU8::new(0),
                home: AtomicWaker::new(),
                runtime: Handle::current(),
            }),
        }
    }

    /// The strand whose task is running on this thread, if one is.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(|current| current.as_ref().map(|(strand, _)| strand.clone()))
    }

    /// What the running task may do to this thread; nothing, outside any strand.
    #[must_use]
    pub fn patience() -> Patience {
        CURRENT.with_borrow(|current| current.as_ref().map_or(Patience::None, |(_, patience)| *patience))
    }

    /// Adds a task. After [`Strand::close`] it is dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // tokio's budget is of the task that happens to run the strand: it must not stop ours in the middle.
        self.shared.arrivals.lock().push(Box::pin(tokio::task::unconstrained(task)));
        if self.shared.state.load(Ordering::Acquire) & CLOSED != 0 {
            let arrivals = std::mem::take(&mut *self.shared.arrivals.lock());
            drop(arrivals); // outside the lock: what they own may wake or spawn
            return;
        }
        Shared::wake_by_ref(&self.shared);
    }

    /// Runs the tasks whenever nobody else does, until the strand is closed: the strand's home.
    pub async fn attend(&self) {
        std::future::poll_fn(|context| {
            self.shared.home.register(context.waker());
            if self.shared.state.load(Ordering::Acquire) & CLOSED != 0 {
                return Poll::Ready(());
            }
            if let Some(turn) = self.begin(Patience::None)
                && !turn.run(HOME_ROUNDS)
            {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await;
    }

    /// Takes the tasks to this thread, unless another one has them. Until the turn ends nobody is woken for them.
    #[must_use]
    pub fn begin(&self, patience: Patience) -> Option<Turn<'_>> {
        fence(Ordering::SeqCst); // with the one at the end of a turn
        let tasks = self.shared.tasks.try_lock()?;
        if tasks.is_none() {
            return None;
        }
        self.shared.state.fetch_or(DRIVEN, Ordering::AcqRel);
        Some(Turn { strand: self, tasks: Some(tasks), patience })
    }

    /// A handle that does not keep the tasks alive, for what they themselves own.
    #[must_use]
    pub fn downgrade(&self) -> WeakStrand {
        WeakStrand { shared: Arc::downgrade(&self.shared) }
    }

    /// Runs what is awake to its end, then drops every task, and those that come later. Waits for a turn that is under
    /// way on another thread.
    pub fn close(&self) {
        let tasks = {
            let tasks = Some(self.shared.tasks.lock());
            let mut turn = Turn { strand: self, tasks, patience: Patience::None };
            self.shared.state.fetch_or(DRIVEN, Ordering::AcqRel);
            turn.work(CLOSING_ROUNDS);
            self.shared.state.fetch_or(CLOSED, Ordering::AcqRel);
            turn.tasks.as_mut().and_then(|tasks| tasks.take())
        };
        self.shared.home.wake();
        let arrivals = std::mem::take(&mut *self.shared.arrivals.lock());
        drop((tasks, arrivals)); // outside the locks: what they own may wake or spawn
    }
}

#[cfg(feature = "testing")]
impl Strand {
    /// Drops every task where it stands, as a power cut would. Nobody may be running them.
    pub fn cut(&self) {
        let tasks = self.shared.tasks.lock().take();
        self.shared.state.fetch_or(CLOSED, Ordering::AcqRel);
        let arrivals = std::mem::take(&mut *self.shared.arrivals.lock());
        drop((tasks, arrivals)); // outside the locks: what they own may wake or spawn
    }
}

impl WeakStrand {
    /// The strand, if it is still there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Strand> {
        Some(Strand { shared: self.shared.upgrade()? })
    }
}

impl Default for Strand {
    fn default() -> Self {
        Self::new()
    }
}

impl Turn<'_> {
    /// Runs what is awake, and what that wakes, `rounds` times at most, and no longer than the poll that runs here may
    /// take, unless this thread [may wait](Patience::Any). Whether all of them sleep now.
    pub fn run(mut self, rounds: usize) -> bool {
        self.work(rounds)
    }

    fn work(&mut self, rounds: usize) -> bool {
        let shared = &self.strand.shared;
        let _runtime = shared.runtime.enter();
        let _current = Current::set(self.strand.clone(), self.patience);
        let waker = waker(shared.clone());
        let mut context = Context::from_waker(&waker);
        let Some(tasks) = self.tasks.as_mut().and_then(|tasks| tasks.as_mut()) else { return true };
        for _ in 0..rounds {
            if shared.state.fetch_and(!WOKEN, Ordering::AcqRel) & WOKEN == 0 {
                return true;
            }
            tasks.extend(shared.arrivals.lock().drain(..));
            while let Poll::Ready(Some(())) = tasks.poll_next_unpin(&mut context) {}
            if self.patience == Patience::None && is_overdue() {
                return shared.state.load(Ordering::Acquire) & WOKEN == 0;
            }
        }
        false
    }
}

impl Drop for Turn<'_> {
    /// Law T5. The tasks are free before the home is woken, and only then it is asked whether it must be: a home that
    /// finds them taken sleeps on, and whoever had them must see that it was woken in vain.
    fn drop(&mut self) {
        let shared = &self.strand.shared;
        shared.state.fetch_and(!DRIVEN, Ordering::AcqRel);
        self.tasks = None;
        fence(Ordering::SeqCst);
        if shared.state.load(Ordering::Acquire) & WOKEN != 0 {
            shared.home.wake();
        }
    }
}

/// Names the strand that runs on this thread, until it is dropped.
struct Current(Option<(Strand, Patience)>);

impl Current {
    fn set(strand: Strand, patience: Patience) -> Self {
        Self(CURRENT.replace(Some((strand, patience))))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.replace(self.0.take());
    }
}

#[cfg(test)]
mod tests;
