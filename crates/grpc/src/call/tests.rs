use super::*;
use crate::scene::{Scene, told};
use quorate_coordinator::testing::MEMBER;
use quorate_proto::etcdserverpb::cluster_client::ClusterClient;
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::lease_client::LeaseClient;
use quorate_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use quorate_proto::etcdserverpb::watch_client::WatchClient;
use quorate_proto::etcdserverpb::{
    AlarmRequest, DefragmentRequest, DeleteRangeRequest, HashKvRequest, LeaseGrantRequest,
    LeaseKeepAliveRequest, LeaseRevokeRequest, MemberListRequest, MoveLeaderRequest, PutRequest,
    StatusRequest, TxnRequest, WatchRequest,
};
use quorate_proto::log;
use quorate_proto::v3electionpb::LeaderRequest;
use quorate_proto::v3electionpb::election_client::ElectionClient;
use quorate_proto::v3lockpb::UnlockRequest;
use quorate_proto::v3lockpb::lock_client::LockClient;
use tonic::service::Routes;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// This member, with or without a vote, beside another one that leads.
fn become_member(scene: &Scene, is_learner: bool, is_pending_voter: bool) {
    let this = log::Node { id: MEMBER.0, is_learner, is_pending_voter, ..log::Node::default() };
    scene.consensus.reform(vec![this, log::Node { id: 9, ..log::Node::default() }]);
}

fn range(serializable: bool) -> RangeRequest {
    RangeRequest { key: "a".into(), serializable, ..RangeRequest::default() }
}

/// A call's code and text.
fn outcome<T>(answer: Result<T, Status>) -> (i32, String) {
    let status = answer.err().unwrap_or_else(|| Status::ok(""));
    let (code, text) = told(&status);
    (code, text.to_owned())
}

/// What becomes of a call of each service but those that a learner serves; some of the hot ones by both ways.
async fn others(scene: &Scene) -> Vec<(&'static str, (i32, String))> {
    let (routes, mut kv) = (scene.routes(), scene.kv());
    let mut slow_kv = KvClient::new(routes.clone());
    let mut cluster = ClusterClient::new(routes.clone());
    let mut lease = LeaseClient::new(routes.clone());
    let mut maintenance = MaintenanceClient::new(routes.clone());
    let put = PutRequest { key: "a".into(), ..PutRequest::default() };
    let delete = DeleteRangeRequest { key: "a".into(), ..DeleteRangeRequest::default() };
    let no_requests = || futures::stream::empty::<LeaseKeepAliveRequest>();
    let silence = || futures::stream::pending::<WatchRequest>();
    let unlock = UnlockRequest { key: "n".into() };
    let health = HealthCheckRequest::default();
    let calls = async {
        vec![
            ("Range", outcome(kv.range(range(false)).await)),
            ("Range by tonic", outcome(slow_kv.range(range(false)).await)),
            ("RangeStream", outcome(kv.range_stream(range(true)).await)),
            ("Put", outcome(kv.put(put.clone()).await)),
            ("Put by tonic", outcome(slow_kv.put(put).await)),
            ("DeleteRange", outcome(kv.delete_range(delete).await)),
            ("Txn", outcome(kv.txn(TxnRequest::default()).await)),
            ("MemberList", outcome(cluster.member_list(MemberListRequest::default()).await)),
            ("LeaseGrant", outcome(lease.lease_grant(LeaseGrantRequest { ttl: 9, id: 5 }).await)),
            ("LeaseKeepAlive", outcome(lease.lease_keep_alive(no_requests()).await)),
            ("Watch", outcome(WatchClient::new(routes.clone()).watch(silence()).await)),
            ("Alarm", outcome(maintenance.alarm(AlarmRequest::default()).await)),
            ("HashKV", outcome(maintenance.hash_kv(HashKvRequest::default()).await)),
            ("Defragment", outcome(maintenance.defragment(DefragmentRequest {}).await)),
            ("Unlock", outcome(LockClient::new(routes.clone()).unlock(unlock).await)),
            ("Observe", outcome(ElectionClient::new(routes.clone()).observe(LeaderRequest::default()).await)),
            ("Check", outcome(HealthClient::new(routes).check(health).await)),
        ]
    };
    scene.run(calls).await
}

#[tokio::test]
async fn a_learner_serves_what_it_has_and_its_status_and_nothing_else() {
    let scene = Scene::new();
    become_member(&scene, true, false);
    for (name, outcome) in others(&scene).await {
        assert_eq!(outcome, (9, "etcdserver: rpc not supported for learner".to_owned()), "{name}");
    }
    let mut maintenance = MaintenanceClient::new(scene.routes());
    let is_learner = async |client: &mut MaintenanceClient<Routes>| {
        client.status(StatusRequest {}).await.unwrap().into_inner().is_learner
    };
    assert!(is_learner(&mut maintenance).await);
    let moved = maintenance.move_leader(MoveLeaderRequest { target_id: 9 }).await.unwrap_err();
    assert_eq!(told(&moved), (9, "etcdserver: rpc not supported for learner"));
    assert!(scene.run(scene.kv().range(range(true))).await.is_ok());
    assert!(scene.run(KvClient::new(scene.routes()).range(range(true))).await.is_ok());
    for (is_learner_now, is_pending_voter) in [(true, true), (false, false)] {
        become_member(&scene, is_learner_now, is_pending_voter);
        for (name, outcome) in others(&scene).await {
            assert_eq!(outcome, (0, String::new()), "{name}");
        }
        assert!(!is_learner(&mut maintenance).await, "who waits for a vote is no learner");
        scene.run(LeaseClient::new(scene.routes()).lease_revoke(LeaseRevokeRequest { id: 5 })).await.unwrap();
    }
}

/// One that was removed answers until it stops.
#[tokio::test]
async fn a_removed_member_is_no_learner() {
    let scene = Scene::new();
    become_member(&scene, true, false);
    scene.consensus.reform(vec![log::Node { id: 9, ..log::Node::default() }]);
    assert!(scene.run(scene.kv().range(range(false))).await.is_ok());
}

#[test]
fn a_timeout_is_digits_and_a_unit() {
    for (text, span) in [
        ("5S", Some(Duration::from_secs(5))),
        ("1500m", Some(Duration::from_millis(1500))),
        ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
        ("7u", Some(Duration::from_micros(7))),
        ("7n", Some(Duration::from_nanos(7))),
        ("2M", Some(Duration::from_secs(120))),
        ("", None),
        ("S", None),
        ("5", None),
        ("-5S", None),
        ("+5S", None),
        ("123456789S", None),
        ("5é", None),
    ] {
        assert_eq!(parse_timeout(text), span, "{text}");
    }
}
