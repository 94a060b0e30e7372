use super::*;
use crate::scene::{Scene, header, told};
use quorate_coordinator::testing::{MEMBER, TERM};
use quorate_coordinator::{Limits, Quota};
use quorate_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use quorate_proto::etcdserverpb::{CompactionRequest, PutRequest};
use quorate_proto::log;
use std::time::Duration;

fn put() -> PutRequest {
    PutRequest { key: "a".into(), value: "1".into(), ..PutRequest::default() }
}

#[tokio::test]
async fn a_member_says_where_it_stands() {
    let scene = Scene::new();
    scene.settle_version().await;
    scene.run(scene.kv().put(put())).await.unwrap();
    let mut client = MaintenanceClient::new(scene.routes());
    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    let expected = StatusResponse {
        header: header(2),
        version: "3.7.1".into(),
        leader: MEMBER.0,
        raft_index: 2,
        raft_term: TERM,
        raft_applied_index: 2,
        storage_version: "3.7.0".into(),
        downgrade_info: Some(DowngradeInfo::default()),
        db_size_quota: 2 << 30,
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
async fn the_quota_is_told_as_it_was_set_and_the_version_once_it_is_settled() {
    let scene = Scene::with(Limits { quota: Quota(-1), ..Limits::default() });
    let mut client = MaintenanceClient::new(scene.routes());
    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.db_size_quota, status.storage_version.as_str()), (-1, ""));
}

/// Of a request: action, member, alarm.
fn asked(action: i32, member_id: u64, alarm: i32) -> AlarmRequest {
    AlarmRequest { action, member_id, alarm }
}

const GET: i32 = 0;
const ACTIVATE: i32 = 1;
const DEACTIVATE: i32 = 2;

#[tokio::test]
async fn an_alarm_is_listed_when_it_is_raised_or_disarmed_and_nothing_if_there_was_none() {
    let scene = Scene::new();
    let mut client = MaintenanceClient::new(scene.routes());
    for (request, listed) in [
        (asked(GET, 0, 0), &[][..]),
        (asked(ACTIVATE, 5, 0), &[]),
        (asked(DEACTIVATE, 5, 1), &[]),
        (asked(ACTIVATE, 5, 1), &[(5, 1)]),
        (asked(ACTIVATE, 5, 1), &[(5, 1)]),
        (asked(ACTIVATE, 4, 2), &[(4, 2)]),
        (asked(GET, 0, 0), &[(5, 1), (4, 2)]),
        (asked(GET, 5, 2), &[(4, 2)]),
        (asked(GET, 0, 9), &[]),
        (asked(DEACTIVATE, 0, 1), &[]),
        (asked(DEACTIVATE, 5, 0), &[]),
        (asked(DEACTIVATE, 5, 1), &[(5, 1)]),
        (asked(GET, 0, 0), &[(4, 2)]),
    ] {
        let reply = scene.run(client.alarm(request)).await.unwrap().into_inner();
        let alarms = listed.iter().map(|&(member_id, alarm)| AlarmMember { member_id, alarm }).collect();
        assert_eq!(reply, AlarmResponse { header: header(1), alarms }, "{request:?}");
    }
    for action in [3, -1] {
        let refused = scene.run(client.alarm(asked(action, 5, 1))).await.unwrap_err();
        assert_eq!(told(&refused), (2, "etcdserver: unknown method"));
    }
}

#[tokio::test]
async fn alarms_are_among_the_errors_of_a_status_and_refuse_in_etcds_words() {
    let scene = Scene::new();
    let mut client = MaintenanceClient::new(scene.routes());
    scene.run(client.alarm(asked(ACTIVATE, 5, 1))).await.unwrap();
    let refused = scene.run(scene.kv().put(put())).await.unwrap_err();
    assert_eq!(told(&refused), (8, "etcdserver: mvcc: database space exceeded"));
    let refused = scene.run(scene.kv().put(PutRequest::default())).await.unwrap_err();
    assert_eq!(told(&refused), (3, "etcdserver: key is not provided"), "what is wrong with it comes first");
    for alarm in [2, 7] {
        scene.run(client.alarm(asked(ACTIVATE, 0, alarm))).await.unwrap();
    }
    let refused = scene.run(scene.kv().put(put())).await.unwrap_err();
    assert_eq!(told(&refused), (15, "etcdserver: corrupt cluster"));
    let status = scene.run(client.status(StatusRequest {})).await.unwrap().into_inner();
    assert_eq!(status.errors, ["memberID:5 alarm:NOSPACE ", "alarm:CORRUPT ", "alarm:7 "]);
}

#[tokio::test]
async fn a_checksum_has_etcds_number_and_says_of_which_revisions_it_is() {
    let scene = Scene::new();
    let mut client = MaintenanceClient::new(scene.routes());
    let reply = |revision, hash, compact_revision, hash_revision| HashKvResponse {
        header: header(revision),
        hash,
        compact_revision,
        hash_revision,
    };
    let asked = |revision| HashKvRequest { revision };
    let made = client.hash_kv(asked(0)).await.unwrap().into_inner();
    assert_eq!(made, reply(1, 1_084_519_789, -1, 1), "as etcd 3.5.1 makes it of an empty store");
    for _ in 0..2 {
        scene.run(scene.kv().put(put())).await.unwrap();
    }
    let made = client.hash_kv(asked(2)).await.unwrap().into_inner();
    assert_eq!(made, reply(3, 2_587_454_935, -1, 2), "as etcd 3.5.1 makes it of `a` with `1` at 2");
    let compaction = CompactionRequest { revision: 3, physical: false };
    scene.run(scene.kv().compact(compaction)).await.unwrap();
    let made = client.hash_kv(asked(0)).await.unwrap().into_inner();
    assert_eq!(made, reply(3, made.hash, 3, 3));
    for (revision, text) in [
        (2, "etcdserver: mvcc: required revision has been compacted"),
        (4, "etcdserver: mvcc: required revision is a future revision"),
    ] {
        assert_eq!(told(&client.hash_kv(asked(revision)).await.unwrap_err()), (11, text));
    }
    let whole = client.hash(HashRequest {}).await.unwrap().into_inner();
    assert_eq!(whole, HashResponse { header: header(3), hash: whole.hash });
    scene.run(scene.kv().put(put())).await.unwrap();
    assert_ne!(client.hash(HashRequest {}).await.unwrap().into_inner().hash, whole.hash);
}

#[tokio::test]
async fn there_is_nothing_to_defragment() {
    let mut client = MaintenanceClient::new(Scene::new().routes());
    let reply = client.defragment(DefragmentRequest {}).await.unwrap().into_inner();
    assert_eq!(reply, DefragmentResponse { header: None });
}

#[tokio::test]
async fn a_downgrade_can_be_validated_and_cancelled_and_not_enabled() {
    let scene = Scene::new();
    scene.settle_version().await;
    let mut client = MaintenanceClient::new(scene.routes());
    let (validate, enable, cancel) = (0, 1, 2);
    let no_target = (3, "etcdserver: invalid downgrade target version");
    let no_version = (3, "etcdserver: wrong downgrade target version format");
    let impossible = (12, "quorate: no downgrade is possible: no older release can read this data");
    for (action, version, refusal) in [
        (validate, "3.6", None),
        (validate, "3.6.4", None),
        (validate, "3.5", Some(no_target)),
        (validate, "three", Some(no_version)),
        (enable, "3.6", Some(impossible)),
        (enable, "3.7", Some(no_target)),
        (enable, "", Some(no_version)),
        (cancel, "", None),
        (7, "3.6", Some((2, "etcdserver: unknown method"))),
    ] {
        let request = DowngradeRequest { action, version: version.into() };
        match scene.run(client.downgrade(request)).await {
            Ok(reply) => {
                let expected = DowngradeResponse { header: header(1), version: "3.7".into() };
                assert_eq!((reply.into_inner(), refusal), (expected, None), "{action} {version}");
            }
            Err(status) => assert_eq!(Some(told(&status)), refusal, "{action} {version}"),
        }
    }
}

#[tokio::test]
async fn leadership_is_handed_over_by_the_leader_to_a_voter() {
    let scene = Scene::new();
    let node = |id, is_learner| log::Node { id, is_learner, ..log::Node::default() };
    scene.consensus.reform(vec![node(MEMBER.0, false), node(8, true), node(9, false)]);
    let mut client = MaintenanceClient::new(scene.routes());
    let mut move_to = async |target_id| {
        let moved = client.move_leader(MoveLeaderRequest { target_id }).await;
        moved.map(Response::into_inner)
    };
    let nobody = (9, "etcdserver: bad leader transferee");
    assert_eq!(told(&move_to(8).await.unwrap_err()), nobody);
    assert_eq!(told(&move_to(5).await.unwrap_err()), nobody);
    assert_eq!(move_to(MEMBER.0).await.unwrap(), MoveLeaderResponse { header: None });
    assert_eq!(move_to(9).await.unwrap(), MoveLeaderResponse { header: None });
    assert_eq!(scene.door.status().standing.leader, Some(MemberId(9)));
    assert_eq!(told(&move_to(9).await.unwrap_err()), (9, "etcdserver: not leader"));
}

/// Also if it is the client's deadline that comes first.
#[tokio::test]
async fn a_hand_over_that_takes_too_long_is_told_so() {
    let scene = Scene::new();
    let node = |id| log::Node { id, ..log::Node::default() };
    scene.consensus.reform(vec![node(MEMBER.0), node(9)]);
    let mut client = MaintenanceClient::new(scene.routes());
    for timeout in [None, Some("2S")] {
        let mut request = Request::new(MoveLeaderRequest { target_id: 9 });
        if let Some(timeout) = timeout {
            request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        }
        let span = Duration::from_secs(if timeout.is_some() { 2 } else { 7 });
        let refused = scene.run_unanswered(span, client.move_leader(request)).await.unwrap_err();
        let text = "etcdserver: request timed out, leader transfer took too long";
        assert_eq!(told(&refused), (2, text));
    }
}

#[tokio::test]
async fn what_is_not_there_yet_says_so() {
    let mut client = MaintenanceClient::new(Scene::new().routes());
    let refused = client.snapshot(SnapshotRequest {}).await.unwrap_err();
    assert_eq!(told(&refused), (12, "quorate: Maintenance.Snapshot is not implemented yet"));
}
