//! One command: what it did, or why it did nothing (law A5).

use super::{StateMachine, read_fault};
use crate::Fault;
use crate::answer::{Refusal, Reply};
use crate::command::{DeleteRange, Kind, Put};
use quorate_mvcc::{self as mvcc, Overlay, ReadError, Txn};
use quorate_types::LeaseId;

impl StateMachine {
    pub(super) fn execute(
        &mut self,
        kind: Kind,
        term: u64,
        overlay: &mut Overlay,
    ) -> Result<Result<Reply, Refusal>, Fault> {
        if let Some(refusal) = self.alarms.refusal(&kind) {
            return Ok(Err(refusal));
        }
        match kind {
            Kind::Put(put) => refusable(self.put(&put, overlay)),
            Kind::DeleteRange(delete) => refusable(self.delete_range(&delete, overlay)),
            Kind::Txn(txn) => refusable(self.txn(&txn, overlay)),
            Kind::Compact { revision } => {
                Ok(self.keys.compact(revision, overlay).map(|()| Reply::Done).map_err(Refusal::from))
            }
            Kind::LeaseGrant { id, ttl_seconds } => {
                Ok(self.grant(id, ttl_seconds, overlay).map(|()| Reply::Done))
            }
            Kind::LeaseRevoke { id } => refusable(self.revoke(id, overlay)),
            Kind::LeaseExpire { ids, term: said_in } => {
                // A leader that has been deposed meanwhile may not know of a renewal that its successor took.
                let ids = if said_in == term { ids } else { Vec::new() };
                refusable(self.expire(&ids, overlay))
            }
            Kind::LeaseCheckpoint(left) => {
                left.iter().for_each(|(id, seconds)| self.leases.checkpoint(*id, *seconds, overlay.batch()));
                Ok(Ok(Reply::Done))
            }
            Kind::SetMemberAttributes { member, attributes } => {
                self.members.describe(member, &attributes, overlay.batch());
                Ok(Ok(Reply::Done))
            }
            Kind::Alarm(change) => Ok(Ok(Reply::Alarm(self.alarms.change(change, overlay.batch())))),
            Kind::SetClusterVersion(version) => {
                version.store(overlay.batch());
                self.version = Some(version);
                Ok(Ok(Reply::Done))
            }
        }
    }

    fn put(&mut self, put: &Put, overlay: &mut Overlay) -> Result<Reply, ExecuteError> {
        if put.change.lease.is_some_and(|lease| lease != LeaseId::NONE && self.leases.get(lease).is_none()) {
            return Err(ExecuteError::Refused(Refusal::LeaseNotFound));
        }
        let mut writing = self.keys.begin(overlay);
        let previous = if put.with_previous { writing.record(&put.change.key)? } else { None };
        writing.put(&put.change)?;
        let moves = writing.end();
        self.follow(&moves);
        Ok(Reply::Put { previous })
    }

    fn delete_range(&mut self, delete: &DeleteRange, overlay: &mut Overlay) -> Result<Reply, ExecuteError> {
        let mut writing = self.keys.begin(overlay);
        let deleted = writing.delete_range(&delete.range, delete.with_previous)?;
        let moves = writing.end();
        self.follow(&moves);
        Ok(Reply::DeleteRange(deleted))
    }

    fn txn(&mut self, txn: &Txn, overlay: &mut Overlay) -> Result<Reply, ExecuteError> {
        let mut writing = self.keys.begin(overlay);
        let done = writing.txn(txn, &|lease| self.leases.get(lease).is_some())?;
        let moves = writing.end();
        self.follow(&moves);
        Ok(Reply::Txn(done))
    }
}

/// Why a command did not go through.
pub(super) enum ExecuteError {
    Refused(Refusal),
    Fault(ReadError),
}

impl From<ReadError> for ExecuteError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(mvcc::Refusal::LeaseNotFound) => Self::Refused(Refusal::LeaseNotFound),
            ReadError::Refused(refusal) => Self::Refused(refusal.into()),
            fault => Self::Fault(fault),
        }
    }
}

/// Separates the client's turn from ours.
fn refusable(result: Result<Reply, ExecuteError>) -> Result<Result<Reply, Refusal>, Fault> {
    match result {
        Ok(reply) => Ok(Ok(reply)),
        Err(ExecuteError::Refused(refusal)) => Ok(Err(refusal)),
        Err(ExecuteError::Fault(error)) => Err(read_fault("apply a command", error)),
    }
}

#[cfg(test)]
mod tests;
