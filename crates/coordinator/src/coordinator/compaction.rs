//! Compaction.

use super::Coordinator;
use crate::call::Call;
use crate::error::Error;
use quorate_mvcc as mvcc;
use quorate_state_machine::{Kind, Refusal, Reply};
use quorate_types::Revision;
use std::time::Duration;

/// How often a call that waits for records to go looks whether they are gone.
const LOOK_PERIOD: Duration = Duration::from_millis(5);

/// What is to be forgotten. etcd: `CompactionRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// The oldest revision that stays readable.
    pub revision: Revision,
    /// Wait until the records are gone on this member.
    pub physical: bool,
}

impl Coordinator {
    /// Forgets what keys were before a revision. Returns the revision of the store.
    ///
    /// A physical one waits as long as its caller does, past the deadline of law C3: how long it takes depends on how
    /// much there is to forget. It also waits, as in etcd, when it is refused because an earlier one went further.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been done.
    pub async fn compact(&self, call: &Call, compaction: Compaction) -> Result<Revision, Error> {
        let outcome = self.submit(call, Kind::Compact { revision: compaction.revision }).await?;
        let is_compacted =
            matches!(outcome.result, Ok(_) | Err(Refusal::Mvcc(mvcc::Refusal::Compacted { .. })));
        if compaction.physical && is_compacted {
            self.pruned().await;
        }
        match outcome.result? {
            Reply::Done => Ok(outcome.revision),
            other => unreachable!("A1: a compaction was answered with {other:?}"),
        }
    }

    /// Ends when this member has nothing left to prune.
    async fn pruned(&self) {
        let shared = &self.shared;
        while shared.consensus.reader().newest().is_pruning() {
            shared.clock.sleep_until(shared.clock.now() + LOOK_PERIOD).await;
        }
    }
}
