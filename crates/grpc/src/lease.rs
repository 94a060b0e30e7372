//! `etcdserverpb.Lease`.

use crate::call::{Caller, header};
use crate::limit;
use futures::stream::{Stream, try_unfold};
use quorate_coordinator::{Coordinator, Remaining};
use quorate_proto::etcdserverpb::lease_server::Lease;
use quorate_proto::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
};
use quorate_types::LeaseId;
use std::pin::Pin;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

/// The service as tonic carries it.
pub(crate) struct Service {
    door: Coordinator,
}

impl Service {
    pub(crate) fn new(door: Coordinator) -> Self {
        Self { door }
    }
}

/// The replies to a stream of keep-alives.
type Renewals = Pin<Box<dyn Stream<Item = Result<LeaseKeepAliveResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Lease for Service {
    async fn lease_grant(
        &self,
        request: Request<LeaseGrantRequest>,
    ) -> Result<Response<LeaseGrantResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let LeaseGrantRequest { ttl, id } = request.into_inner();
        let granted = self.door.lease_grant(&caller.call, LeaseId(id), ttl).await;
        let (revision, granted) = granted.map_err(|error| caller.status(&error))?;
        Ok(Response::new(LeaseGrantResponse {
            header: Some(header(&self.door, Some(revision))),
            id: granted.id.0,
            ttl: granted.ttl_seconds,
            error: String::new(),
        }))
    }

    async fn lease_revoke(
        &self,
        request: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let revoked = self.door.lease_revoke(&caller.call, LeaseId(request.get_ref().id)).await;
        let revision = revoked.map_err(|error| caller.status(&error))?;
        Ok(Response::new(LeaseRevokeResponse { header: Some(header(&self.door, Some(revision))) }))
    }

    type LeaseKeepAliveStream = Renewals;

    /// One reply a request, in their order; each has the server's time from when it is read. A lease that does not live is
    /// told with a time of 0, and ends nothing.
    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Result<Response<Renewals>, Status> {
        let _ = Caller::of(request.metadata(), &self.door)?;
        let (door, requests) = (self.door.clone(), request.into_inner());
        let replies = try_unfold((door, requests), |(door, mut requests)| async move {
            let request = requests.message().await;
            let request = request.map_err(|status| limit::reworded(&status).unwrap_or(status))?;
            let Some(request) = request else { return Ok(None) };
            let reply = keep_alive(&door, request).await?;
            Ok(Some((reply, (door, requests))))
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let LeaseTimeToLiveRequest { id, keys } = *request.get_ref();
        let remaining = self.door.lease_remaining(&caller.call, LeaseId(id), keys).await;
        let (revision, remaining) = remaining.map_err(|error| caller.status(&error))?;
        // A lease that does not live has a time of -1, and is no error.
        let Remaining { granted_seconds, left_seconds, keys } =
            remaining.unwrap_or(Remaining { granted_seconds: 0, left_seconds: -1, keys: Vec::new() });
        Ok(Response::new(LeaseTimeToLiveResponse {
            header: Some(header(&self.door, Some(revision))),
            id,
            ttl: left_seconds,
            granted_ttl: granted_seconds,
            keys,
        }))
    }

    async fn lease_leases(
        &self,
        request: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let listed = self.door.lease_list(&caller.call).await;
        let (revision, ids) = listed.map_err(|error| caller.status(&error))?;
        Ok(Response::new(LeaseLeasesResponse {
            header: Some(header(&self.door, Some(revision))),
            leases: ids.into_iter().map(|id| LeaseStatus { id: id.0 }).collect(),
        }))
    }
}

async fn keep_alive(
    door: &Coordinator,
    request: LeaseKeepAliveRequest,
) -> Result<LeaseKeepAliveResponse, Status> {
    let caller = Caller::of(&MetadataMap::new(), door)?;
    let renewed = door.lease_keep_alive(&caller.call, LeaseId(request.id)).await;
    let (revision, ttl) = renewed.map_err(|error| caller.status(&error))?;
    Ok(LeaseKeepAliveResponse { header: Some(header(door, Some(revision))), id: request.id, ttl })
}

#[cfg(test)]
mod tests;
