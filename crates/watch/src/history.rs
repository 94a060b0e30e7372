//! The past, as the hub asks for it.

use bytes::Bytes;
use quorate_types::{Changes, Revision};
use std::ops::ControlFlow;

/// What happened to the key space. Implemented over the store's snapshots.
pub trait History: Send + Sync + 'static {
    /// The newest revision that readers can see. Does not block: front threads call it.
    fn newest(&self) -> Revision;

    /// The revision of the last compaction, if there was one. Does not block.
    fn compacted(&self) -> Option<Revision>;

    /// Visits every revision from `from` to `through`, both inclusive, in order and each whole, until told to stop.
    /// `through` is at most the newest. May block on the disk.
    ///
    /// # Errors
    /// [`HistoryError::Compacted`] if `from` is below the compacted revision, or falls below it meanwhile.
    fn changes(
        &self,
        from: Revision,
        through: Revision,
        visit: &mut dyn FnMut(Changes) -> ControlFlow<()>,
    ) -> Result<(), HistoryError>;

    /// The encoded `KeyValue` of `key` just before `revision`; `None` if it did not live then. May block on the disk.
    ///
    /// # Errors
    /// [`HistoryError::Compacted`] if that cannot be known any more.
    fn record_before(&self, key: &[u8], revision: Revision) -> Result<Option<Bytes>, HistoryError>;
}

/// Why the past cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It was compacted at this revision, which is the oldest to ask for.
    #[error("compacted at revision {0}")]
    Compacted(Revision),
    /// The store failed. The hub fails too, and with it the node.
    #[error("read the history of keys")]
    Failed(#[source] quorate_tasks::Failure),
}
