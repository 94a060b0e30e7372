//! Queues of keys: locks and elections as etcd's clients make them, run here on behalf of a caller.
//!
//! A queue is all keys under `<name>/`. Who joins puts the key `<name>/<lease>` unless it is there, and has its turn
//! once no key of the queue is older: the revision at which a key came into being is its number. A lock is a queue
//! whose keys are empty; in an election they hold what the candidate proposes. Clients that keep to this
//! themselves stand in the same queues: nothing here is known to this member alone.
//!
//! Who waits watches the one key before its own, so that an end of a turn wakes one waiter, not all. It costs a stream
//! with one watch, and a walk over the keys of the queue each time somebody looks who is before it.
//!
//! etcd: `client/v3/concurrency`, `server/etcdserver/api/v3lock`, `v3election`.
//!
//! Laws:
//! - **Q1** Nobody is told that it has its turn while a key that came into being before its own is there.
//! - **Q2** Who goes away before its turn takes its key along, if it can; if not, the lease does.

mod election;
mod lock;
mod observation;
mod place;

pub use election::{Office, Proclaimed, Won};
pub use lock::Locked;
pub use observation::Observation;

use crate::call::Patience;
use crate::coordinator::Coordinator;
use crate::error::Error;
use bytes::Bytes;
use quorate_state_machine::Unavailable;
use quorate_tasks::timeout;
use quorate_types::{KeyRange, LeaseId};
use std::future::Future;

/// How long a lease lives that was granted because the caller brought none; nobody keeps it alive.
/// etcd: `defaultSessionTTL`.
const SESSION_TTL_SECONDS: i64 = 60;

/// Why a call on a queue came to nothing. The texts that clients see are in `grpc`, in one table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// One of the calls that it is made of failed.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The caller's own deadline came first.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// The caller's key was gone when its turn came, with its lease.
    #[error("session is expired")]
    SessionExpired,
    /// The caller's key is not there, or not the one it was.
    #[error("not leader")]
    NotLeader,
    /// Nobody leads.
    #[error("no leader")]
    NoLeader,
}

impl From<Unavailable> for QueueError {
    fn from(reason: Unavailable) -> Self {
        Self::Failed(reason.into())
    }
}

/// All keys of the queue `name`.
fn keys(name: &[u8]) -> KeyRange {
    let under = |end: &[u8]| Bytes::from([name, end].concat());
    KeyRange::HalfOpen { start: under(b"/"), end: under(b"0") }
}

/// The key of whoever joins the queue `name` under `lease`. A negative id is written as Go writes it.
fn key(name: &[u8], lease: LeaseId) -> Bytes {
    let sign = if lease.0 < 0 { "-" } else { "" };
    let digits = format!("/{sign}{:x}", lease.0.unsigned_abs());
    [name, digits.as_bytes()].concat().into()
}

impl Coordinator {
    /// `work`'s answer, unless its caller's deadline comes first: law C3 as it is for those who wait for others.
    async fn patiently<T>(
        &self,
        patience: &Patience,
        work: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        match patience.until {
            None => work.await,
            Some(until) => {
                let answer = timeout(self.clock().as_ref(), until, work).await;
                answer.unwrap_or(Err(QueueError::DeadlineExceeded))
            }
        }
    }

    /// The lease under which to join: `lease`, or if there is none a new one.
    async fn session(&self, patience: &Patience, lease: LeaseId) -> Result<LeaseId, QueueError> {
        if lease != LeaseId::NONE {
            return Ok(lease);
        }
        let (_, granted) = self.lease_grant(&self.step(patience), LeaseId::NONE, SESSION_TTL_SECONDS).await?;
        Ok(granted.id)
    }
}

#[cfg(test)]
mod tests;
