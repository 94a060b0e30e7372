//! `v3electionpb.Election`: elections that the server stands in for a candidate.

use crate::call::{Caller, header};
use crate::status::missing_leader;
use futures::TryStreamExt;
use futures::stream::{Stream, try_unfold};
use quorate_coordinator::{Coordinator, Office, Proclaimed};
use quorate_proto::v3electionpb::election_server::Election;
use quorate_proto::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ProclaimResponse, ResignRequest, ResignResponse,
};
use quorate_types::{LeaseId, Revision};
use std::pin::Pin;
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

/// The office of whoever is named in a request.
fn office(leader: Option<LeaderKey>) -> Result<Office, Status> {
    let LeaderKey { key, rev, lease, .. } = leader.ok_or_else(missing_leader)?;
    Ok(Office { key, created: Revision(rev), lease: LeaseId(lease) })
}

fn leader_response(door: &Coordinator, Proclaimed { revision, pair }: Proclaimed) -> LeaderResponse {
    LeaderResponse { header: Some(header(door, Some(revision))), kv: Some(pair) }
}

#[tonic::async_trait]
impl Election for Service {
    async fn campaign(
        &self,
        request: Request<CampaignRequest>,
    ) -> Result<Response<CampaignResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let CampaignRequest { name, lease, value } = request.into_inner();
        let won = self.door.campaign(&caller.patience(), name.clone(), LeaseId(lease), value).await;
        let won = won.map_err(|error| caller.queue_status(&error))?;
        let Office { key, created, lease } = won.office;
        let leader = LeaderKey { name, key, rev: created.0, lease: lease.0 };
        let header = Some(header(&self.door, Some(won.revision)));
        Ok(Response::new(CampaignResponse { header, leader: Some(leader) }))
    }

    async fn proclaim(
        &self,
        request: Request<ProclaimRequest>,
    ) -> Result<Response<ProclaimResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let ProclaimRequest { leader, value } = request.into_inner();
        let revision = self.door.proclaim(&caller.call, &office(leader)?, value).await;
        let revision = revision.map_err(|error| caller.queue_status(&error))?;
        Ok(Response::new(ProclaimResponse { header: Some(header(&self.door, Some(revision))) }))
    }

    async fn leader(&self, request: Request<LeaderRequest>) -> Result<Response<LeaderResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let said = self.door.leader(&caller.call, &request.get_ref().name).await;
        let said = said.map_err(|error| caller.queue_status(&error))?;
        Ok(Response::new(leader_response(&self.door, said)))
    }

    async fn resign(&self, request: Request<ResignRequest>) -> Result<Response<ResignResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let revision = self.door.resign(&caller.call, &office(request.into_inner().leader)?).await;
        let revision = revision.map_err(|error| caller.queue_status(&error))?;
        Ok(Response::new(ResignResponse { header: Some(header(&self.door, Some(revision))) }))
    }

    type ObserveStream = Pin<Box<dyn Stream<Item = Result<LeaderResponse, Status>> + Send>>;

    async fn observe(
        &self,
        request: Request<LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let observation = self.door.observe(caller.patience(), &request.get_ref().name);
        let door = self.door.clone();
        let said = try_unfold(observation, move |mut observation| {
            let door = door.clone();
            async move {
                let said = observation.next().await?;
                Ok(Some((leader_response(&door, said), observation)))
            }
        });
        Ok(Response::new(Box::pin(said.map_err(move |error| caller.queue_status(&error)))))
    }
}

#[cfg(test)]
mod tests;
