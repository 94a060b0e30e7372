//! A clock that other processes of this machine read too.

use std::time::Duration;

use rustix::time::ClockId;

/// Since some moment in the past that is the same for all processes.
pub(crate) fn now() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}
