mod crowds;

use crate::scene::{CLUSTER, Scene, header, told};
use quorate_coordinator::testing::{MEMBER, TERM};
use quorate_proto::etcdserverpb::watch_client::WatchClient;
use quorate_proto::etcdserverpb::watch_request::RequestUnion;
use quorate_proto::etcdserverpb::{
    DeleteRangeRequest, PutRequest, ResponseHeader, WatchCancelRequest, WatchCreateRequest,
    WatchProgressRequest, WatchRequest, WatchResponse,
};
use quorate_proto::mvccpb::{Event, KeyValue};
use quorate_tasks::inbox::{Receiver, Sender, inbox};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::{Status, Streaming};

/// What a test says to the server; dropping the sender is the half-close.
struct Said {
    inbox: Receiver<WatchRequest>,
    batch: Vec<WatchRequest>,
}

impl futures::Stream for Said {
    type Item = WatchRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WatchRequest>> {
        if self.batch.is_empty() {
            let mut batch = Vec::new();
            match self.inbox.poll_next(context, &mut batch) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(None),
                Poll::Ready(true) => {
                    batch.reverse();
                    self.batch = batch;
                }
            }
        }
        Poll::Ready(self.batch.pop())
    }
}

async fn watch(scene: &Scene) -> (Sender<WatchRequest>, Streaming<WatchResponse>) {
    watch_with_room(scene, 100).await
}

/// With room for so many requests that wait to be read.
async fn watch_with_room(scene: &Scene, room: usize) -> (Sender<WatchRequest>, Streaming<WatchResponse>) {
    let (sender, inbox) = inbox(room);
    let said = Said { inbox, batch: Vec::new() };
    let replies = scene.run(WatchClient::new(scene.routes()).watch(said)).await.unwrap();
    (sender, replies.into_inner())
}

fn say(sender: &Sender<WatchRequest>, request: RequestUnion) {
    sender.push(WatchRequest { request_union: Some(request) }).unwrap();
}

fn create(sender: &Sender<WatchRequest>, request: WatchCreateRequest) {
    say(sender, RequestUnion::CreateRequest(request));
}

async fn next(scene: &Scene, replies: &mut Streaming<WatchResponse>) -> WatchResponse {
    scene.run(replies.message()).await.unwrap().expect("the stream goes on")
}

async fn put(scene: &Scene, key: &'static str, value: &'static str) {
    let request = PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() };
    scene.run(scene.kv().put(request)).await.unwrap();
}

fn response(revision: i64, watch_id: i64) -> WatchResponse {
    WatchResponse { header: header(revision), watch_id, ..WatchResponse::default() }
}

fn pair(created: i64, modified: i64, version: i64, value: &'static str) -> KeyValue {
    KeyValue {
        key: "a".into(),
        create_revision: created,
        mod_revision: modified,
        version,
        value: value.into(),
        lease: 0,
    }
}

#[tokio::test]
async fn a_watch_is_told_of_puts_and_deletes_as_etcd_tells_them() {
    let scene = Scene::new();
    let (sender, mut replies) = watch(&scene).await;
    create(&sender, WatchCreateRequest { key: "a".into(), prev_kv: true, ..Default::default() });
    assert_eq!(next(&scene, &mut replies).await, WatchResponse { created: true, ..response(1, 0) });
    put(&scene, "a", "1").await;
    put(&scene, "b", "x").await;
    put(&scene, "a", "2").await;
    let delete = DeleteRangeRequest { key: "a".into(), ..Default::default() };
    scene.run(scene.kv().delete_range(delete)).await.unwrap();
    let first = Event { r#type: 0, kv: Some(pair(2, 2, 1, "1")), prev_kv: None };
    let second = Event { r#type: 0, kv: Some(pair(2, 4, 2, "2")), prev_kv: Some(pair(2, 2, 1, "1")) };
    let gone = KeyValue { key: "a".into(), mod_revision: 5, ..KeyValue::default() };
    let third = Event { r#type: 1, kv: Some(gone), prev_kv: Some(pair(2, 4, 2, "2")) };
    for (revision, event) in [(2, first), (4, second), (5, third)] {
        let expected = WatchResponse { events: vec![event], ..response(revision, 0) };
        assert_eq!(next(&scene, &mut replies).await, expected);
    }
}

#[tokio::test]
async fn refusals_are_told_in_etcds_words_and_the_stream_goes_on() {
    let scene = Scene::new();
    let (sender, mut replies) = watch(&scene).await;
    let bad = WatchCreateRequest { key: "b".into(), range_end: "a".into(), ..Default::default() };
    create(&sender, bad);
    create(&sender, WatchCreateRequest { key: "a".into(), start_revision: -1, ..Default::default() });
    create(&sender, WatchCreateRequest { key: "a".into(), watch_id: 9, ..Default::default() });
    create(&sender, WatchCreateRequest { key: "a".into(), watch_id: 9, ..Default::default() });
    let refused = |reason: &str| WatchResponse {
        created: true,
        canceled: true,
        cancel_reason: reason.into(),
        ..response(1, -1)
    };
    let expected = [
        refused("mvcc: watcher range is empty"),
        refused("etcdserver: mvcc: required revision has been compacted"),
        WatchResponse { created: true, ..response(1, 9) },
        refused("mvcc: duplicate watch ID provided on the WatchStream"),
    ];
    for expected in expected {
        assert_eq!(next(&scene, &mut replies).await, expected);
    }
}

#[tokio::test]
async fn a_half_close_ends_nothing() {
    let scene = Scene::new();
    let (sender, mut replies) = watch(&scene).await;
    // An empty key with a range of everything: the least key there is.
    create(&sender, WatchCreateRequest { range_end: "\0".into(), ..Default::default() });
    sender.push(WatchRequest { request_union: None }).unwrap(); // a kind that is not known
    drop(sender);
    assert!(next(&scene, &mut replies).await.created);
    put(&scene, "a", "1").await;
    assert_eq!(next(&scene, &mut replies).await.events.len(), 1);
}

#[tokio::test]
async fn a_watch_ends_when_asked_to_and_progress_speaks_for_the_stream() {
    let scene = Scene::new();
    let (sender, mut replies) = watch(&scene).await;
    create(&sender, WatchCreateRequest { key: "a".into(), ..Default::default() });
    create(&sender, WatchCreateRequest { key: "a".into(), ..Default::default() });
    put(&scene, "z", "1").await;
    say(&sender, RequestUnion::CancelRequest(WatchCancelRequest { watch_id: 1 }));
    say(&sender, RequestUnion::CancelRequest(WatchCancelRequest { watch_id: 5 }));
    say(&sender, RequestUnion::ProgressRequest(WatchProgressRequest {}));
    for id in [0, 1] {
        let created = next(&scene, &mut replies).await;
        assert!(created.created && created.watch_id == id);
    }
    assert_eq!(next(&scene, &mut replies).await, WatchResponse { canceled: true, ..response(2, 1) });
    assert_eq!(next(&scene, &mut replies).await, response(2, -1));
}

#[tokio::test]
async fn the_past_is_told_from_the_state() {
    let scene = Scene::new();
    for value in ["1", "2", "3"] {
        put(&scene, "a", value).await;
    }
    let (sender, mut replies) = watch(&scene).await;
    create(&sender, WatchCreateRequest { key: "a".into(), start_revision: 3, ..Default::default() });
    assert!(next(&scene, &mut replies).await.created);
    let told = next(&scene, &mut replies).await;
    let header = ResponseHeader { cluster_id: CLUSTER.0, member_id: MEMBER.0, revision: 4, raft_term: TERM };
    assert_eq!(told.header, Some(header));
    let revisions: Vec<i64> =
        told.events.iter().filter_map(|event| event.kv.as_ref()).map(|kv| kv.mod_revision).collect();
    assert_eq!(revisions, [3, 4]);
}

#[tokio::test]
async fn a_stream_that_wants_a_leader_is_refused_without_one() {
    let scene = Scene::leaderless();
    let (_sender, inbox) = inbox(1);
    let mut request = tonic::Request::new(Said { inbox, batch: Vec::new() });
    request.metadata_mut().insert("hasleader", "true".parse().unwrap());
    let refused = scene.run(WatchClient::new(scene.routes()).watch(request)).await.unwrap_err();
    assert_eq!(told(&refused), (14, "etcdserver: no leader"));
}

#[tokio::test]
async fn a_stream_that_the_client_drops_is_forgotten() {
    let scene = Scene::new();
    let (sender, mut replies) = watch(&scene).await;
    create(&sender, WatchCreateRequest { key: "a".into(), ..Default::default() });
    assert!(next(&scene, &mut replies).await.created);
    assert!(scene.consensus.is_watched());
    drop((sender, replies));
    while scene.consensus.is_watched() {
        tokio::task::yield_now().await;
    }
}

/// A stream with one watch that wants a leader.
async fn watch_with_a_leader(scene: &Scene) -> (Sender<WatchRequest>, Streaming<WatchResponse>) {
    let (sender, inbox) = inbox(100);
    let mut request = tonic::Request::new(Said { inbox, batch: Vec::new() });
    request.metadata_mut().insert("hasleader", "true".parse().unwrap());
    let replies = scene.run(WatchClient::new(scene.routes()).watch(request)).await.unwrap();
    let mut replies = replies.into_inner();
    create(&sender, WatchCreateRequest { key: "a".into(), ..Default::default() });
    assert!(next(scene, &mut replies).await.created);
    (sender, replies)
}

/// Lets `span` pass; what `replies` say at once then.
async fn after(scene: &Scene, span: Duration, replies: &mut Streaming<WatchResponse>) -> Option<Status> {
    scene.clock.advance(span);
    let message = scene.run(async { futures::poll!(std::pin::pin!(replies.message())) }).await;
    match message {
        Poll::Pending => None,
        Poll::Ready(end) => Some(end.unwrap_err()),
    }
}

#[tokio::test]
async fn a_stream_that_wants_a_leader_ends_after_three_elections_without_one() {
    let scene = Scene::new();
    let election = scene.door.limits().election_timeout;
    let (_sender, mut replies) = watch_with_a_leader(&scene).await;
    let (_other, mut indifferent) = watch(&scene).await;
    assert!(after(&scene, 10 * election, &mut replies).await.is_none());
    scene.lose_leader();
    assert!(after(&scene, 2 * election, &mut replies).await.is_none());
    scene.find_leader();
    assert!(after(&scene, election, &mut replies).await.is_none());
    scene.lose_leader(); // and from here it counts anew
    let almost = 3 * election - Duration::from_millis(1);
    assert!(after(&scene, almost, &mut replies).await.is_none());
    let end = after(&scene, Duration::from_millis(1), &mut replies).await.unwrap();
    assert_eq!(told(&end), (14, "etcdserver: no leader"));
    assert!(after(&scene, 10 * election, &mut indifferent).await.is_none(), "it did not ask for a leader");
}

#[tokio::test]
async fn a_stop_ends_streams_with_a_status() {
    let scene = Scene::new();
    let (_sender, mut replies) = watch_with_a_leader(&scene).await;
    scene.stop();
    let end = scene.run(replies.message()).await.unwrap_err();
    assert_eq!(told(&end), (14, "etcdserver: server stopped"));
    assert_eq!(scene.run(replies.message()).await.unwrap(), None);
    drop(replies);
    while scene.consensus.is_watched() {
        tokio::task::yield_now().await;
    }
}
