//! A clock that a test moves.

use crate::{Clock, Moment};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::{Poll, Waker};
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
