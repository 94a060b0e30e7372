//! `etcdserverpb.Maintenance`: what a member says of itself.

use crate::ETCD_VERSION;
use crate::call::{Caller, header};
use crate::status::{not_yet, of_transfer, unknown_method};
use quorate_coordinator::{Alarm, AlarmChange, AlarmKind, ClusterVersion, Coordinator, Invalid};
use quorate_proto::etcdserverpb::alarm_request::AlarmAction;
use quorate_proto::etcdserverpb::downgrade_request::DowngradeAction;
use quorate_proto::etcdserverpb::maintenance_server::Maintenance;
use quorate_proto::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmResponse, DefragmentRequest, DefragmentResponse, DowngradeInfo,
    DowngradeRequest, DowngradeResponse, HashKvRequest, HashKvResponse, HashRequest, HashResponse,
    MoveLeaderRequest, MoveLeaderResponse, SnapshotRequest, SnapshotResponse, StatusRequest, StatusResponse,
};
use quorate_types::{MemberId, Revision};
use tonic::{Request, Response, Status};

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
        let alarms = status.alarms.iter().map(|alarm| alarm_text(*alarm));
        StatusResponse {
            header: Some(header(&self.door, Some(status.revision))),
            version: ETCD_VERSION.into(),
            db_size: size,
            leader: status.standing.leader.map_or(0, |leader| leader.0),
            raft_index: status.standing.committed,
            raft_term: status.standing.term,
            raft_applied_index: status.applied,
            errors: no_leader.into_iter().chain(alarms).collect(),
            db_size_in_use: size,
            is_learner: self.door.is_learner(),
            // The state corresponds to etcd's storage format of the version that the members agreed on.
            storage_version: status.cluster_version.map(|version| version.to_string()).unwrap_or_default(),
            db_size_quota: self.door.limits().quota.0,
            downgrade_info: Some(DowngradeInfo::default()),
        }
    }
}

/// The alarms that an [`AlarmRequest`] with action GET asks for: those of a kind, of whichever member.
fn of_kind(alarms: Vec<Alarm>, kind: AlarmKind) -> Vec<Alarm> {
    alarms.into_iter().filter(|alarm| kind == AlarmKind::NONE || alarm.kind == kind).collect()
}

fn wire_alarm(alarm: Alarm) -> AlarmMember {
    AlarmMember { member_id: alarm.member.0, alarm: alarm.kind.0 }
}

/// As Go prints an `AlarmMember`: what is zero is left out.
fn alarm_text(alarm: Alarm) -> String {
    let member = match alarm.member.0 {
        0 => String::new(),
        member => format!("memberID:{member} "),
    };
    let kind = match alarm.kind {
        AlarmKind::NO_SPACE => "NOSPACE".to_owned(),
        AlarmKind::CORRUPT => "CORRUPT".to_owned(),
        AlarmKind(number) => number.to_string(),
    };
    format!("{member}alarm:{kind} ")
}

/// etcd's version without its patch, as downgrades name it.
fn short(version: ClusterVersion) -> String {
    format!("{}.{}", version.major, version.minor)
}

type NoStream = std::pin::Pin<Box<dyn futures::Stream<Item = Result<SnapshotResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Maintenance for Service {
    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let _ = Caller::of_any(request.metadata(), &self.door)?;
        Ok(Response::new(self.status_reply()))
    }

    async fn alarm(&self, request: Request<AlarmRequest>) -> Result<Response<AlarmResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let request = request.get_ref();
        let done = match (AlarmChange::of(request), AlarmAction::try_from(request.action)) {
            (Some(change), _) => {
                let changed = self.door.change_alarm(&caller.call, change).await;
                changed.map(|(revision, alarm)| (revision, alarm.into_iter().collect()))
            }
            (None, Ok(AlarmAction::Get)) => {
                let raised = self.door.alarms(&caller.call).await;
                raised.map(|(revision, alarms)| (revision, of_kind(alarms, AlarmKind(request.alarm))))
            }
            (None, _) => return Err(unknown_method()),
        };
        let (revision, alarms) = done.map_err(|error| caller.status(&error))?;
        Ok(Response::new(AlarmResponse {
            header: Some(header(&self.door, Some(revision))),
            alarms: alarms.into_iter().map(wire_alarm).collect(),
        }))
    }

    /// Nothing has to be defragmented: space returns by itself. As in etcd there is no header.
    async fn defragment(
        &self,
        request: Request<DefragmentRequest>,
    ) -> Result<Response<DefragmentResponse>, Status> {
        let _ = Caller::of(request.metadata(), &self.door)?;
        Ok(Response::new(DefragmentResponse { header: None }))
    }

    async fn hash(&self, request: Request<HashRequest>) -> Result<Response<HashResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let made = self.door.state_hash().await.map_err(|error| caller.status(&error))?;
        let header = Some(header(&self.door, Some(made.revision)));
        Ok(Response::new(HashResponse { header, hash: made.hash }))
    }

    async fn hash_kv(&self, request: Request<HashKvRequest>) -> Result<Response<HashKvResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let asked = Revision(request.get_ref().revision);
        let made = self.door.key_hash(asked).await.map_err(|error| caller.status(&error))?;
        Ok(Response::new(HashKvResponse {
            header: Some(header(&self.door, Some(made.revision))),
            hash: made.hash,
            compact_revision: made.compacted.0,
            hash_revision: made.through.0,
        }))
    }

    type SnapshotStream = NoStream;

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(not_yet("Maintenance.Snapshot"))
    }

    /// As in etcd there is no header.
    async fn move_leader(
        &self,
        request: Request<MoveLeaderRequest>,
    ) -> Result<Response<MoveLeaderResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let target = MemberId(request.get_ref().target_id);
        let moved = self.door.move_leader(&caller.call, target).await;
        moved.map_err(|error| of_transfer(&error))?;
        Ok(Response::new(MoveLeaderResponse { header: None }))
    }

    /// A cluster of this release cannot be taken over by an older one: what could be enabled is refused, and there is
    /// never a downgrade to be cancelled, which as in etcd is no error.
    async fn downgrade(
        &self,
        request: Request<DowngradeRequest>,
    ) -> Result<Response<DowngradeResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let request = request.get_ref();
        let validated = || self.door.validate_downgrade(&caller.call, &request.version);
        let version = match DowngradeAction::try_from(request.action) {
            Ok(DowngradeAction::Validate) => validated().await,
            Ok(DowngradeAction::Enable) => validated().await.and(Err(Invalid::NoDowngrade.into())),
            Ok(DowngradeAction::Cancel) => self.door.cluster_version(),
            Err(_) => return Err(unknown_method()),
        };
        let version = version.map_err(|error| caller.status(&error))?;
        let header = Some(header(&self.door, Some(self.door.status().revision)));
        Ok(Response::new(DowngradeResponse { header, version: short(version) }))
    }
}

#[cfg(test)]
mod tests;
