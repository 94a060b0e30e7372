//! What time it is, as a parameter.

use futures::future::{BoxFuture, Either, select};
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: how long after its clock's own beginning. Only compared with the same clock's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub Duration);

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl Moment {
    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A clock that only moves forward. The server's is [`SystemClock`]; a test moves its own by hand.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Moment;

    /// Ends once `now() >= at`.
    fn sleep_until(&self, at: Moment) -> BoxFuture<'static, ()>;

    /// How long ago 1970 began (UTC), as the machine says: for what people read and for ids, never to measure time.
    fn wall(&self) -> Duration;
}

/// The machine's monotonic clock, through tokio: under tokio's paused time it is virtual.
///
/// Its wall time is the machine's at the clock's beginning and goes on like the rest of it, so that it never jumps.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: tokio::time::Instant,
    wall_origin: Duration,
}

impl SystemClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        let wall_origin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: tokio::time::Instant::now(), wall_origin }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment(self.origin.elapsed())
    }

    fn sleep_until(&self, at: Moment) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.origin + at.0))
    }

    fn wall(&self) -> Duration {
        self.wall_origin + self.origin.elapsed()
    }
}

/// The deadline came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deadline exceeded")]
pub struct Elapsed;

/// `work`'s answer, unless `deadline` comes first. Cost: one timer, set only if `work` has to wait.
///
/// # Errors
/// [`Elapsed`]; `work` is dropped then.
pub async fn timeout<F: Future>(clock: &dyn Clock, deadline: Moment, work: F) -> Result<F::Output, Elapsed> {
    let mut work = pin!(work);
    if let std::task::Poll::Ready(answer) = futures::poll!(&mut work) {
        return Ok(answer);
    }
    match select(work, clock.sleep_until(deadline)).await {
        Either::Left((answer, _)) => Ok(answer),
        Either::Right(((), _)) => Err(Elapsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_follows_paused_time() {
        let clock = SystemClock::new();
        let (started, wall) = (clock.now(), clock.wall());
        clock.sleep_until(started + Duration::from_secs(3600)).await;
        assert_eq!(clock.now().since(started), Duration::from_secs(3600));
        assert_eq!(clock.wall() - wall, Duration::from_secs(3600));
        assert!(wall > Duration::from_secs(1_700_000_000), "after 2023: {wall:?}");
    }

    #[tokio::test]
    async fn work_that_outlasts_its_deadline_is_dropped() {
        let clock = ManualClock::default();
        let deadline = clock.now() + Duration::from_secs(7);
        let waiting = timeout(&clock, deadline, std::future::pending::<()>());
        let (answer, ()) = futures::join!(waiting, async { clock.advance(Duration::from_secs(7)) });
        assert_eq!(answer, Err(Elapsed));
    }

    #[tokio::test]
    async fn work_that_is_done_sets_no_timer() {
        let clock = ManualClock::default();
        assert_eq!(timeout(&clock, clock.now(), async { 5 }).await, Ok(5));
        assert_eq!(clock.sleepers(), 0);
    }
}
