//! A whole node in this process, on a port of the system's choice, and clients of every kind.

use crate::config::{Parsed, parse};
use crate::{Node, Parts, bootstrap};
use futures::StreamExt;
use http::Request;
use http_body_util::BodyExt;
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::watch_client::WatchClient;
use quorate_proto::etcdserverpb::watch_request::RequestUnion;
use quorate_proto::etcdserverpb::{
    DeleteRangeRequest, PutRequest, RangeRequest, WatchCreateRequest, WatchRequest, WatchResponse,
};
use quorate_state_machine::spaces;
use quorate_storage_memory::{MemoryEngine, Options};
use quorate_tasks::Group;
use quorate_tasks::poll::{PollClock, Polls};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;

struct Scene {
    node: Node,
    _root: tempfile::TempDir,
}

impl Scene {
    /// A node with two front threads, whose polls are measured by what they ask for, not by what else the machine does.
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let own = [
            "quorate".to_owned(),
            format!("--data-dir={}", root.path().join("data").display()),
            "--listen-client-urls=http://127.0.0.1:0".to_owned(),
            "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
            "--advertise-client-urls=http://127.0.0.1:0".to_owned(),
            "--front-threads=2".to_owned(),
        ];
        let flags = own.into_iter().chain(more.iter().map(ToString::to_string));
        let Parsed::Serve { config, .. } = parse(flags.map(Into::into), []) else { panic!("{more:?}") };
        let data_dir = block_on(bootstrap::open(&config, "memory")).unwrap();
        let engine = MemoryEngine::open(data_dir.engine("memory"), spaces::ALL, Options::default()).unwrap();
        let parts = Parts {
            data_dir,
            engine: Arc::new(engine),
            first_request_id: quorate_tasks::entropy() >> 1,
            group: Group::threads(),
        };
        let node = block_on(Node::start_measured(&config, parts, PollClock::ThreadCpu)).unwrap();
        Self { node, _root: root }
    }

    fn address(&self) -> SocketAddr {
        self.node.addresses()[0]
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address())).unwrap().connect().await.unwrap()
    }

    async fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel().await).max_decoding_message_size(1 << 30)
    }

    fn http1(&self) -> Http1 {
        Http1(BufReader::new(TcpStream::connect(self.address()).unwrap()))
    }

    fn connections(&self) -> Vec<usize> {
        self.node.fronts().iter().map(|front| front.connections.load(Ordering::Relaxed)).collect()
    }

    /// Waits until the front threads have so many connections.
    fn until_connections(&self, counts: &[usize]) {
        while self.connections() != counts {
            std::thread::yield_now();
        }
    }

    fn polls(&self) -> Vec<Polls> {
        self.node.fronts().iter().map(|front| front.polls.polls()).collect()
    }
}

/// A runtime for one piece of work: whatever it leaves behind ends with it.
fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A connection that speaks HTTP/1.1 by hand.
struct Http1(BufReader<TcpStream>);

impl Http1 {
    /// The head and the body of the answer.
    fn ask(&mut self, request: &str) -> (String, String) {
        self.0.get_mut().write_all(format!("{request} HTTP/1.1\r\nhost: member\r\n\r\n").as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }
}

fn put(key: &str, value: Vec<u8>) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: value.into(), ..Default::default() }
}

#[test]
fn one_port_speaks_http1_http2_and_grpc_at_once() {
    let scene = Scene::new();
    let mut http1 = scene.http1();
    let (head, body) = http1.ask("GET /version");
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert_eq!(body, r#"{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}"#);
    block_on(async {
        let channel = scene.channel().await;
        KvClient::new(channel.clone()).put(put("a", vec![1])).await.unwrap();
        let request = Request::get("/health").body(tonic::body::Body::empty()).unwrap();
        let (head, body) = channel.clone().oneshot(request).await.unwrap().into_parts();
        assert_eq!(head.version, http::Version::HTTP_2);
        assert_eq!(body.collect().await.unwrap().to_bytes(), r#"{"health":"true","reason":""}"#);
        let request = Request::post("/no.Service/Call").header("content-type", "application/grpc");
        let request = request.body(tonic::body::Body::empty()).unwrap();
        let reply = channel.oneshot(request).await.unwrap();
        assert_eq!(reply.headers()["grpc-status"], "12");
    });
    let (head, body) = http1.ask("POST /etcdserverpb.KV/Put"); // the same connection, kept alive
    assert!(head.starts_with("http/1.1 404 not found\r\n"), "{head}");
    assert_eq!(body, "404 page not found\n");
    let (_, scrape) = http1.ask("GET /metrics");
    let labels = r#"grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary""#;
    assert!(scrape.contains(&format!("grpc_server_handled_total{{{labels}}} 1\n")), "{scrape}");
    assert!(scrape.contains("quorate_build_info{backend=\"memory\""), "{scrape}");
    scene.node.stop();
}

/// A stream with one watch, which has begun. The client resets it once both ends of it are dropped.
async fn watch(channel: &Channel) -> (oneshot::Sender<()>, Streaming<WatchResponse>) {
    let create = WatchCreateRequest { key: "a".into(), ..Default::default() };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let (open, closed) = oneshot::channel::<()>();
    let more = futures::stream::once(closed).filter_map(async |_| None);
    let requests = futures::stream::iter([create]).chain(more);
    let mut replies = WatchClient::new(channel.clone()).watch(requests).await.unwrap().into_inner();
    assert!(replies.message().await.unwrap().unwrap().created);
    (open, replies)
}

#[test]
fn a_stream_over_the_limit_waits_for_another_to_end_and_none_is_lost() {
    let scene = Scene::with(&["--max-concurrent-streams=3"]);
    block_on(async {
        let channel = scene.channel().await;
        let mut kv = KvClient::new(channel.clone());
        kv.put(put("a", vec![0])).await.unwrap(); // the client knows the limit by now
        let mut watches = Vec::new();
        for _ in 0..3 {
            watches.push(watch(&channel).await);
        }
        let mut waiting = std::pin::pin!(kv.put(put("a", vec![1])));
        let mut other = scene.kv().await;
        for _ in 0..3 {
            tokio::select! {
                biased;
                _ = &mut waiting => panic!("it went past the limit"),
                answer = other.put(put("b", vec![2])) => drop(answer.unwrap()),
            }
        }
        watches.pop();
        waiting.await.unwrap();
        let puts = (0..200_u8).map(|number| {
            let mut kv = KvClient::new(channel.clone());
            async move { kv.put(put("c", vec![number])).await.unwrap() }
        });
        futures::future::join_all(puts).await;
        let c = RangeRequest { key: "c".into(), ..Default::default() };
        assert_eq!(other.range(c).await.unwrap().into_inner().kvs[0].version, 200);
    });
    scene.node.stop();
}

#[test]
fn a_stop_ends_watches_with_a_status() {
    let scene = Scene::new();
    block_on(async {
        let (_open, mut replies) = watch(&scene.channel().await).await;
        scene.node.stop();
        let end = replies.message().await.unwrap_err();
        assert_eq!((end.code(), end.message()), (tonic::Code::Unavailable, "etcdserver: server stopped"));
    });
}

#[test]
fn a_new_connection_goes_to_the_thread_with_the_fewest() {
    let scene = Scene::new();
    let connect = || {
        let mut connection = scene.http1();
        connection.ask("GET /version"); // an answer says that it has its thread
        connection
    };
    let mut connections: Vec<Option<Http1>> = (0..4).map(|_| Some(connect())).collect();
    assert_eq!(scene.connections(), [2, 2]);
    connections[0] = None;
    connections[2] = None;
    scene.until_connections(&[0, 2]);
    connections.extend([Some(connect()), Some(connect())]);
    assert_eq!(scene.connections(), [2, 2], "both went to the thread that had none");
    drop(connections);
    scene.until_connections(&[0, 0]);
    scene.node.stop();
}

/// What a poll of a front thread may ask of it: a millisecond, as the design says, of optimised code. The development
/// profile does not optimise our own crates fully.
const POLL_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 4 } else { 1 });

#[test]
fn no_request_keeps_a_front_thread_for_long() {
    let scene = Scene::new();
    let mut before = Duration::ZERO;
    let mut report = |what: &str| {
        let longest = scene.polls().into_iter().map(|polls| polls.longest).max().unwrap();
        eprintln!("longest poll after {what}: {longest:?}");
        assert!(longest < POLL_MAX, "{what}: {longest:?} of thread time in one poll, {before:?} before");
        before = longest;
    };
    block_on(async {
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(scene.kv().await);
        }
        for batch in 0..10 {
            let puts = (0..1000).map(|number| {
                let mut client = clients[number % clients.len()].clone();
                async move { client.put(put(&format!("k{batch}{number:04}"), vec![7; 300])).await.unwrap() }
            });
            futures::future::join_all(puts).await;
        }
        report("10,000 puts on 20 connections");

        let all = || RangeRequest { key: "k".into(), range_end: "l".into(), ..Default::default() };
        let ranges = clients.iter().take(8).map(|client| {
            let mut client = client.clone();
            async move { client.range(all()).await.unwrap().into_inner().kvs.len() }
        });
        assert_eq!(futures::future::join_all(ranges).await, [10_000; 8]);
        report("ranges of 10,000 keys");

        for (number, client) in clients.iter_mut().take(4).enumerate() {
            client.put(put(&format!("large{number}"), vec![7; 1_500_000])).await.unwrap();
        }
        let large = RangeRequest { key: "large".into(), range_end: "largf".into(), ..Default::default() };
        assert_eq!(clients[0].range(large).await.unwrap().into_inner().kvs.len(), 4);
        report("values of 1.5 MB, in and out");

        let one = RangeRequest { key: "k00000".into(), ..Default::default() };
        let ready = (0..3000).map(|_| {
            let (mut client, one) = (clients[0].clone(), one.clone());
            async move { client.range(one).await.unwrap().into_inner().count }
        });
        assert_eq!(futures::future::join_all(ready).await.iter().sum::<i64>(), 3000);
        report("3,000 calls at once on one connection");

        let delete = DeleteRangeRequest { key: "k".into(), range_end: "l".into(), prev_kv: true };
        assert_eq!(clients[1].delete_range(delete).await.unwrap().into_inner().deleted, 10_000);
        report("a deletion of 10,000 keys that returns them");
    });
    let polls: u64 = scene.polls().iter().flat_map(|polls| polls.classes).sum();
    assert!(polls > 20_000, "the polls were counted: {polls}");
    scene.node.stop();
}
