use super::PIECE_BYTES;
use crate::kv;
use crate::scene::Scene;
use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use prost::Message;
use quorate_coordinator::{Call, Identity, Limits};
use quorate_proto::etcdserverpb::{
    DeleteRangeRequest, DeleteRangeResponse, PutRequest, RangeRequest, RangeResponse,
};
use quorate_tasks::Moment;
use std::convert::Infallible;
use std::time::Duration;
use tonic::Status;
use tower::ServiceExt;

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

fn put(value: &str) -> Vec<u8> {
    let request = PutRequest { key: "a".into(), value: value.to_owned().into(), ..Default::default() };
    framed(&request.encode_to_vec())
}

/// What a call came to whose request arrives in `pieces`: its headers' or trailers' status, and its messages.
async fn outcome(scene: &Scene, call: &str, pieces: &[&[u8]], encoding: Option<&str>) -> (Status, Bytes) {
    let pieces: Vec<_> =
        pieces.iter().map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let mut request = Request::post(format!("http://scene/etcdserverpb.KV/{call}"));
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let request = request.body(StreamBody::new(stream::iter(pieces))).unwrap();
    let reply: Response<_> = scene.run(scene.services().oneshot(request)).await.unwrap();
    assert_eq!(reply.headers()["content-type"], "application/grpc");
    if let Some(status) = Status::from_header_map(reply.headers()) {
        return (status, Bytes::new());
    }
    let collected = reply.into_body().collect().await.unwrap();
    let status = collected.trailers().and_then(Status::from_header_map).unwrap();
    (status, collected.to_bytes())
}

fn told((status, _): &(Status, Bytes)) -> (i32, &str) {
    (status.code().into(), status.message())
}

#[tokio::test]
async fn a_message_may_come_in_any_pieces() {
    let scene = Scene::new();
    let whole = put("value");
    for cut in 1..=whole.len() {
        let pieces: Vec<&[u8]> = whole.chunks(cut).collect();
        let outcome = outcome(&scene, "Put", &pieces, None).await;
        assert_eq!(told(&outcome), (0, ""), "in pieces of {cut}");
        assert_eq!(outcome.1.len(), 5 + usize::from(outcome.1[4]));
    }
    let empty = outcome(&scene, "Put", &[&[], &whole, &[]], Some("identity")).await;
    assert_eq!(told(&empty), (0, ""));
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let scene = Scene::new();
    let (whole, nonsense) = (put("v"), framed(&[255, 255, 255]));
    let mut compressed = whole.clone();
    compressed[0] = 1;
    let twice = [&whole[..], &whole].concat();
    for (pieces, text) in [
        (&[][..], "Missing request message."),
        (&[&whole[..4]], "unexpected EOF"),
        (&[&whole[..7]], "unexpected EOF"),
        (&[&twice], "grpc: a second message in a call that takes one"),
        (&[&whole, &whole], "grpc: a second message in a call that takes one"),
        (&[&compressed], "grpc: compressed flag set with identity or empty encoding"),
    ] {
        assert_eq!(told(&outcome(&scene, "Put", pieces, None).await), (13, text), "{pieces:?}");
    }
    let garbled = outcome(&scene, "Put", &[&nonsense], None).await;
    let (code, text) = told(&garbled);
    assert!(code == 13 && text.starts_with("grpc: error unmarshalling request: "), "{text}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_has_come() {
    let scene = Scene::with(Limits { command_bytes_max: 100, ..Limits::default() });
    let bytes_max = 100 + (512 << 10);
    let prefix = |length: u32| [&[0][..], &length.to_be_bytes()].concat();
    let refused = outcome(&scene, "Range", &[&prefix(bytes_max + 1)], None).await;
    let text = format!("grpc: received message larger than max ({} vs. {bytes_max})", bytes_max + 1);
    assert_eq!(told(&refused), (8, text.as_str()));
    assert_eq!(told(&outcome(&scene, "Range", &[&prefix(bytes_max)], None).await), (13, "unexpected EOF"));
}

#[tokio::test]
async fn a_compressed_call_is_tonics_affair() {
    let refused = outcome(&Scene::new(), "Put", &[&put("v")], Some("gzip")).await;
    assert_eq!(told(&refused).0, 12, "{refused:?}");
}

#[tokio::test]
async fn a_long_reply_is_whole() {
    let scene = Scene::new();
    for number in 0..200 {
        let key = format!("k{number:04}");
        let value = Bytes::from(vec![7; 1000]);
        let request = PutRequest { key: key.into(), value, ..Default::default() };
        let sent = outcome(&scene, "Put", &[&framed(&request.encode_to_vec())], None).await;
        assert_eq!(told(&sent), (0, ""));
    }
    let all = RangeRequest { key: "k".into(), range_end: "l".into(), ..Default::default() };
    let found = outcome(&scene, "Range", &[&framed(&all.encode_to_vec())], None).await;
    assert!(found.1.len() > super::REPLY_HERE_MAX);
    let reply = RangeResponse::decode(found.1.slice(5..)).unwrap();
    assert_eq!((reply.kvs.len(), reply.count), (200, 200));
    assert!(reply.kvs.iter().all(|kv| kv.value.len() == 1000));
}

async fn put_values(scene: &Scene, count: usize, bytes: usize) {
    for number in 0..count {
        let key = format!("k{number:04}");
        let request =
            PutRequest { key: key.into(), value: Bytes::from(vec![7; bytes]), ..Default::default() };
        let sent = outcome(scene, "Put", &[&framed(&request.encode_to_vec())], None).await;
        assert_eq!(told(&sent), (0, ""));
    }
}

#[tokio::test]
async fn a_reply_in_pieces_is_the_reply_byte_for_byte() {
    let scene = Scene::new();
    put_values(&scene, 70, 100_000).await;
    let all = RangeRequest { key: "k".into(), range_end: "l".into(), ..Default::default() };
    for request in [
        all.clone(),
        RangeRequest { limit: 60, ..all.clone() },
        RangeRequest { revision: 40, ..all.clone() },
        RangeRequest { sort_order: 2, ..all },
    ] {
        let asked = framed(&request.encode_to_vec());
        let call = Call { identity: Identity::Anonymous, deadline: Moment(Duration::from_secs(7)) };
        let whole = scene.run(kv::range(&scene.door, &call, request)).await.unwrap().encode_to_vec();
        assert_eq!(outcome(&scene, "Range", &[&asked], None).await.1, framed(&whole));
        let request = Request::post("http://scene/etcdserverpb.KV/Range");
        let request = request.body(Full::new(Bytes::from(asked))).unwrap();
        let mut body = scene.run(scene.services().oneshot(request)).await.unwrap().into_body();
        let mut lengths = Vec::new();
        while let Some(frame) = scene.run(body.frame()).await {
            lengths.extend(frame.unwrap().into_data().map(|data| data.len()));
        }
        assert!(lengths.len() > 10, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length < PIECE_BYTES + 101_000), "{lengths:?}");
    }
}

#[tokio::test]
async fn what_a_deletion_returns_leaves_in_parts() {
    let scene = Scene::new();
    put_values(&scene, 10, 100_000).await;
    let delete = DeleteRangeRequest { key: "k".into(), range_end: "l".into(), prev_kv: true };
    let deleted = outcome(&scene, "DeleteRange", &[&framed(&delete.encode_to_vec())], None).await;
    assert_eq!(told(&deleted), (0, ""));
    let reply = DeleteRangeResponse::decode(deleted.1.slice(5..)).unwrap();
    assert_eq!((reply.deleted, reply.prev_kvs.len()), (10, 10));
}
