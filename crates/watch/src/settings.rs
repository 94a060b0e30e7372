//! The hub's bounds.

use std::time::Duration;

/// How much the hub may hold, and how often it reports.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes of changes that may wait for the hub; past it they are dropped and read from the history (law WA8).
    pub feed_bytes_max: usize,
    /// Bytes of recent changes kept for slow and new watchers.
    pub ring_bytes_max: usize,
    /// Revisions kept for them.
    pub ring_revisions_max: usize,
    /// Bytes that may wait for the transport of one stream (law WA7). Each watcher that is sent an event counts.
    pub window_bytes: usize,
    /// Revisions read from the history at once, and told in one message. etcd: `watchBatchMaxRevs`.
    pub chunk_revisions_max: usize,
    /// Bytes read from the history at once.
    pub chunk_bytes_max: usize,
    /// Bytes of events after which a message that catches up ends with the revision it is at.
    pub message_bytes: usize,
    /// A message as long as this is split for those who accept fragments. etcd: `--max-request-bytes` and 512 KiB.
    pub fragment_bytes: usize,
    /// Time between progress messages to a quiet watcher. etcd: `--watch-progress-notify-interval`.
    pub progress_interval: Duration,
    /// What each stream's share of chance, 0 to 10 % more than the interval, is drawn from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            feed_bytes_max: 16 << 20,
            ring_bytes_max: 16 << 20,
            ring_revisions_max: 1 << 16,
            window_bytes: 2 << 20,
            chunk_revisions_max: 1000,
            chunk_bytes_max: 4 << 20,
            message_bytes: 1 << 20,
            fragment_bytes: 1_572_864 + (512 << 10),
            progress_interval: Duration::from_secs(600),
            seed: 0,
        }
    }
}
