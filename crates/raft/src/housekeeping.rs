//! What is looked at now and then: how much log there is, and who has waited too long.
//!
//! The bound on the log is here: when the engine is made durable, and what is purged then.

use crate::machine::Machine;
use crate::members::give_votes;
use crate::pending::Pending;
use crate::transfer::Outgoing;
use crate::types::TypeConfig;
use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::Fatal;
use quorate_state_machine::Reader;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, timeout};
use quorate_wal::Log;
use std::sync::Arc;
use std::time::Duration;

/// How often the log's length is looked at. At 12 MB of log a second that is 6 MB more than asked for.
const PERIOD: Duration = Duration::from_millis(500);
/// More log than this is not kept for slow followers, however few entries it is.
const CATCHUP_BYTES_MAX: u64 = 128 << 20;
/// Nor this much while a state is on its way to a member that will want the log behind it.
const HELD_BYTES_MAX: u64 = 4 << 30;

/// Watches the log, until told to stop.
pub(crate) struct Housekeeping {
    pub(crate) raft: Raft<TypeConfig, Machine>,
    pub(crate) log: Log,
    pub(crate) pending: Arc<Pending>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) thresholds: Thresholds,
    /// Where the size of the data is read, if the engine writes all of it each time.
    pub(crate) whole: Option<Reader>,
    /// States that are on their way to others: meanwhile the log behind them stays.
    pub(crate) outgoing: Outgoing,
}

/// When the engine is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// After so many entries,
    pub(crate) entries: u64,
    /// or so many bytes of log.
    pub(crate) bytes: u64,
    /// An engine that writes all its data each time waits for as many bytes of log as half the data, and at least for
    /// these.
    pub(crate) whole_bytes_min: u64,
}

/// What lies behind the last snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fresh {
    /// Entries applied since then.
    entries: u64,
    /// Bytes of log since then.
    bytes: u64,
}

impl Housekeeping {
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        loop {
            let pause = self.clock.now() + PERIOD;
            let stopping = self.stopping.wait_for(|stopping| *stopping);
            if timeout(self.clock.as_ref(), pause, stopping).await.is_ok() {
                return Ok(());
            }
            self.pending.expire(self.clock.now());
            give_votes(&self.raft).await;
            let _ = self.look().await; // why consensus has ended, the standing task says
        }
    }

    async fn look(&self) -> Result<(), Fatal<TypeConfig>> {
        if self.outgoing.any() && self.log.usage().disk_bytes < HELD_BYTES_MAX {
            return Ok(());
        }
        let (applied, snapshot) = self.indexes();
        let fresh = Fresh {
            entries: count(applied).saturating_sub(count(snapshot)),
            bytes: snapshot.map_or_else(|| self.log.usage().disk_bytes, |index| self.log.bytes_after(index)),
        };
        let size = self.whole.as_ref().map(|reader| reader.newest().size());
        if fresh.is_due(self.thresholds, size) {
            // The snapshot makes the engine durable; openraft then purges all but the catch-up entries (law R4).
            self.raft.trigger().snapshot().await?;
        }
        // Large entries: fewer are kept than the catch-up asks for.
        let through = self.log.leaving(CATCHUP_BYTES_MAX).min(snapshot);
        if let Some(through) = through
            && self.log.first().is_some_and(|first| first <= through)
        {
            self.raft.trigger().purge_log(through).await?;
        }
        Ok(())
    }

    /// The last entry applied, and the last that a snapshot covers.
    fn indexes(&self) -> (Option<u64>, Option<u64>) {
        let metrics = self.raft.data_metrics();
        let metrics = metrics.borrow_watched();
        (metrics.last_applied.map(|id| id.index), metrics.snapshot.map(|id| id.index))
    }
}

/// Entries up to and with `index`.
fn count(index: Option<u64>) -> u64 {
    index.map_or(0, |index| index + 1)
}

impl Fresh {
    /// `whole` is the size of the data, if all of it would be written.
    fn is_due(self, thresholds: Thresholds, whole: Option<u64>) -> bool {
        let least = whole.map_or(0, |size| thresholds.whole_bytes_min.max(size / 2));
        self.entries > 0
            && self.bytes >= least
            && (self.entries >= thresholds.entries || self.bytes >= thresholds.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const THRESHOLDS: Thresholds =
        Thresholds { entries: 10_000, bytes: 256 * MIB, whole_bytes_min: 64 * MIB };

    fn is_due(entries: u64, bytes: u64, whole: Option<u64>) -> bool {
        Fresh { entries, bytes }.is_due(THRESHOLDS, whole)
    }

    #[test]
    fn a_snapshot_is_due_after_so_many_entries_or_bytes() {
        assert!(!is_due(9_999, MIB, None));
        assert!(is_due(10_000, MIB, None));
        assert!(is_due(300, 256 * MIB, None));
        assert!(!is_due(0, 256 * MIB, None), "nothing new to make durable");
    }

    #[test]
    fn an_engine_that_writes_everything_is_asked_less_often() {
        assert!(!is_due(10_000, 63 * MIB, Some(MIB)));
        assert!(is_due(10_000, 64 * MIB, Some(MIB)));
        assert!(!is_due(10_000, 499 * MIB, Some(1000 * MIB)), "half the data has not been written again");
        assert!(is_due(10_000, 500 * MIB, Some(1000 * MIB)));
    }
}
