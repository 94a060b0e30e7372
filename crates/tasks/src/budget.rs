//! A bound on what is under way, in bytes, shared by all who add to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes may be under way at once. Clones are the same budget.
#[derive(Debug, Clone)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// A part of a budget. It travels with the bytes it stands for, and is given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

/// The budget does not have so much left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is under way")]
pub struct Exhausted;

impl Budget {
    /// A budget of which nothing is used.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { used: Arc::default(), bytes_max }
    }

    /// A share of `bytes`. Cost: one atomic addition.
    ///
    /// # Errors
    /// [`Exhausted`]; the budget is as it was then.
    pub fn take(&self, bytes: usize) -> Result<Share, Exhausted> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let share = Share { used: self.used.clone(), bytes };
        if before + bytes > self.bytes_max { Err(Exhausted) } else { Ok(share) }
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_does_not_fit_is_refused_and_leaves_the_budget_as_it_was() {
        let budget = Budget::new(10);
        let first = budget.take(8).unwrap();
        assert_eq!(budget.take(3).unwrap_err(), Exhausted);
        let second = budget.take(2).unwrap();
        drop((first, second));
        assert_eq!(budget.used(), 0);
        assert!(budget.take(10).is_ok());
    }
}
