//! Leases.

use super::Coordinator;
use crate::call::Call;
use crate::consensus::LeaseQuestion;
use crate::error::{Error, Invalid};
use crate::lease::{Keeper, Kept, LeaseClock};
use bytes::Bytes;
use quorate_state_machine::{Kind, Published, Unavailable};
use quorate_tasks::reply::Desk;
use quorate_types::{LeaseId, Revision};
use std::sync::Arc;
use std::time::Duration;

/// The longest life of a lease that can be asked for, as in etcd: about 285 years.
const TTL_MAX_SECONDS: i64 = 9_000_000_000;
/// More leases than this are put in order on the work pool (law C1).
const LISTED_HERE_MAX: usize = 500;

/// How long a question to a leader that gave no answer rests before it is put again.
const ASK_PAUSE: Duration = Duration::from_millis(10);

/// A lease that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub id: LeaseId,
    /// How long it lives without being renewed, in seconds.
    pub ttl_seconds: i64,
}

/// How a lease stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// Its whole time, in seconds.
    pub granted_seconds: i64,
    /// What is left of it, in whole seconds.
    pub left_seconds: i64,
    /// The keys that hang on it, if they were asked for.
    pub keys: Vec<Bytes>,
}

impl Coordinator {
    /// Grants a lease of at least so many seconds. [`LeaseId::NONE`] lets the server choose an id.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been granted.
    pub async fn lease_grant(
        &self,
        call: &Call,
        id: LeaseId,
        ttl_seconds: i64,
    ) -> Result<(Revision, Granted), Error> {
        if ttl_seconds > TTL_MAX_SECONDS {
            return Err(Invalid::LeaseTooLong.into());
        }
        let id = if id == LeaseId::NONE { self.new_lease_id() } else { id };
        let ttl_seconds = ttl_seconds.max(self.shared.limits.lease_ttl_min_seconds);
        let outcome = self.submit(call, Kind::LeaseGrant { id, ttl_seconds }).await?;
        outcome.result?;
        Ok((outcome.revision, Granted { id, ttl_seconds }))
    }

    /// Ends a lease, and removes the keys that hang on it in one revision.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have ended.
    pub async fn lease_revoke(&self, call: &Call, id: LeaseId) -> Result<Revision, Error> {
        let outcome = self.submit(call, Kind::LeaseRevoke { id }).await?;
        outcome.result?;
        Ok(outcome.revision)
    }

    /// Gives a lease its whole time again. Returns the revision at which it was asked, and the time in seconds: 0 if no
    /// such lease lives. One that is due is waited for to end.
    ///
    /// Cost: no entry in the log, unless what a checkpoint says of it has to be taken back; those who ask at once
    /// share one round with a quorum.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn lease_keep_alive(&self, call: &Call, id: LeaseId) -> Result<(Revision, i64), Error> {
        let revision = self.reader().newest().revision();
        loop {
            if self.leads_elsewhere() {
                match self.ask_leader(call, LeaseQuestion::KeepAlive(id)).await? {
                    Some(ttl_seconds) => return Ok((revision, ttl_seconds.unwrap_or(0))),
                    None => continue,
                }
            }
            let term = self.leads_in();
            self.confirm(call).await?;
            // Who was deposed meanwhile was confirmed by its successor, whose clock counts.
            let Some(term) = term.filter(|term| self.leads_in() == Some(*term)) else {
                if !self.leads_elsewhere() {
                    self.pause(call).await?;
                }
                continue;
            };
            match self.leases().renew(id, term) {
                Kept::Renewed { ttl_seconds, is_checkpointed } => {
                    if is_checkpointed {
                        self.submit(call, Kind::LeaseCheckpoint(vec![(id, 0)])).await?.result?;
                    }
                    return Ok((revision, ttl_seconds));
                }
                Kept::Gone => return Ok((revision, 0)),
                Kept::Ending(ended) => {
                    if self.by_deadline(call, ended).await?.is_ok() {
                        return Ok((revision, 0));
                    }
                    // This member does not keep the time any more: it may live on after all.
                }
                Kept::Resting => self.await_reign(call, term).await?,
            }
        }
    }

    /// How a lease stands; none if no such lease lives.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn lease_remaining(
        &self,
        call: &Call,
        id: LeaseId,
        with_keys: bool,
    ) -> Result<(Revision, Option<Remaining>), Error> {
        let told = if self.leads_elsewhere() {
            self.ask_leader(call, LeaseQuestion::TimeToLive(id)).await?.flatten()
        } else {
            None
        };
        self.confirm(call).await?;
        let published = self.reader().newest();
        let remaining = published.leases().get(id).map(|lease| {
            let left =
                self.leases().remaining(id).map(|left| i64::try_from(left.as_secs()).unwrap_or(i64::MAX));
            Remaining {
                granted_seconds: lease.ttl_seconds,
                left_seconds: left.or(told).unwrap_or(lease.left_seconds()),
                keys: if with_keys { lease.keys.iter().cloned().collect() } else { Vec::new() },
            }
        });
        Ok((published.revision(), remaining))
    }

    /// All leases that live, those first that end first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn lease_list(&self, call: &Call) -> Result<(Revision, Vec<LeaseId>), Error> {
        self.confirm(call).await?;
        let published = self.reader().newest();
        let (revision, leases) = (published.revision(), self.leases().clone());
        let ids = if published.leases().len() <= LISTED_HERE_MAX {
            in_order_of_end(&published, &leases)
        } else {
            let listed = self.shared.work.run(move || in_order_of_end(&published, &leases));
            self.by_deadline(call, listed).await??
        };
        Ok((revision, ids))
    }

    /// The clock that is to be told of what becomes of leases.
    #[must_use]
    pub fn lease_clock(&self) -> LeaseClock {
        self.leases().clone()
    }

    /// Keeps the time of the leases whenever this member leads, for ever.
    pub async fn keep_leases(&self) {
        let desk = Desk::default();
        let keeper = Keeper { door: self.at(desk.clone()), leases: self.lease_clock() };
        futures::future::join(keeper.run(), desk.attend()).await;
    }

    /// etcd's: the id of a command is unique, and so is it without its sign.
    fn new_lease_id(&self) -> LeaseId {
        loop {
            let id = LeaseId((self.shared.consensus.next_id() & (u64::MAX >> 1)) as i64);
            if id != LeaseId::NONE {
                return id;
            }
        }
    }

    /// Answers another member's question, if this one leads; none if it does not, or not for sure.
    pub async fn answer_for_leases(&self, call: &Call, question: LeaseQuestion) -> Option<Option<i64>> {
        if self.leads_elsewhere() {
            return None;
        }
        match question {
            LeaseQuestion::KeepAlive(id) => {
                let (_, ttl_seconds) = self.lease_keep_alive(call, id).await.ok()?;
                Some((ttl_seconds > 0).then_some(ttl_seconds))
            }
            LeaseQuestion::TimeToLive(id) => {
                let (_, remaining) = self.lease_remaining(call, id, false).await.ok()?;
                Some(remaining.map(|remaining| remaining.left_seconds))
            }
        }
    }

    /// Whether another member is known to lead.
    fn leads_elsewhere(&self) -> bool {
        let leader = self.shared.consensus.standing().leader;
        leader.is_some_and(|leader| leader != self.shared.member)
    }

    /// The term in which this member leads, as far as it knows.
    fn leads_in(&self) -> Option<u64> {
        let standing = self.shared.consensus.standing();
        (standing.leader == Some(self.shared.member)).then_some(standing.term)
    }

    /// The leader's answer; none after a rest, if it gave none: another member may lead by now.
    async fn ask_leader(&self, call: &Call, question: LeaseQuestion) -> Result<Option<Option<i64>>, Error> {
        let asking = self.shared.consensus.ask_leader(question, call.deadline);
        if let Ok(answer) = self.by_deadline(call, asking).await? {
            return Ok(Some(answer));
        }
        self.pause(call).await?;
        Ok(None)
    }

    async fn pause(&self, call: &Call) -> Result<(), Error> {
        let clock = self.clock().clone();
        self.by_deadline(call, clock.sleep_until(clock.now() + ASK_PAUSE)).await?;
        Ok(())
    }

    /// Waits until this member keeps the time in `term`, as it soon does once it leads in it.
    async fn await_reign(&self, call: &Call, term: u64) -> Result<(), Error> {
        let mut kept = self.leases().term();
        match self.by_deadline(call, kept.wait_for(|kept| *kept == Some(term))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Unavailable::Stopped.into()),
            Err(reason) => Err(reason.into()),
        }
    }
}

/// Cost: a look at each lease and a sort.
fn in_order_of_end(published: &Arc<Published>, leases: &LeaseClock) -> Vec<LeaseId> {
    let left = |(id, lease): (LeaseId, &quorate_lease::Lease)| {
        let left = leases.remaining(id);
        let left = left.unwrap_or_else(|| Duration::from_secs(lease.left_seconds().try_into().unwrap_or(0)));
        (left, id)
    };
    let mut ids: Vec<(Duration, LeaseId)> = published.leases().iter().map(left).collect();
    ids.sort_unstable();
    ids.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests;
