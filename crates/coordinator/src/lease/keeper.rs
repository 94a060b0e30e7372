//! Who looks at the lease clock, and has what is due revoked.

use super::LeaseClock;
use crate::call::{Call, Identity};
use crate::coordinator::Coordinator;
use crate::error::Error;
use futures::future::join;
use quorate_lease::Checkpoint;
use quorate_state_machine::Kind;
use quorate_types::LeaseId;
use std::time::Duration;

/// Leases that end in one command: some milliseconds of the apply thread, which a put behind it waits.
const REVOKED_AT_ONCE: usize = 500;
/// Leases that one command writes down, as in etcd.
const CHECKPOINTS_AT_ONCE: usize = 1000;
/// How often the clock is looked at; etcd: 500 ms.
const TICK_MAX: Duration = Duration::from_millis(500);
/// How often a member looks whether it leads while it keeps no time.
const RESTING_TICK: Duration = Duration::from_millis(50);

/// How often the clock is looked at: well within an election time-out.
pub(super) fn tick(election_timeout: Duration) -> Duration {
    (election_timeout / 2).min(TICK_MAX)
}

/// Keeps the lease clock of one member, at a desk of its own.
pub(crate) struct Keeper {
    pub(crate) door: Coordinator,
    pub(crate) leases: LeaseClock,
}

impl Keeper {
    /// Goes on for ever.
    pub(crate) async fn run(self) {
        join(self.keep(), self.watch()).await;
    }

    /// A revocation may take long; the clock is looked at all the same, so that this is no gap.
    async fn watch(&self) {
        loop {
            self.sleep(tick(self.door.limits().election_timeout)).await;
            self.leases.look();
        }
    }

    async fn keep(&self) {
        loop {
            let Some(term) = self.reign() else {
                self.leases.rest();
                self.sleep(RESTING_TICK).await;
                continue;
            };
            self.leases.begin(term);
            // What is left undone is due again the next time.
            if let Err(error) = self.revoke_due(term).await {
                tracing::warn!(%error, "leases that are due could not be revoked yet");
            }
            if let Err(error) = self.checkpoint().await {
                tracing::warn!(%error, "what is left of long leases could not be written down");
            }
            self.sleep(tick(self.door.limits().election_timeout)).await;
        }
    }

    /// The term in which this member leads, once an entry of that term has been applied here.
    fn reign(&self) -> Option<u64> {
        let standing = self.door.standing();
        let applied = self.door.reader().newest().applied()?;
        let leads = standing.leader == Some(self.door.member()) && applied.term == standing.term;
        leads.then_some(standing.term)
    }

    async fn revoke_due(&self, term: u64) -> Result<(), Error> {
        loop {
            let ids = self.leases.due(REVOKED_AT_ONCE);
            if ids.is_empty() {
                return Ok(());
            }
            match self.revoke(term, ids.clone()).await {
                Ok(()) if self.leases.revoked(&ids) => {}
                Ok(()) => return Ok(()), // this member leads no more, or in another term
                Err(error) => {
                    self.leases.give_back(&ids);
                    return Err(error);
                }
            }
        }
    }

    async fn revoke(&self, term: u64, ids: Vec<LeaseId>) -> Result<(), Error> {
        let call = self.call();
        self.door.confirm(&call).await?;
        let outcome = self.door.submit(&call, Kind::LeaseExpire { ids, term }).await?;
        outcome.result.map(drop).map_err(Error::from)
    }

    async fn checkpoint(&self) -> Result<(), Error> {
        loop {
            let due = self.leases.checkpoints(CHECKPOINTS_AT_ONCE);
            if due.is_empty() {
                return Ok(());
            }
            let left = due.into_iter().map(|Checkpoint { id, remaining_seconds }| (id, remaining_seconds));
            let outcome = self.door.submit(&self.call(), Kind::LeaseCheckpoint(left.collect())).await?;
            outcome.result?;
        }
    }

    fn call(&self) -> Call {
        let deadline = self.door.clock().now() + self.door.limits().call_time_max;
        Call { identity: Identity::Anonymous, deadline }
    }

    async fn sleep(&self, span: Duration) {
        let clock = self.door.clock();
        clock.sleep_until(clock.now() + span).await;
    }
}

#[cfg(test)]
mod tests;
