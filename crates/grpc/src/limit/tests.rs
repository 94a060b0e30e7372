use crate::scene::{Scene, told};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use quorate_coordinator::Limits;
use quorate_proto::etcdserverpb::PutRequest;
use quorate_tasks::testing::Seed;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

/// Every call of every service that is served.
const CALLS: [&str; 25] = [
    "etcdserverpb.KV/Range",
    "etcdserverpb.KV/RangeStream",
    "etcdserverpb.KV/Put",
    "etcdserverpb.KV/DeleteRange",
    "etcdserverpb.KV/Txn",
    "etcdserverpb.KV/Compact",
    "etcdserverpb.Lease/LeaseGrant",
    "etcdserverpb.Lease/LeaseRevoke",
    "etcdserverpb.Lease/LeaseKeepAlive",
    "etcdserverpb.Lease/LeaseTimeToLive",
    "etcdserverpb.Lease/LeaseLeases",
    "etcdserverpb.Cluster/MemberAdd",
    "etcdserverpb.Cluster/MemberRemove",
    "etcdserverpb.Cluster/MemberUpdate",
    "etcdserverpb.Cluster/MemberList",
    "etcdserverpb.Cluster/MemberPromote",
    "etcdserverpb.Maintenance/Alarm",
    "etcdserverpb.Maintenance/Status",
    "etcdserverpb.Maintenance/Defragment",
    "etcdserverpb.Maintenance/Hash",
    "etcdserverpb.Maintenance/HashKV",
    "etcdserverpb.Maintenance/Snapshot",
    "etcdserverpb.Maintenance/MoveLeader",
    "etcdserverpb.Maintenance/Downgrade",
    "grpc.health.v1.Health/Check",
];

fn request(call: &str, body: Bytes) -> Request<Body> {
    let request = Request::post(format!("http://scene/{call}")).header("content-type", "application/grpc");
    request.body(Body::new(Full::new(body))).unwrap()
}

/// One message as gRPC frames it.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat().into()
}

/// A call's status, wherever in the reply it stands.
async fn outcome(scene: &Scene, request: Request<Body>) -> Option<Status> {
    let ask = scene.routes().oneshot(request);
    let reply: Response<Body> = scene.run(ask).await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    if let Some(status) = Status::from_header_map(reply.headers()) {
        return Some(status);
    }
    let collected = reply.into_body().collect().await.ok()?;
    collected.trailers().and_then(Status::from_header_map)
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_in_grpc_gos_words() {
    let scene = Scene::with(Limits { command_bytes_max: 1000, ..Limits::default() });
    let message_bytes_max = 1000 + (512 << 10);
    for call in CALLS.iter().filter(|call| call.starts_with("etcd")) {
        let long = framed(&vec![0; message_bytes_max + 1]);
        let status = outcome(&scene, request(call, long)).await.unwrap();
        let text = "grpc: received message larger than max (525289 vs. 525288)";
        assert_eq!(told(&status), (8, text), "{call}");
    }
    let put =
        PutRequest { key: "a".into(), value: vec![0; message_bytes_max - 9].into(), ..Default::default() };
    let fits = framed(&prost::Message::encode_to_vec(&put));
    let status = outcome(&scene, request("etcdserverpb.KV/Put", fits)).await.unwrap();
    assert_eq!(told(&status), (3, "etcdserver: request is too large"), "grpc itself let it through");
}

#[tokio::test]
async fn what_is_not_served_is_unimplemented() {
    let scene = Scene::new();
    for call in ["etcdserverpb.KV/Frobnicate", "etcdserverpb.Auth/AuthEnable", "x.Y/Z"] {
        let status = outcome(&scene, request(call, framed(&[]))).await.unwrap();
        assert_eq!(status.code(), Code::Unimplemented, "{call}");
    }
}

#[tokio::test]
async fn health_is_serving_for_the_empty_name_only() {
    let scene = Scene::new();
    let check = |name: &'static [u8]| request("grpc.health.v1.Health/Check", framed(name));
    assert_eq!(outcome(&scene, check(b"")).await.unwrap().code(), Code::Ok);
    assert_eq!(outcome(&scene, check(b"\x0a\x01x")).await.unwrap().code(), Code::NotFound);
}

/// Bytes from clients are answered, whatever they are.
#[tokio::test]
async fn random_bytes_are_answered_and_never_panic() {
    let (scene, mut seed) = (Scene::new(), Seed::new(11));
    for round in 0..4000 {
        let mut message: Vec<u8> = (0..seed.below(40)).map(|_| seed.next_u64() as u8).collect();
        // Half of them begin like a message: a small field number, a plausible type, a length that fits.
        if round % 2 == 0 && message.len() > 2 {
            message[0] = ((seed.below(15) as u8 + 1) << 3) | *[0, 2].get(seed.below(2)).unwrap();
            message[1] = seed.below(message.len() - 1) as u8;
        }
        let call = CALLS[seed.below(CALLS.len())];
        let body = if round % 7 == 0 { message.clone().into() } else { framed(&message) };
        let answer = outcome(&scene, request(call, body)).await;
        assert!(answer.is_some(), "seed 11, round {round}: {call} with {message:?} got no status");
    }
    assert!(scene.failure().is_none(), "no thread of the server has ended");
}
