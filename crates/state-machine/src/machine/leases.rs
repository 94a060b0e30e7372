//! Leases that begin and end, and the keys that go with them.

use super::StateMachine;
use super::execute::ExecuteError;
use crate::Fault;
use crate::answer::{Refusal, Reply};
use crate::spaces::LEASE;
use quorate_lease as lease;
use quorate_mvcc::{LeaseMove, Overlay, Store};
use quorate_storage::View;
use quorate_types::{KeyRange, LeaseId};

/// The leases that `view` holds, with the keys that hang on them. A key whose lease is not there hangs on nothing: records
/// that were imported may name such.
pub(super) fn open(view: &dyn View, keys: &Store) -> Result<lease::Table, Fault> {
    let mut leases = lease::Table::open(LEASE, view)?;
    for (key, id) in keys.leased() {
        if leases.get(id).is_some() {
            leases.attach(&key, id);
        }
    }
    Ok(leases)
}

impl StateMachine {
    pub(super) fn grant(
        &mut self,
        id: LeaseId,
        ttl_seconds: i64,
        overlay: &mut Overlay,
    ) -> Result<(), Refusal> {
        self.leases.grant(id, ttl_seconds, overlay.batch())?;
        self.lease_effects.push(lease::Effect::Granted { id, ttl_seconds });
        Ok(())
    }

    /// Removes a lease's keys, in order and in one revision, and then the lease.
    pub(super) fn revoke(&mut self, id: LeaseId, overlay: &mut Overlay) -> Result<Reply, ExecuteError> {
        let Some(lease) = self.leases.get(id) else {
            return Err(ExecuteError::Refused(Refusal::LeaseNotFound));
        };
        let keys = lease.keys.clone();
        let mut writing = self.keys.begin(overlay);
        for key in keys {
            writing.delete_range(&KeyRange::Single(key), false)?;
        }
        let moves = writing.end();
        self.follow(&moves);
        self.leases.end(id, overlay.batch());
        self.lease_effects.push(lease::Effect::Ended(id));
        Ok(Reply::Done)
    }

    /// Each in a revision of its own.
    pub(super) fn expire(&mut self, ids: &[LeaseId], overlay: &mut Overlay) -> Result<Reply, ExecuteError> {
        for id in ids {
            match self.revoke(*id, overlay) {
                Ok(_) | Err(ExecuteError::Refused(_)) => {} // it may have been revoked before
                fault => return fault,
            }
        }
        Ok(Reply::Done)
    }

    /// Law L2 of the leases: each key hangs on the lease that its newest record names.
    pub(super) fn follow(&mut self, moves: &[LeaseMove]) {
        for LeaseMove { key, from, to } in moves {
            if *from != LeaseId::NONE {
                self.leases.detach(key, *from);
            }
            if *to != LeaseId::NONE {
                self.leases.attach(key, *to);
            }
        }
    }
}

#[cfg(test)]
mod tests;
