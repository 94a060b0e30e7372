//! `etcdserverpb.Cluster`: who belongs.

use crate::call::{Caller, header};
use crate::status::not_yet;
use quorate_coordinator::Coordinator;
use quorate_proto::etcdserverpb::cluster_server::Cluster;
use quorate_proto::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse, MemberPromoteRequest,
    MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse,
};
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

fn wire_member(member: quorate_coordinator::Member) -> Member {
    Member {
        id: member.id,
        name: member.name,
        peer_urls: member.peer_urls,
        client_urls: member.client_urls,
        is_learner: member.is_learner,
    }
}

#[tonic::async_trait]
impl Cluster for Service {
    async fn member_list(
        &self,
        request: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let linearizable = request.get_ref().linearizable;
        let members = self.door.members(&caller.call, linearizable).await;
        let members = members.map_err(|error| caller.status(&error))?;
        Ok(Response::new(MemberListResponse {
            header: Some(header(&self.door, None)),
            members: members.into_iter().map(wire_member).collect(),
        }))
    }

    async fn member_add(&self, _: Request<MemberAddRequest>) -> Result<Response<MemberAddResponse>, Status> {
        Err(not_yet("Cluster.MemberAdd"))
    }

    async fn member_remove(
        &self,
        _: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        Err(not_yet("Cluster.MemberRemove"))
    }

    async fn member_update(
        &self,
        _: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        Err(not_yet("Cluster.MemberUpdate"))
    }

    async fn member_promote(
        &self,
        _: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        Err(not_yet("Cluster.MemberPromote"))
    }
}

#[cfg(test)]
mod tests;
