//! Tokio's paused time, with a calendar that is the same in every run.

use crate::{Clock, Moment};
use futures::future::BoxFuture;
use std::time::Duration;

/// When every run begins, as clients and members see the calendar: 2026-01-01, in seconds since 1970.
const NEW_YEAR: Duration = Duration::from_secs(1_767_225_600);

/// As [`SystemClock`](crate::SystemClock), but its wall time begins at the same moment in every run: ids that are made of the
/// time are the same too.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    origin: tokio::time::Instant,
}

impl VirtualClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        Moment(self.origin.elapsed())
    }

    fn sleep_until(&self, at: Moment) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.origin + at.0))
    }

    fn wall(&self) -> Duration {
        NEW_YEAR + self.origin.elapsed()
    }
}
