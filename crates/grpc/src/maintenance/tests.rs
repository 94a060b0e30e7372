use super::*;
use crate::scene::{Scene, header, told};
use quorate_coordinator::testing::{MEMBER, TERM};
use quorate_proto::etcdserverpb::PutRequest;
use quorate_proto::etcdserverpb::maintenance_client::MaintenanceClient;

#[tokio::test]
async fn a_member_says_where_it_stands() {
    let scene = Scene::new();
    let put = PutRequest { key: "a".into(), value: "1".into(), ..PutRequest::default() };
    scene.run(scene.kv().put(put)).await.unwrap();
    let mut client = MaintenanceClient::new(scene.routes());
    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    let expected = StatusResponse {
        header: header(2),
        version: "3.7.1".into(),
        leader: MEMBER.0,
        raft_index: 1,
        raft_term: TERM,
        raft_applied_index: 1,
        storage_version: "3.7.0".into(),
        downgrade_info: Some(DowngradeInfo::default()),
        db_size: status.db_size,
        db_size_in_use: status.db_size,
        ..StatusResponse::default()
    };
    assert_eq!(status, expected);
    assert!((1..53_248).contains(&status.db_size), "a fresh store is small: {}", status.db_size);
}

#[tokio::test]
async fn a_member_without_a_leader_says_so() {
    let scene = Scene::leaderless();
    let mut client = MaintenanceClient::new(scene.routes());
    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.leader, status.errors), (0, vec!["etcdserver: no leader".to_owned()]));
}

#[tokio::test]
async fn no_alarm_is_raised_and_none_can_be_yet() {
    let scene = Scene::new();
    let mut client = MaintenanceClient::new(scene.routes());
    let asked = |action| AlarmRequest { action, ..AlarmRequest::default() };
    let reply = client.alarm(asked(0)).await.unwrap().into_inner();
    assert_eq!(reply, AlarmResponse { header: header(1), alarms: vec![] });
    for action in [1, 2, 3, -1] {
        let refused = client.alarm(asked(action)).await.unwrap_err();
        let text = "quorate: Maintenance.Alarm with an action other than GET is not implemented yet";
        assert_eq!(told(&refused), (12, text));
    }
}

#[tokio::test]
async fn what_is_not_there_yet_says_so() {
    let scene = Scene::new();
    let mut client = MaintenanceClient::new(scene.routes());
    let refused = [
        (client.defragment(DefragmentRequest {}).await.unwrap_err(), "Defragment"),
        (client.hash(HashRequest {}).await.unwrap_err(), "Hash"),
        (client.hash_kv(HashKvRequest::default()).await.unwrap_err(), "HashKV"),
        (client.snapshot(SnapshotRequest {}).await.unwrap_err(), "Snapshot"),
        (client.move_leader(MoveLeaderRequest::default()).await.unwrap_err(), "MoveLeader"),
        (client.downgrade(DowngradeRequest::default()).await.unwrap_err(), "Downgrade"),
    ];
    for (status, name) in refused {
        let text = format!("quorate: Maintenance.{name} is not implemented yet");
        assert_eq!(told(&status), (12, text.as_str()));
    }
}
