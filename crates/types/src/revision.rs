//! The store's own clock.

use std::fmt;

/// The count of changes to the key space. An empty store is at 1; each transaction that changes something adds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub i64);

impl Revision {
    /// The revision of a store that was never written.
    pub const FIRST: Self = Self(1);

    /// The revision after this one.
    ///
    /// # Panics
    /// After nine million million million changes.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a store lives for fewer than 2^63 changes"))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
