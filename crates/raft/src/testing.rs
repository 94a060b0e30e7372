//! Doubles: a network that a seed drives.

use std::cell::Cell;

mod network;

pub use network::{SimNetwork, Weather};

thread_local! {
    static RESTORES_LEADERS: Cell<bool> = const { Cell::new(false) };
}

/// Whether replicas started on this thread resume a leadership of an earlier life, against law R6: for the test that shows what
/// comes of it.
pub fn restore_leaders(restores: bool) {
    RESTORES_LEADERS.set(restores);
}

pub(crate) fn restores_leaders() -> bool {
    RESTORES_LEADERS.get()
}
