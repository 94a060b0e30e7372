//! `etcdserverpb.Maintenance`: what a member says of itself.

use crate::ETCD_VERSION;
use crate::call::{Caller, header};
use crate::status::not_yet;
use quorate_coordinator::Coordinator;
use quorate_proto::etcdserverpb::alarm_request::AlarmAction;
use quorate_proto::etcdserverpb::maintenance_server::Maintenance;
use quorate_proto::etcdserverpb::{
    AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, DowngradeInfo, DowngradeRequest,
    DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse, MoveLeaderRequest,
    MoveLeaderResponse, SnapshotRequest, SnapshotResponse, StatusRequest, StatusResponse,
};
use tonic::{Request, Response, Status};

/// The version of etcd's storage format that this state corresponds to.
const STORAGE_VERSION: &str = "3.7.0";

/// The service as tonic carries it.
pub(crate) struct Service {
    door: Coordinator,
}

impl Service {
    pub(crate) fn new(door: Coordinator) -> Self {
        Self { door }
    }

    fn status_reply(&self) -> StatusResponse {
        let status = self.door.status();
        let size = i64::try_from(status.size).unwrap_or(i64::MAX);
        let no_leader = status.standing.leader.is_none().then(|| "etcdserver: no leader".to_owned());
        StatusResponse {
            header: Some(header(&self.door, Some(status.revision))),
            version: ETCD_VERSION.into(),
            db_size: size,
            leader: status.standing.leader.map_or(0, |leader| leader.0),
            raft_index: status.standing.committed,
            raft_term: status.standing.term,
            raft_applied_index: status.applied,
            errors: no_leader.into_iter().collect(),
            db_size_in_use: size,
            is_learner: false,
            storage_version: STORAGE_VERSION.into(),
            db_size_quota: 0, // there is no quota yet
            downgrade_info: Some(DowngradeInfo::default()),
        }
    }
}

type NoStream = std::pin::Pin<Box<dyn futures::Stream<Item = Result<SnapshotResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Maintenance for Service {
    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let _ = Caller::of(request.metadata(), &self.door)?;
        Ok(Response::new(self.status_reply()))
    }

    /// Nothing raises an alarm yet, so none is raised.
    async fn alarm(&self, request: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        let _ = Caller::of(request.metadata(), &self.door)?;
        if AlarmAction::try_from(request.get_ref().action) != Ok(AlarmAction::Get) {
            return Err(not_yet("Maintenance.Alarm with an action other than GET"));
        }
        let revision = self.door.status().revision;
        Ok(Response::new(AlarmResponse {
            header: Some(header(&self.door, Some(revision))),
            alarms: Vec::new(),
        }))
    }

    async fn defragment(
        &self,
        _: Request<DefragmentRequest>,
    ) -> Result<Response<DefragmentResponse>, Status> {
        Err(not_yet("Maintenance.Defragment"))
    }

    async fn hash(&self, _: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        Err(not_yet("Maintenance.Hash"))
    }

    async fn hash_kv(&self, _: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        Err(not_yet("Maintenance.HashKV"))
    }

    type SnapshotStream = NoStream;

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(not_yet("Maintenance.Snapshot"))
    }

    async fn move_leader(
        &self,
        _: Request<MoveLeaderRequest>,
    ) -> Result<Response<MoveLeaderResponse>, Status> {
        Err(not_yet("Maintenance.MoveLeader"))
    }

    async fn downgrade(&self, _: Request<DowngradeRequest>) -> Result<Response<DowngradeResponse>, Status> {
        Err(not_yet("Maintenance.Downgrade"))
    }
}

#[cfg(test)]
mod tests;
