mod history;
mod limits;

use crate::scene::{Scene, header, told};
use quorate_coordinator::testing::Manner;
use quorate_coordinator::{Limits, Unavailable};
use quorate_proto::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse};
use quorate_proto::mvccpb::KeyValue;
use std::time::Duration;
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

fn put(key: &'static str, value: &'static str) -> PutRequest {
    PutRequest { key: key.into(), value: value.into(), ..Default::default() }
}

fn get(key: &'static str) -> RangeRequest {
    RangeRequest { key: key.into(), ..Default::default() }
}

fn all() -> RangeRequest {
    RangeRequest { range_end: "\0".into(), ..get("\0") }
}

fn delete(key: &'static str, range_end: &'static str) -> DeleteRangeRequest {
    DeleteRangeRequest { key: key.into(), range_end: range_end.into(), prev_kv: true }
}

/// `key=value` and `(create, mod, version)`.
fn shown(kv: &KeyValue) -> (String, (i64, i64, i64)) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let numbers = (kv.create_revision, kv.mod_revision, kv.version);
    (format!("{}={}", text(&kv.key), text(&kv.value)), numbers)
}

fn pairs(reply: &RangeResponse) -> Vec<String> {
    reply.kvs.iter().map(|kv| shown(kv).0).collect()
}

/// b=1, a=2, c=3, a=22, d=4 at revisions 2 to 6.
async fn filled() -> Scene {
    let scene = Scene::new();
    for (key, value) in [("b", "1"), ("a", "2"), ("c", "3"), ("a", "22"), ("d", "4")] {
        scene.run(scene.kv().put(put(key, value))).await.unwrap();
    }
    scene
}

#[tokio::test]
async fn an_empty_store_is_at_revision_one() {
    let scene = Scene::new();
    let reply = scene.run(scene.kv().range(get("a"))).await.unwrap().into_inner();
    assert_eq!(reply, RangeResponse { header: header(1), ..Default::default() });
}

#[tokio::test]
async fn a_put_tells_the_new_revision_and_what_was_there_if_asked() {
    let scene = Scene::new();
    let first = scene.run(scene.kv().put(put("a", "1"))).await.unwrap().into_inner();
    assert_eq!((first.header, first.prev_kv), (header(2), None));
    let silent = scene.run(scene.kv().put(put("a", "1"))).await.unwrap().into_inner();
    assert_eq!((silent.header, silent.prev_kv), (header(3), None));
    let asking = PutRequest { prev_kv: true, ..put("a", "2") };
    let told = scene.run(scene.kv().put(asking)).await.unwrap().into_inner();
    assert_eq!((told.header, shown(&told.prev_kv.unwrap())), (header(4), ("a=1".into(), (2, 3, 2))));
}

#[tokio::test]
async fn a_put_may_keep_the_value() {
    let scene = filled().await;
    let keep = PutRequest { ignore_value: true, ignore_lease: true, ..put("a", "") };
    scene.run(scene.kv().put(keep)).await.unwrap();
    let found = scene.run(scene.kv().range(get("a"))).await.unwrap().into_inner();
    assert_eq!(shown(&found.kvs[0]), ("a=22".into(), (3, 7, 3)));
}

#[tokio::test]
async fn a_range_tells_the_revision_it_was_read_at() {
    let scene = filled().await;
    let pinned = RangeRequest { revision: 6, ..get("b") };
    let reply = scene.run(scene.kv().range(pinned)).await.unwrap().into_inner();
    assert_eq!((reply.header, reply.count, reply.more), (header(6), 1, false));
    assert_eq!(shown(&reply.kvs[0]), ("b=1".into(), (2, 2, 1)));
}

#[tokio::test]
async fn a_delete_tells_what_it_removed_and_nothing_removed_is_no_revision() {
    let scene = filled().await;
    let reply = scene.run(scene.kv().delete_range(delete("a", "c"))).await.unwrap().into_inner();
    assert_eq!((reply.header, reply.deleted), (header(7), 2));
    let shown: Vec<_> = reply.prev_kvs.iter().map(shown).collect();
    assert_eq!(shown, [("a=22".into(), (3, 5, 2)), ("b=1".into(), (2, 2, 1))]);
    let reply = scene.run(scene.kv().delete_range(delete("a", "c"))).await.unwrap().into_inner();
    assert_eq!((reply.header, reply.deleted, reply.prev_kvs.len()), (header(7), 0, 0));
    let crossed = scene.run(scene.kv().delete_range(delete("z", "a"))).await.unwrap().into_inner();
    assert_eq!((crossed.header, crossed.deleted), (header(7), 0));
}

/// What each option of a range comes to: pairs, `more`, `count`.
#[tokio::test]
async fn a_range_does_what_its_options_say() {
    let scene = filled().await;
    let sorted = |sort_target, sort_order| RangeRequest { sort_target, sort_order, ..all() };
    let (key, version, created, modified, value) = (0, 1, 2, 3, 4);
    let (unnamed, up, down) = (0, 1, 2);
    let everything = ["a=22", "b=1", "c=3", "d=4"];
    let rows: &[(RangeRequest, &[&str], bool)] = &[
        (all(), &everything, false),
        (RangeRequest { limit: 2, ..all() }, &["a=22", "b=1"], true),
        (RangeRequest { limit: 4, ..all() }, &everything, false),
        (RangeRequest { limit: -1, ..all() }, &everything, false),
        (RangeRequest { limit: i64::MAX, ..all() }, &everything, false),
        (RangeRequest { revision: -1, ..all() }, &everything, false),
        (RangeRequest { serializable: true, ..all() }, &everything, false),
        (RangeRequest { keys_only: true, ..all() }, &["a=", "b=", "c=", "d="], false),
        (RangeRequest { count_only: true, limit: 1, ..all() }, &[], false),
        (sorted(key, up), &everything, false),
        (sorted(key, down), &["d=4", "c=3", "b=1", "a=22"], false),
        (sorted(created, down), &["d=4", "c=3", "a=22", "b=1"], false),
        (sorted(modified, up), &["b=1", "c=3", "a=22", "d=4"], false),
        (sorted(value, unnamed), &["b=1", "a=22", "c=3", "d=4"], false),
        (RangeRequest { limit: 1, ..sorted(version, down) }, &["a=22"], true),
        (RangeRequest { limit: 2, ..sorted(modified, unnamed) }, &["b=1", "c=3"], true),
        (RangeRequest { min_mod_revision: 5, ..all() }, &["a=22", "d=4"], false),
        (RangeRequest { max_mod_revision: 4, ..all() }, &["b=1", "c=3"], false),
        (RangeRequest { min_create_revision: 4, ..all() }, &["c=3", "d=4"], false),
        (RangeRequest { max_create_revision: 3, limit: 1, ..all() }, &["a=22"], true),
    ];
    for (request, expected, more) in rows {
        let reply = scene.run(scene.kv().range(request.clone())).await.unwrap().into_inner();
        assert_eq!(
            (pairs(&reply).as_slice(), reply.more),
            (as_strings(expected).as_slice(), *more),
            "{request:?}"
        );
        assert_eq!((reply.count, reply.header), (4, header(6)), "{request:?}");
    }
}

fn as_strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn refused_range(scene: &Scene, request: RangeRequest) -> Status {
    scene.run(scene.kv().range(request)).await.unwrap_err()
}

async fn refused_put(scene: &Scene, request: PutRequest) -> Status {
    scene.run(scene.kv().put(request)).await.unwrap_err()
}

#[tokio::test]
async fn what_is_wrong_with_a_range_is_told_in_etcds_words() {
    let scene = filled().await;
    let future = "etcdserver: mvcc: required revision is a future revision";
    let (no_key, no_sort) = ("etcdserver: key is not provided", "etcdserver: invalid sort option");
    for (request, code, text) in [
        (get(""), 3, no_key),
        (RangeRequest { sort_order: 9, ..get("") }, 3, no_key),
        (RangeRequest { sort_order: 3, ..get("a") }, 3, no_sort),
        (RangeRequest { sort_order: -1, ..get("a") }, 3, no_sort),
        (RangeRequest { sort_target: 5, ..get("a") }, 3, no_sort),
        (RangeRequest { revision: 7, ..get("a") }, 11, future),
        (RangeRequest { revision: i64::MAX, count_only: true, ..get("a") }, 11, future),
    ] {
        assert_eq!(told(&refused_range(&scene, request.clone()).await), (code, text), "{request:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_put_is_told_in_etcds_words() {
    let scene = filled().await;
    let (no_key, not_found) = ("etcdserver: key is not provided", "etcdserver: key not found");
    let no_lease = "etcdserver: requested lease not found";
    for (request, code, text) in [
        (put("", "1"), 3, no_key),
        (PutRequest { ignore_value: true, ..put("", "1") }, 3, no_key),
        (PutRequest { ignore_value: true, ..put("a", "1") }, 3, "etcdserver: value is provided"),
        (PutRequest { ignore_lease: true, lease: 5, ..put("a", "1") }, 3, "etcdserver: lease is provided"),
        (PutRequest { ignore_value: true, ..put("z", "") }, 3, not_found),
        (PutRequest { ignore_lease: true, ..put("z", "1") }, 3, not_found),
        (PutRequest { lease: 5, ..put("a", "1") }, 5, no_lease),
        (PutRequest { lease: -5, ..put("a", "1") }, 5, no_lease),
    ] {
        assert_eq!(told(&refused_put(&scene, request.clone()).await), (code, text), "{request:?}");
    }
    let nothing_changed = scene.run(scene.kv().range(get("a"))).await.unwrap().into_inner();
    assert_eq!(nothing_changed.header, header(6));
}

#[tokio::test]
async fn a_delete_without_a_key_is_refused() {
    let scene = Scene::new();
    let refused = scene.run(scene.kv().delete_range(delete("", "z"))).await.unwrap_err();
    assert_eq!(told(&refused), (3, "etcdserver: key is not provided"));
}

#[tokio::test]
async fn a_request_over_the_limit_is_too_large() {
    let scene = Scene::with(Limits { command_bytes_max: 100, ..Limits::default() });
    let long = PutRequest { value: vec![b'x'; 101].into(), ..put("a", "") };
    assert_eq!(told(&refused_put(&scene, long).await), (3, "etcdserver: request is too large"));
}

#[tokio::test]
async fn more_than_may_wait_is_too_many() {
    let scene = Scene::with(Limits { queued_bytes_max: 5, ..Limits::default() });
    assert_eq!(told(&refused_put(&scene, put("a", "1")).await), (2, "etcdserver: too many requests"));
}

fn with_timeout<T>(message: T, timeout: &'static str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("grpc-timeout", MetadataValue::from_static(timeout));
    request
}

/// Law C3, and in whose words.
#[tokio::test]
async fn a_call_ends_by_the_earlier_deadline_in_the_words_of_whose_it_is() {
    let (clients, servers) = ((4, "context deadline exceeded"), (14, "etcdserver: request timed out"));
    for (timeout, span, expected) in [
        ("3S", 3, clients),
        ("6999m", 7, clients),
        ("0n", 0, clients),
        ("8S", 7, servers),
        ("odd", 7, servers),
    ] {
        let span = Duration::from_secs(span);
        let scene = Scene::new();
        let write = with_timeout(put("a", "1"), timeout);
        let refused = scene.run_unanswered(span, scene.kv().put(write)).await.unwrap_err();
        assert_eq!(told(&refused), expected, "put, {timeout}");
        let scene = Scene::new();
        let read = with_timeout(get("a"), timeout);
        let refused = scene.run_unanswered(span, scene.kv().range(read)).await.unwrap_err();
        assert_eq!(told(&refused), expected, "range, {timeout}");
    }
}

#[tokio::test]
async fn without_a_leader_only_serializable_reads_are_answered() {
    let scene = filled().await;
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    let no_leader = (14, "etcdserver: no leader");
    assert_eq!(told(&refused_put(&scene, put("a", "1")).await), no_leader);
    assert_eq!(told(&refused_range(&scene, get("a")).await), no_leader);
    let local = RangeRequest { serializable: true, ..get("a") };
    assert!(scene.run(scene.kv().range(local)).await.is_ok());
}

fn with_leader<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
    request
}

#[tokio::test]
async fn who_wants_a_leader_is_answered_while_there_is_one() {
    let scene = filled().await;
    let local = RangeRequest { serializable: true, ..get("a") };
    assert!(scene.run(scene.kv().range(with_leader(local.clone()))).await.is_ok());
    let scene = Scene::leaderless();
    assert!(scene.run(scene.kv().range(local.clone())).await.is_ok());
    let no_leader = (14, "etcdserver: no leader");
    let refused = scene.run(scene.kv().range(with_leader(local))).await.unwrap_err();
    assert_eq!(told(&refused), no_leader);
    let refused = scene.run(scene.kv().put(with_leader(put("a", "1")))).await.unwrap_err();
    assert_eq!(told(&refused), no_leader);
    let refused = scene.run(scene.kv().delete_range(with_leader(delete("a", "")))).await.unwrap_err();
    assert_eq!(told(&refused), no_leader);
}

#[tokio::test]
async fn a_version_that_is_no_text_is_refused() {
    let scene = Scene::new();
    let version = http::HeaderValue::from_bytes(&[0xff]).unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert("client-api-version", version);
    let request = Request::from_parts(
        tonic::metadata::MetadataMap::from_headers(headers),
        tonic::Extensions::default(),
        get("a"),
    );
    let refused = scene.run(scene.kv().range(request)).await.unwrap_err();
    assert_eq!(told(&refused), (3, "etcdserver: invalid client api version"));
}
