//! Staying awake between the calls of a lone client.
//!
//! A client that sends one call after the other gives its thread a few tens of microseconds of rest after each. On a
//! virtual machine a processor that falls asleep for them takes as long again to wake up. So a thread that serves a
//! single connection looks at its sockets for [`SPAN`] after a call before it sleeps. If no call comes in that time it
//! was no such client: then the next calls are not waited for, more of them each time. Go's scheduler spins likewise.

use futures::task::AtomicWaker;
use quorate_tasks::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

/// So long a thread stays awake after a call.
const SPAN: Duration = Duration::from_micros(50);
/// After so many vigils in vain it is no longer each call that they become rarer by: one in 2^10.
const IN_VAIN_MAX: u32 = 10;

/// The calls of one front thread: how many have begun and ended. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    shared: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    under_way: Arc<AtomicUsize>,
    watcher: AtomicWaker,
}

/// A call that has begun; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Pace);

/// When it pays to stay awake.
#[derive(Debug, Default)]
struct Patience {
    in_vain: u32,
    /// Calls that are not waited for.
    rest: u32,
}

impl Pace {
    pub(super) fn begin(&self) -> UnderWay {
        self.shared.begun.fetch_add(1, Ordering::Relaxed);
        self.shared.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// How many calls are under way.
    pub(super) fn under_way(&self) -> Arc<AtomicUsize> {
        self.shared.under_way.clone()
    }

    fn begun(&self) -> u64 {
        self.shared.begun.load(Ordering::Relaxed)
    }

    /// Waits until more than `seen` calls have ended; how many that are.
    async fn ended(&self, seen: u64) -> u64 {
        std::future::poll_fn(|context| {
            self.shared.watcher.register(context.waker());
            let ended = self.shared.ended.load(Ordering::Relaxed);
            if ended == seen { Poll::Pending } else { Poll::Ready(ended) }
        })
        .await
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let counts = &self.0.shared;
        counts.under_way.fetch_sub(1, Ordering::Relaxed);
        counts.ended.fetch_add(1, Ordering::Relaxed);
        counts.watcher.wake();
    }
}

impl Patience {
    fn wants_to_wait(&mut self) -> bool {
        let is_resting = self.rest > 0;
        self.rest = self.rest.saturating_sub(1);
        !is_resting
    }

    fn learn(&mut self, has_come: bool) {
        self.in_vain = if has_come { 0 } else { (self.in_vain + 1).min(IN_VAIN_MAX) };
        self.rest = (1 << self.in_vain) - 1;
    }
}

/// Keeps this thread awake as the module says, for ever.
pub(super) async fn keep(pace: Pace, connections: Arc<AtomicUsize>, clock: Arc<dyn Clock>) {
    let (mut seen, mut patience) = (0, Patience::default());
    loop {
        seen = pace.ended(seen).await;
        if connections.load(Ordering::Relaxed) == 1 && patience.wants_to_wait() {
            patience.learn(has_come(&pace, clock.as_ref()).await);
        }
    }
}

/// Whether a call comes within [`SPAN`].
async fn has_come(pace: &Pace, clock: &dyn Clock) -> bool {
    let (begun, until) = (pace.begun(), clock.now() + SPAN);
    while clock.now() < until {
        tokio::task::yield_now().await; // the runtime looks at its sockets
        if pace.begun() != begun {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_tasks::testing::ManualClock;

    #[test]
    fn vigils_in_vain_become_rare_and_one_that_was_not_makes_them_frequent_again() {
        let mut patience = Patience::default();
        let mut waited = 0;
        for _ in 0..4096 {
            if patience.wants_to_wait() {
                waited += 1;
                patience.learn(false);
            }
        }
        assert!((10..20).contains(&waited), "{waited} of 4096");
        while !patience.wants_to_wait() {}
        patience.learn(true);
        assert!((0..100).all(|_| {
            let waits = patience.wants_to_wait();
            patience.learn(true);
            waits
        }));
    }

    #[tokio::test]
    async fn a_vigil_ends_with_the_next_call_or_with_its_time() {
        let (pace, clock) = (Pace::default(), ManualClock::default());
        let (came, ()) = futures::join!(has_come(&pace, &clock), async { drop(pace.begin()) });
        assert!(came);
        let (came, ()) = futures::join!(has_come(&pace, &clock), async { clock.advance(SPAN) });
        assert!(!came);
    }

    #[tokio::test]
    async fn a_thread_with_two_connections_keeps_no_vigil() {
        let (pace, clock) = (Pace::default(), ManualClock::default());
        let connections = Arc::new(AtomicUsize::new(2));
        let keeping = keep(pace.clone(), connections.clone(), Arc::new(clock));
        let mut keeping = std::pin::pin!(keeping);
        let mut is_awake = async |connected| {
            connections.store(connected, Ordering::Relaxed);
            drop(pace.begin());
            let mut wakes = 0;
            for _ in 0..10 {
                let waker = futures::task::noop_waker();
                let mut context = std::task::Context::from_waker(&waker);
                assert!(keeping.as_mut().poll(&mut context).is_pending());
                wakes += u32::from(pace.shared.watcher.take().is_none());
                tokio::task::yield_now().await;
            }
            wakes > 5
        };
        assert!(!is_awake(2).await);
        assert!(is_awake(1).await);
    }
}
