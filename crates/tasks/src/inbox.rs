//! A bounded queue that is emptied whole: many push, one takes everything that waits.
//!
//! Taking all at once is what makes group commit and batched replies fall out by themselves: the next
//! batch forms while the last one is worked on. The consumer is a thread or a task; the producers do
//! not know which, and wake it only when it sleeps (law T3).

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A new inbox that holds at most `bound` items: past it a push is refused (law T2).
#[must_use]
pub fn inbox<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            items: Vec::new(),
            bound,
            senders: 1,
            receiver_is_gone: false,
            sleeper: Sleeper::Nobody,
        }),
        pushed: Condvar::new(),
    });
    (Sender { shared: shared.clone() }, Receiver { shared })
}

/// The end that pushes. Cloned freely; when the last clone is dropped the inbox is closed.
#[derive(Debug)]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The end that takes. Dropping it makes every later push fail.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

/// Why a push was refused; the item comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// As many items wait as the inbox holds.
    Full(T),
    /// Nobody will ever take it.
    Closed(T),
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    pushed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: Vec<T>,
    bound: usize,
    senders: usize,
    receiver_is_gone: bool,
    sleeper: Sleeper,
}

/// The consumer, while it waits.
#[derive(Debug)]
enum Sleeper {
    Nobody,
    Thread,
    Task(Waker),
}

impl<T> Shared<T> {
    fn wake(&self, sleeper: Sleeper) {
        match sleeper {
            Sleeper::Nobody => {}
            Sleeper::Thread => {
                self.pushed.notify_one();
            }
            Sleeper::Task(waker) => waker.wake(),
        }
    }
}

impl<T> State<T> {
    fn is_closed(&self) -> bool {
        self.senders == 0
    }

    fn add(&mut self, item: T) -> Result<(), Refused<T>> {
        if self.receiver_is_gone {
            return Err(Refused::Closed(item));
        }
        if self.items.len() >= self.bound {
            return Err(Refused::Full(item));
        }
        self.items.push(item);
        Ok(())
    }
}

impl<T> Sender<T> {
    /// Puts `item` behind all that waits. Never blocks.
    ///
    /// # Errors
    /// [`Refused`], with the item.
    pub fn push(&self, item: T) -> Result<(), Refused<T>> {
        let sleeper = {
            let mut state = self.shared.state.lock();
            state.add(item)?;
            std::mem::replace(&mut state.sleeper, Sleeper::Nobody)
        };
        self.shared.wake(sleeper);
        Ok(())
    }

    /// As [`Sender::push`], but wakes nobody: whoever calls it gives the [`Stage`](crate::Stage) its turn.
    ///
    /// # Errors
    /// [`Refused`], with the item.
    pub fn lay(&self, item: T) -> Result<(), Refused<T>> {
        self.shared.state.lock().add(item)
    }

    /// How many items wait now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.state.lock().items.len()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().senders += 1;
        Self { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let sleeper = {
            let mut state = self.shared.state.lock();
            state.senders -= 1;
            if state.senders > 0 {
                return;
            }
            std::mem::replace(&mut state.sleeper, Sleeper::Nobody)
        };
        self.shared.wake(sleeper);
    }
}

impl<T> Receiver<T> {
    /// Blocks this thread until something waits, then moves all of it into `batch`, which must be
    /// empty; its allocation is used for the next batch. False once the inbox is empty and closed.
    ///
    /// # Panics
    /// If `batch` is not empty.
    pub fn take(&mut self, batch: &mut Vec<T>) -> bool {
        assert!(batch.is_empty(), "a turn leaves its batch empty");
        let mut state = self.shared.state.lock();
        while state.items.is_empty() {
            if state.is_closed() {
                return false;
            }
            state.sleeper = Sleeper::Thread;
            self.shared.pushed.wait(&mut state);
        }
        state.sleeper = Sleeper::Nobody;
        std::mem::swap(&mut state.items, batch);
        true
    }

    /// Moves what waits now behind what is in `batch`. Never waits.
    pub fn gather(&mut self, batch: &mut Vec<T>) {
        batch.append(&mut self.shared.state.lock().items);
    }

    /// As [`Receiver::take`], for a task.
    pub async fn next(&mut self, batch: &mut Vec<T>) -> bool {
        std::future::poll_fn(|context| self.poll_next(context, batch)).await
    }

    /// As [`Receiver::next`], polled.
    ///
    /// # Panics
    /// If `batch` is not empty.
    pub fn poll_next(&mut self, context: &mut Context<'_>, batch: &mut Vec<T>) -> Poll<bool> {
        assert!(batch.is_empty(), "a turn leaves its batch empty");
        let mut state = self.shared.state.lock();
        if state.items.is_empty() {
            if state.is_closed() {
                return Poll::Ready(false);
            }
            state.sleeper = Sleeper::Task(context.waker().clone());
            return Poll::Pending;
        }
        state.sleeper = Sleeper::Nobody;
        std::mem::swap(&mut state.items, batch);
        Poll::Ready(true)
    }

    /// Blocks this thread until something waits; takes nothing. False once the inbox is empty and closed.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.shared.state.lock();
        while state.items.is_empty() {
            if state.is_closed() || state.receiver_is_gone {
                return false;
            }
            state.sleeper = Sleeper::Thread;
            self.shared.pushed.wait(&mut state);
        }
        state.sleeper = Sleeper::Nobody;
        true
    }

    /// As [`Receiver::wait`], for a task.
    #[cfg(feature = "testing")]
    pub(crate) fn poll_wait(&self, context: &Context<'_>) -> Poll<bool> {
        let mut state = self.shared.state.lock();
        if state.items.is_empty() && !state.is_closed() && !state.receiver_is_gone {
            state.sleeper = Sleeper::Task(context.waker().clone());
            return Poll::Pending;
        }
        state.sleeper = Sleeper::Nobody;
        Poll::Ready(!state.items.is_empty())
    }

    /// Moves what waits, perhaps nothing, into `batch`, which is empty.
    pub(crate) fn take_waiting(&self, batch: &mut Vec<T>) {
        std::mem::swap(&mut self.shared.state.lock().items, batch);
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.state.lock().items.is_empty()
    }

    /// Wakes the consumer if it sleeps although something waits: somebody has laid it there.
    pub(crate) fn nudge(&self) {
        let sleeper = {
            let mut state = self.shared.state.lock();
            if state.items.is_empty() {
                return;
            }
            std::mem::replace(&mut state.sleeper, Sleeper::Nobody)
        };
        self.shared.wake(sleeper);
    }
}

impl<T> Receiver<T> {
    /// Makes every later push fail, and drops what waits.
    pub(crate) fn close(&self) {
        let (abandoned, sleeper) = {
            let mut state = self.shared.state.lock();
            state.receiver_is_gone = true;
            let sleeper = std::mem::replace(&mut state.sleeper, Sleeper::Nobody);
            (std::mem::take(&mut state.items), sleeper)
        };
        self.shared.wake(sleeper); // a stage's own thread, which has nothing to wait for any more
        drop(abandoned); // outside the lock: an item may hold a sender of this very inbox
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
