//! `etcdserverpb.Cluster`: who belongs.

use crate::call::{Caller, header};
use quorate_coordinator::{Coordinator, Error};
use quorate_proto::etcdserverpb::cluster_server::Cluster;
use quorate_proto::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse, MemberPromoteRequest,
    MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse,
};
use quorate_types::MemberId;
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

/// The members as a reply lists them, or what the caller is told.
fn listed(
    caller: &Caller,
    members: Result<Vec<quorate_coordinator::Member>, Error>,
) -> Result<Vec<Member>, Status> {
    let members = members.map_err(|error| caller.status(&error))?;
    Ok(members.into_iter().map(wire_member).collect())
}

#[tonic::async_trait]
impl Cluster for Service {
    async fn member_list(
        &self,
        request: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let linearizable = request.get_ref().linearizable;
        let members = listed(&caller, self.door.members(&caller.call, linearizable).await)?;
        Ok(Response::new(MemberListResponse { header: Some(header(&self.door, None)), members }))
    }

    /// The new member is told without a name, which it has once it has started.
    async fn member_add(
        &self,
        request: Request<MemberAddRequest>,
    ) -> Result<Response<MemberAddResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let MemberAddRequest { peer_urls, is_learner } = request.get_ref();
        let added = self.door.member_add(&caller.call, peer_urls, *is_learner).await;
        let (id, members) = added.map_err(|error| caller.status(&error))?;
        let members: Vec<Member> = members.into_iter().map(wire_member).collect();
        let member = members.iter().find(|member| member.id == id.0).cloned();
        Ok(Response::new(MemberAddResponse { header: Some(header(&self.door, None)), member, members }))
    }

    async fn member_remove(
        &self,
        request: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let member = MemberId(request.get_ref().id);
        let members = listed(&caller, self.door.member_remove(&caller.call, member).await)?;
        Ok(Response::new(MemberRemoveResponse { header: Some(header(&self.door, None)), members }))
    }

    async fn member_update(
        &self,
        request: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let MemberUpdateRequest { id, peer_urls } = request.into_inner();
        let updated = self.door.member_update(&caller.call, MemberId(id), peer_urls).await;
        let members = listed(&caller, updated)?;
        Ok(Response::new(MemberUpdateResponse { header: Some(header(&self.door, None)), members }))
    }

    async fn member_promote(
        &self,
        request: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let member = MemberId(request.get_ref().id);
        let members = listed(&caller, self.door.member_promote(&caller.call, member).await)?;
        Ok(Response::new(MemberPromoteResponse { header: Some(header(&self.door, None)), members }))
    }
}

#[cfg(test)]
mod tests;
