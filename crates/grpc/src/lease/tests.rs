use super::*;
use crate::scene::{Scene, header, told};
use quorate_proto::etcdserverpb::lease_client::LeaseClient;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest};
use tonic::service::Routes;

fn leases(scene: &Scene) -> LeaseClient<Routes> {
    LeaseClient::new(scene.routes())
}

async fn grant(scene: &Scene, id: i64, ttl: i64) -> Result<LeaseGrantResponse, Status> {
    scene.run(leases(scene).lease_grant(LeaseGrantRequest { ttl, id })).await.map(Response::into_inner)
}

async fn put(scene: &Scene, key: &'static str, lease: i64) -> Result<(), Status> {
    let request = PutRequest { key: key.into(), value: "1".into(), lease, ..PutRequest::default() };
    scene.run(scene.kv().put(request)).await.map(drop)
}

async fn time_to_live(scene: &Scene, id: i64) -> LeaseTimeToLiveResponse {
    let request = LeaseTimeToLiveRequest { id, keys: true };
    scene.run(leases(scene).lease_time_to_live(request)).await.unwrap().into_inner()
}

async fn keep_alive(scene: &Scene, ids: &[i64]) -> Vec<LeaseKeepAliveResponse> {
    let requests: Vec<_> = ids.iter().map(|&id| LeaseKeepAliveRequest { id }).collect();
    let replies = async {
        let replies = leases(scene).lease_keep_alive(futures::stream::iter(requests)).await.unwrap();
        let mut replies = replies.into_inner();
        let mut all = Vec::new();
        while let Some(reply) = replies.message().await.unwrap() {
            all.push(reply);
        }
        all
    };
    scene.run(replies).await
}

#[tokio::test]
async fn a_grant_tells_id_and_time_and_takes_no_revision() {
    let scene = Scene::new();
    let granted = grant(&scene, 7, 60).await.unwrap();
    let expected = LeaseGrantResponse { header: header(1), id: 7, ttl: 60, error: String::new() };
    assert_eq!(granted, expected);
    let chosen = grant(&scene, 0, 1).await.unwrap();
    assert!(chosen.id > 0 && chosen.id != 7);
    assert_eq!(chosen.ttl, 2, "less than the least is raised to it");
}

#[tokio::test]
async fn what_is_wrong_with_a_lease_is_told_in_etcds_words() {
    let scene = Scene::new();
    grant(&scene, 7, 60).await.unwrap();
    let refused = grant(&scene, 7, 60).await.unwrap_err();
    assert_eq!(told(&refused), (9, "etcdserver: lease already exists"));
    let refused = grant(&scene, 8, 9_000_000_001).await.unwrap_err();
    assert_eq!(told(&refused), (11, "etcdserver: too large lease TTL"));
    let refused = scene.run(leases(&scene).lease_revoke(LeaseRevokeRequest { id: 9 })).await.unwrap_err();
    assert_eq!(told(&refused), (5, "etcdserver: requested lease not found"));
    let refused = put(&scene, "a", 9).await.unwrap_err();
    assert_eq!(told(&refused), (5, "etcdserver: requested lease not found"));
}

#[tokio::test]
async fn a_revoked_lease_takes_its_keys_with_it() {
    let scene = Scene::new();
    grant(&scene, 7, 60).await.unwrap();
    put(&scene, "b", 7).await.unwrap();
    put(&scene, "a", 7).await.unwrap();
    let expected = LeaseTimeToLiveResponse {
        header: header(3),
        id: 7,
        ttl: 60,
        granted_ttl: 60,
        keys: vec!["a".into(), "b".into()],
    };
    assert_eq!(time_to_live(&scene, 7).await, expected);
    let revoked = scene.run(leases(&scene).lease_revoke(LeaseRevokeRequest { id: 7 })).await.unwrap();
    assert_eq!(revoked.into_inner(), LeaseRevokeResponse { header: header(4) });
    let all = RangeRequest { key: "a".into(), range_end: "\0".into(), ..RangeRequest::default() };
    let found = scene.run(scene.kv().range(all)).await.unwrap().into_inner();
    assert_eq!((found.count, found.header), (0, header(4)));
    let gone = LeaseTimeToLiveResponse { header: header(4), id: 7, ttl: -1, ..Default::default() };
    assert_eq!(time_to_live(&scene, 7).await, gone, "that is no error");
}

#[tokio::test]
async fn keep_alives_are_answered_one_each_and_an_unknown_lease_with_no_time() {
    let scene = Scene::new();
    grant(&scene, 7, 60).await.unwrap();
    scene.pass(10).await;
    assert_eq!(time_to_live(&scene, 7).await.ttl, 50);
    let reply = |id, ttl| LeaseKeepAliveResponse { header: header(1), id, ttl };
    assert_eq!(keep_alive(&scene, &[7, 9, 7]).await, [reply(7, 60), reply(9, 0), reply(7, 60)]);
    assert_eq!(time_to_live(&scene, 7).await.ttl, 60);
}

#[tokio::test]
async fn a_lease_that_nobody_keeps_alive_ends_and_the_list_is_by_what_is_left() {
    let scene = Scene::new();
    for (id, ttl) in [(1, 30), (2, 5), (3, 20)] {
        grant(&scene, id, ttl).await.unwrap();
    }
    let list = async || {
        let listed = scene.run(leases(&scene).lease_leases(LeaseLeasesRequest {})).await.unwrap();
        let listed = listed.into_inner();
        assert_eq!(listed.header, header(1));
        listed.leases.iter().map(|lease| lease.id).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [2, 3, 1]);
    scene.pass(6).await;
    assert_eq!(list().await, [3, 1]);
}
