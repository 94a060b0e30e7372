//! Which states are on their way to other members: meanwhile the log behind them is kept.
//!
//! Without that, a leader with much to do would have cut off the log behind a state before it has arrived, and would have to send a
//! newer one, and so on for ever. etcd does the same.

use super::KEPT;
use parking_lot::Mutex;
use quorate_tasks::{Clock, Moment};
use std::sync::Arc;

/// Clones look at the same states.
#[derive(Clone)]
pub(crate) struct Outgoing {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    under_way: usize,
    /// When the last one that ended, or broke, is given up.
    until: Moment,
}

/// A state that is on its way, until this is dropped.
pub(crate) struct UnderWay(Outgoing);

impl Outgoing {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Arc::default() }
    }

    pub(crate) fn begin(&self) -> UnderWay {
        self.state.lock().under_way += 1;
        UnderWay(self.clone())
    }

    /// Whether one is on its way, or was a short while ago.
    pub(crate) fn any(&self) -> bool {
        let state = self.state.lock();
        state.under_way > 0 || self.clock.now() < state.until
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let until = self.0.clock.now() + KEPT;
        let mut state = self.0.state.lock();
        state.under_way -= 1;
        state.until = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_tasks::testing::ManualClock;
    use std::time::Duration;

    #[test]
    fn a_state_counts_while_it_is_on_its_way_and_a_short_while_after() {
        let clock = Arc::new(ManualClock::default());
        let outgoing = Outgoing::new(clock.clone());
        assert!(!outgoing.any());
        let (first, second) = (outgoing.begin(), outgoing.begin());
        clock.advance(Duration::from_secs(3600));
        drop(first);
        clock.advance(KEPT);
        assert!(outgoing.any(), "the other one");
        drop(second);
        clock.advance(KEPT - Duration::from_millis(1));
        assert!(outgoing.any());
        clock.advance(Duration::from_millis(1));
        assert!(!outgoing.any());
    }
}
