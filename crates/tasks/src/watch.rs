//! A value that is watched: tokio's channel, but those who wait are woken in the order in which they came.
//!
//! tokio spreads them over eight lists, by chance: which of two tasks goes on first would differ from run to run, and with
//! it all that a seed decides afterwards. So tokio keeps the value here, and one list those who wait. A change costs its lock more.

use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

pub use tokio::sync::watch::Ref;

/// All senders are gone, and the last value has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody will change the value any more")]
pub struct Closed;

/// Changes the value. Clones change the same one.
#[derive(Debug)]
pub struct Sender<T> {
    values: watch::Sender<T>,
    // After the values: when the last clone goes, those who wait find the channel closed.
    bell: Arc<Bell>,
}

/// Sees the newest value, and waits for the next. A clone has seen what this one has.
#[derive(Debug)]
pub struct Receiver<T> {
    values: watch::Receiver<T>,
    waiting: Arc<Notify>,
}

/// Rings when the last sender goes.
#[derive(Debug)]
struct Bell(Arc<Notify>);

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

/// A channel whose value is `first`, which counts as seen.
#[must_use]
pub fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(first);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), bell: self.bell.clone() }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), waiting: self.waiting.clone() }
    }
}

impl<T> Sender<T> {
    /// A channel without receivers so far.
    #[must_use]
    pub fn new(first: T) -> Self {
        Self { values: watch::Sender::new(first), bell: Arc::new(Bell(Arc::default())) }
    }

    /// Sets the value, whether or not anybody watches. Returns the one before.
    pub fn send_replace(&self, value: T) -> T {
        let before = self.values.send_replace(value);
        self.bell.0.notify_waiters();
        before
    }

    /// Sets the value.
    ///
    /// # Errors
    /// Nobody watches: the value comes back, and nothing is changed.
    pub fn send(&self, value: T) -> Result<(), T> {
        self.values.send(value).map_err(|unsent| unsent.0)?;
        self.bell.0.notify_waiters();
        Ok(())
    }

    /// Has `modify` change the value. Those who wait are woken if it says that it has.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let is_modified = self.values.send_if_modified(modify);
        if is_modified {
            self.bell.0.notify_waiters();
        }
        is_modified
    }

    /// Has `modify` change the value, and wakes those who wait.
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.values.send_modify(modify);
        self.bell.0.notify_waiters();
    }

    /// The value. It cannot be changed while what is returned is held.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.values.borrow()
    }

    /// Another receiver, which has seen the value as it is.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { values: self.values.subscribe(), waiting: self.bell.0.clone() }
    }
}

impl<T> Receiver<T> {
    /// The value. It cannot be changed while what is returned is held.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.values.borrow()
    }

    /// The value, which then counts as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        self.values.borrow_and_update()
    }

    /// Waits for a value that has not been seen; then it has.
    ///
    /// # Errors
    /// There will be none.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        self.until(
            |value| if value.has_changed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) },
        )
        .await
    }

    /// Waits for a value, seen before or not, of which `holds` is true; then it counts as seen.
    ///
    /// # Errors
    /// There will be none.
    pub async fn wait_for(&mut self, mut holds: impl FnMut(&T) -> bool) -> Result<(), Closed> {
        self.until(|value| if holds(value) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            .await
    }

    /// Looks at each value that comes, the present one first, until `look` ends it.
    async fn until<B>(&mut self, mut look: impl FnMut(&Ref<'_, T>) -> ControlFlow<B>) -> Result<B, Closed> {
        loop {
            // It is woken by what comes from here on.
            let ring = self.waiting.notified();
            if let ControlFlow::Break(found) = look(&self.values.borrow_and_update()) {
                return Ok(found);
            }
            match self.values.has_changed() {
                Ok(true) => {}
                Ok(false) => ring.await,
                Err(_) if self.values.borrow().has_changed() => {} // the last value
                Err(_) => return Err(Closed),
            }
        }
    }
}

#[cfg(test)]
mod tests;
