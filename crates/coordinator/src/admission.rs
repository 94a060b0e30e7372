//! How much may be under way at once.

use quorate_state_machine::Unavailable;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The bounds on what clients may ask.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest command in bytes. etcd: `--max-request-bytes`.
    pub command_bytes_max: usize,
    /// The longest any call may take. etcd: 5 s and two election time-outs.
    pub call_time_max: Duration,
    /// Bytes of commands under way, all together (law C2).
    pub queued_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_bytes_max: 1_572_864,
            call_time_max: Duration::from_secs(7),
            queued_bytes_max: 256 << 20,
        }
    }
}

/// The byte budget that all front threads share. Clones are the same budget.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { used: Arc::default(), bytes_max }
    }

    pub(crate) fn take(&self, bytes: usize) -> Result<Share, Unavailable> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let share = Share { budget: self.clone(), bytes };
        if before + bytes > self.bytes_max { Err(Unavailable::TooManyRequests) } else { Ok(share) }
    }
}

#[cfg(test)]
impl Budget {
    pub(crate) fn is_free(&self) -> bool {
        self.used.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_does_not_fit_is_refused_and_leaves_the_budget_as_it_was() {
        let budget = Budget::new(10);
        let first = budget.take(8).unwrap();
        assert_eq!(budget.take(3).unwrap_err(), Unavailable::TooManyRequests);
        let second = budget.take(2).unwrap();
        drop((first, second));
        assert!(budget.take(10).is_ok());
    }
}
