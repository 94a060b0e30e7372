//! The bound on the log: when the engine is made durable, and what is purged then.

use crate::machine::Machine;
use crate::types::TypeConfig;
use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use quorate_tasks::{Clock, Failure};
use quorate_wal::Log;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the log's length is looked at. At 12 MB of log a second that is 6 MB more than asked for.
const PERIOD: Duration = Duration::from_millis(500);
/// More log than this is not kept for slow followers, however few entries it is.
const CATCHUP_BYTES_MAX: u64 = 128 << 20;

/// Watches the log, until told to stop.
pub(crate) struct Housekeeping {
    pub(crate) raft: Raft<TypeConfig, Machine>,
    pub(crate) log: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) snapshot_entries: u64,
    pub(crate) snapshot_bytes: u64,
}

/// How long the log is, and how much of it the last snapshot covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    /// Entries applied since the last snapshot.
    fresh: u64,
    /// Entries in the log.
    entries: u64,
    /// Bytes in the log.
    bytes: u64,
    /// The last entry that the snapshot covers.
    snapshot: Option<u64>,
}

impl Housekeeping {
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        loop {
            let pause = self.clock.sleep_until(self.clock.now() + PERIOD);
            tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return Ok(()),
                () = pause => self.look().await?,
            }
        }
    }

    async fn look(&self) -> Result<(), Failure> {
        let extent = self.extent();
        if extent.is_due(self.snapshot_entries, self.snapshot_bytes) {
            // The snapshot makes the engine durable; openraft then purges all but the catch-up entries (law R4).
            self.raft.trigger().snapshot().await?;
        }
        if let Some(through) = extent.purge_through() {
            self.raft.trigger().purge_log(through).await?;
        }
        Ok(())
    }

    fn extent(&self) -> Extent {
        let metrics = self.raft.data_metrics();
        let metrics = metrics.borrow_watched();
        let count = |index: Option<u64>| index.map_or(0, |index| index + 1);
        let applied = count(metrics.last_applied.map(|id| id.index));
        let last = count(metrics.last_log.map(|id| id.index));
        let snapshot = metrics.snapshot.map(|id| id.index);
        let purged = count(metrics.purged.map(|id| id.index));
        Extent {
            fresh: applied.saturating_sub(count(snapshot)),
            entries: last.saturating_sub(purged),
            bytes: self.log.bytes(),
            snapshot,
        }
    }
}

impl Extent {
    fn is_due(self, snapshot_entries: u64, snapshot_bytes: u64) -> bool {
        // The bytes of the fresh entries, were all of equal size.
        let fresh_bytes = self.bytes / self.entries.max(1) * self.fresh;
        self.fresh > 0 && (self.fresh >= snapshot_entries || fresh_bytes >= snapshot_bytes)
    }

    /// The entry to purge through so that what the snapshot covers is no more than the bytes kept for followers.
    fn purge_through(self) -> Option<u64> {
        let snapshot = self.snapshot?;
        let entry_bytes = (self.bytes / self.entries.max(1)).max(1);
        let kept = self.entries.saturating_sub(self.fresh);
        let kept_max = CATCHUP_BYTES_MAX / entry_bytes;
        (kept > kept_max).then(|| snapshot.saturating_sub(kept_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn extent(fresh: u64, entries: u64, bytes: u64) -> Extent {
        Extent { fresh, entries, bytes, snapshot: Some(entries - fresh) }
    }

    #[test]
    fn a_snapshot_is_due_after_so_many_entries_or_bytes() {
        assert!(!extent(9_999, 10_000, MIB).is_due(10_000, 256 * MIB));
        assert!(extent(10_000, 10_000, MIB).is_due(10_000, 256 * MIB));
        assert!(extent(300, 600, 600 * MIB).is_due(10_000, 256 * MIB));
        assert!(!extent(200, 600, 600 * MIB).is_due(10_000, 256 * MIB));
        assert!(!extent(0, 600, 600 * MIB).is_due(10_000, 256 * MIB));
    }

    #[test]
    fn small_entries_are_kept_for_followers_and_large_ones_only_so_far() {
        assert_eq!(extent(0, 5_000, 5 * MIB).purge_through(), None);
        assert_eq!(extent(0, 5_000, 5_000 * MIB).purge_through(), Some(5_000 - 128));
        assert_eq!(extent(4_900, 5_000, 5_000 * MIB).purge_through(), None);
    }
}
