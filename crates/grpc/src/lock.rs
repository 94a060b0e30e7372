//! `v3lockpb.Lock`: locks that the server stands in line for.

use crate::call::{Caller, header};
use quorate_coordinator::{Coordinator, DeleteRange};
use quorate_proto::v3lockpb::lock_server::Lock;
use quorate_proto::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
use quorate_types::{KeyRange, LeaseId};
use tonic::{Request, Response, Status};

/// The service as tonic carries it.
pub(crate) struct Service {
    door: Coordinator,
}

impl Service {
    pub(crate) fn new(door: Coordinator) -> Self {
        Self { door }
    }
}

#[tonic::async_trait]
impl Lock for Service {
    async fn lock(&self, request: Request<LockRequest>) -> Result<Response<LockResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let LockRequest { name, lease } = request.into_inner();
        let locked = self.door.lock(&caller.patience(), name, LeaseId(lease)).await;
        let locked = locked.map_err(|error| caller.queue_status(&error))?;
        let header = Some(header(&self.door, Some(locked.revision)));
        Ok(Response::new(LockResponse { header, key: locked.key }))
    }

    /// A plain delete: of a key that is not there too.
    async fn unlock(&self, request: Request<UnlockRequest>) -> Result<Response<UnlockResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let range = KeyRange::Single(request.into_inner().key);
        let deleted = self.door.delete_range(&caller.call, DeleteRange { range, with_previous: false }).await;
        let (revision, _) = deleted.map_err(|error| caller.queue_status(&error.into()))?;
        Ok(Response::new(UnlockResponse { header: Some(header(&self.door, Some(revision))) }))
    }
}

#[cfg(test)]
mod tests;
