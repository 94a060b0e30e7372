//! The members as members: what each says of itself, and changes of who belongs to them.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use quorate_proto::etcdserverpb::alarm_request::AlarmAction;
use quorate_proto::etcdserverpb::cluster_client::ClusterClient;
use quorate_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use quorate_proto::etcdserverpb::{
    AlarmRequest, AlarmType, HashKvRequest, HashKvResponse, MemberAddRequest, MemberListRequest,
    MemberRemoveRequest, StatusRequest, StatusResponse,
};
use serde_json::{Value, json};
use tonic::Status;
use tonic::transport::Channel;

use super::links::connect;

/// A member that works answers at once; a member that was told to do something may need a quorum.
const STATUS_WITHIN: Duration = Duration::from_secs(1);
const CHANGE_WITHIN: Duration = Duration::from_secs(5);
/// A cluster that has just healed refuses changes of its members for a while.
const CHANGED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// A change, and how to see that it has been made though its answer was lost.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Remove(u64),
    Add(String),
    Disarm,
}

/// What the member at this endpoint says of itself, if it says something.
pub(super) async fn status(endpoint: &str) -> Option<StatusResponse> {
    let channel = connect(endpoint).await?;
    let mut client = MaintenanceClient::new(channel);
    let said = tokio::time::timeout(STATUS_WITHIN, client.status(StatusRequest {})).await;
    Some(said.ok()?.ok()?.into_inner())
}

/// One entry an endpoint.
pub(super) async fn statuses(endpoints: &[String]) -> Value {
    let mut all = Vec::new();
    for endpoint in endpoints {
        let said = status(endpoint).await;
        all.push(said.map_or(Value::Null, |said| {
            let header = said.header.unwrap_or_default();
            json!({
                "member": header.member_id,
                "leader": said.leader,
                "revision": header.revision,
                "term": said.raft_term,
                "applied": said.raft_applied_index,
                "errors": said.errors,
            })
        }));
    }
    json!({ "members": all })
}

pub(super) async fn hash(endpoint: &str, revision: i64) -> anyhow::Result<HashKvResponse> {
    let channel = connect(endpoint).await.context("connect")?;
    let mut client = MaintenanceClient::new(channel);
    Ok(client.hash_kv(HashKvRequest { revision }).await?.into_inner())
}

/// Asks one member after the other until it is done.
pub(super) async fn change(endpoints: &[String], change: &Change) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let mut said = "nobody could be reached".to_owned();
    for endpoint in endpoints.iter().cycle() {
        if begun.elapsed() > CHANGED_WITHIN {
            bail!("{change:?} was not made: {said}");
        }
        if let Some(channel) = connect(endpoint).await {
            match tokio::time::timeout(CHANGE_WITHIN, attempt(channel, change)).await {
                Ok(Ok(())) => return Ok(json!({ "after_ms": begun.elapsed().as_millis() })),
                Ok(Err(status)) => said = status.message().to_owned(),
                Err(_) => said = "no answer".to_owned(),
            }
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("there are no endpoints")
}

/// Makes the change, unless it has been made.
async fn attempt(channel: Channel, change: &Change) -> Result<(), Status> {
    let mut cluster = ClusterClient::new(channel.clone());
    let listed = async |cluster: &mut ClusterClient<Channel>| {
        let listed = cluster.member_list(MemberListRequest { linearizable: true }).await?;
        Ok::<_, Status>(listed.into_inner().members)
    };
    match change {
        Change::Remove(id) => {
            if listed(&mut cluster).await?.iter().any(|member| member.id == *id) {
                cluster.member_remove(MemberRemoveRequest { id: *id }).await?;
            }
        }
        Change::Add(url) => {
            if !listed(&mut cluster).await?.iter().any(|member| member.peer_urls.contains(url)) {
                let request = MemberAddRequest { peer_urls: vec![url.clone()], is_learner: false };
                cluster.member_add(request).await?;
            }
        }
        Change::Disarm => {
            let mut maintenance = MaintenanceClient::new(channel);
            let all =
                AlarmRequest { action: AlarmAction::Get.into(), member_id: 0, alarm: AlarmType::None.into() };
            for alarm in maintenance.alarm(all).await?.into_inner().alarms {
                let request = AlarmRequest {
                    action: AlarmAction::Deactivate.into(),
                    member_id: alarm.member_id,
                    alarm: alarm.alarm,
                };
                maintenance.alarm(request).await?;
            }
        }
    }
    Ok(())
}
