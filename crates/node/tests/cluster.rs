//! Three nodes in this process, on ports that were free a moment ago, and ordinary clients.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_node::config::{Parsed, parse};
use quorate_node::{Config, Node, Parts, bootstrap};
use quorate_proto::etcdserverpb::cluster_client::ClusterClient;
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::lease_client::LeaseClient;
use quorate_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use quorate_proto::etcdserverpb::{
    HashKvRequest, LeaseGrantRequest, LeaseKeepAliveRequest, LeaseTimeToLiveRequest, MemberListRequest,
    MemberRemoveRequest, PutRequest, RangeRequest, StatusRequest,
};
use quorate_state_machine::spaces;
use quorate_storage_memory::{MemoryEngine, Options};
use quorate_tasks::Group;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use tonic::transport::{Channel, Endpoint};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A runtime for one piece of work: whatever it leaves behind ends with it.
fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn config(root: &Path, name: &str, peer_url: &str, cluster: &str) -> Config {
    let arguments = [
        "quorate".to_owned(),
        format!("--name={name}"),
        format!("--data-dir={}", root.join(name).display()),
        "--listen-client-urls=http://127.0.0.1:0".to_owned(),
        "--advertise-client-urls=http://127.0.0.1:0".to_owned(),
        format!("--listen-peer-urls={peer_url}"),
        format!("--initial-advertise-peer-urls={peer_url}"),
        format!("--initial-cluster={cluster}"),
        "--front-threads=1".to_owned(),
    ];
    match parse(arguments.iter().map(Into::into), []) {
        Parsed::Serve { config, .. } => *config,
        other => panic!("{other:?}"),
    }
}

fn start(config: &Config) -> Node {
    block_on(async {
        let data_dir = bootstrap::open(config, "memory").await.unwrap();
        let engine = MemoryEngine::open(data_dir.engine("memory"), spaces::ALL, Options::default()).unwrap();
        let (engine, group) = (Arc::new(engine), Group::threads());
        let first_request_id = quorate_tasks::entropy() >> 1;
        Node::start(config, Parts { data_dir, engine, first_request_id, group }).await.unwrap()
    })
}

/// Three members of one cluster, whose starts wait for each other.
fn cluster(root: &Path) -> (Vec<Config>, Vec<Node>) {
    cluster_of(root, |_| ())
}

/// The same, with other settings.
fn cluster_of(root: &Path, set: impl Fn(&mut Config)) -> (Vec<Config>, Vec<Node>) {
    let held = NAMES.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let urls = held.each_ref().map(|port| format!("http://{}", port.local_addr().unwrap()));
    drop(held);
    let pairs: Vec<String> = NAMES.iter().zip(&urls).map(|(name, url)| format!("{name}={url}")).collect();
    let members = NAMES.iter().zip(&urls);
    let mut configs: Vec<Config> =
        members.map(|(name, url)| config(root, name, url, &pairs.join(","))).collect();
    configs.iter_mut().for_each(set);
    let nodes = std::thread::scope(|scope| {
        let starting: Vec<_> = configs.iter().map(|config| scope.spawn(move || start(config))).collect();
        starting.into_iter().map(|node| node.join().unwrap()).collect()
    });
    (configs, nodes)
}

async fn channel(node: &Node) -> Channel {
    Endpoint::from_shared(format!("http://{}", node.addresses()[0])).unwrap().connect().await.unwrap()
}

async fn put(node: &Node, key: &str, lease: i64) -> i64 {
    let request =
        PutRequest { key: key.to_owned().into(), value: "v".into(), lease, ..PutRequest::default() };
    let reply = KvClient::new(channel(node).await).put(request).await.unwrap();
    reply.into_inner().header.unwrap().revision
}

async fn mod_revision(node: &Node, key: &str) -> Option<i64> {
    let request = RangeRequest { key: key.to_owned().into(), ..RangeRequest::default() };
    let reply = KvClient::new(channel(node).await).range(request).await.unwrap().into_inner();
    reply.kvs.first().map(|kv| kv.mod_revision)
}

async fn leader(nodes: &[Node]) -> usize {
    for (position, node) in nodes.iter().enumerate() {
        let status = MaintenanceClient::new(channel(node).await).status(StatusRequest::default()).await;
        let status = status.unwrap().into_inner();
        if status.leader == status.header.unwrap().member_id {
            return position;
        }
    }
    panic!("a cluster that serves has a leader");
}

#[test]
fn whoever_is_asked_writes_and_reads_the_same() {
    let root = tempfile::tempdir().unwrap();
    let (_, nodes) = cluster(root.path());
    block_on(async {
        let mut client = ClusterClient::new(channel(&nodes[1]).await);
        let members = client.member_list(MemberListRequest::default()).await.unwrap().into_inner().members;
        let mut names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, NAMES);

        for (node, key) in nodes.iter().zip(["x", "y", "z"]) {
            let revision = put(node, key, 0).await;
            for other in &nodes {
                assert_eq!(mod_revision(other, key).await, Some(revision), "{key}");
            }
        }
        let mut hashes = Vec::new();
        for node in &nodes {
            let mut client = MaintenanceClient::new(channel(node).await);
            hashes.push(client.hash_kv(HashKvRequest::default()).await.unwrap().into_inner().hash);
        }
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    });
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn a_lease_lives_on_whichever_member_keeps_it_alive() {
    let root = tempfile::tempdir().unwrap();
    let (_, nodes) = cluster(root.path());
    block_on(async {
        let leader = leader(&nodes).await;
        let follower = &nodes[(leader + 1) % nodes.len()];
        let mut client = LeaseClient::new(channel(follower).await);
        let id = client.lease_grant(LeaseGrantRequest { ttl: 60, id: 0 }).await.unwrap().into_inner().id;
        put(follower, "held", id).await;
        let asking =
            futures::stream::iter([LeaseKeepAliveRequest { id }, LeaseKeepAliveRequest { id: 12345 }]);
        let mut kept = client.lease_keep_alive(asking).await.unwrap().into_inner();
        assert_eq!(kept.message().await.unwrap().unwrap().ttl, 60);
        assert_eq!(kept.message().await.unwrap().unwrap().ttl, 0, "nobody granted it");
        for node in &nodes {
            let request = LeaseTimeToLiveRequest { id, keys: true };
            let left = LeaseClient::new(channel(node).await).lease_time_to_live(request).await.unwrap();
            let left = left.into_inner();
            assert!((1..=60).contains(&left.ttl) && left.keys.len() == 1, "{left:?}");
        }
    });
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn a_leader_that_stops_hands_over_and_comes_back_to_all_that_was_written() {
    let root = tempfile::tempdir().unwrap();
    let (configs, mut nodes) = cluster(root.path());
    let (before, leading) = block_on(async { (put(&nodes[0], "before", 0).await, leader(&nodes).await) });
    nodes.remove(leading).stop();
    let after = block_on(put(&nodes[0], "after", 0));
    assert!(after > before);

    let back = start(&configs[leading]);
    block_on(async {
        assert_eq!(mod_revision(&back, "before").await, Some(before));
        assert_eq!(mod_revision(&back, "after").await, Some(after));
    });
    nodes.push(back);
    nodes.into_iter().for_each(Node::stop);
}

/// Starts on what is left of a member's data; why it does not.
fn refused(config: &Config) -> String {
    block_on(async {
        let data_dir = bootstrap::open(config, "memory").await.unwrap();
        let engine = MemoryEngine::open(data_dir.engine("memory"), spaces::ALL, Options::default()).unwrap();
        let (engine, group) = (Arc::new(engine), Group::threads());
        let first_request_id = quorate_tasks::entropy() >> 1;
        let started = Node::start(config, Parts { data_dir, engine, first_request_id, group }).await;
        started.err().map(|error| error.to_string()).expect("it starts")
    })
}

#[test]
fn a_member_that_is_removed_stops_by_itself_and_does_not_start_again() {
    let root = tempfile::tempdir().unwrap();
    let (configs, mut nodes) = cluster_of(root.path(), |config| config.strict_reconfiguration = false);
    let (before, leading) = block_on(async { (put(&nodes[0], "before", 0).await, leader(&nodes).await) });
    let leaver = nodes.remove(leading);
    block_on(async {
        let mut client = ClusterClient::new(channel(&leaver).await);
        let id = client.member_list(MemberListRequest::default()).await.unwrap().into_inner();
        let id = id.header.unwrap().member_id;
        let left = client.member_remove(MemberRemoveRequest { id }).await.unwrap().into_inner().members;
        assert_eq!(left.len(), 2);
        leaver.removed().await;
        assert!(put(&nodes[0], "after", 0).await > before, "the others go on");
    });
    leaver.stop();
    let told = refused(&configs[leading]);
    assert!(told.contains("permanently removed"), "{told}");
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn a_member_that_is_forced_goes_on_alone_and_sends_the_others_away() {
    let root = tempfile::tempdir().unwrap();
    let (configs, nodes) = cluster(root.path());
    let before = block_on(put(&nodes[0], "before", 0));
    // The last one to stop has all: whoever led handed over before.
    nodes.into_iter().for_each(Node::stop);

    let forced = Config { force_new_cluster: true, ..configs[2].clone() };
    let alone = start(&forced);
    block_on(async {
        assert_eq!(mod_revision(&alone, "before").await, Some(before));
        let mut client = ClusterClient::new(channel(&alone).await);
        let members = client.member_list(MemberListRequest::default()).await.unwrap().into_inner().members;
        assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["c"]);
        assert!(put(&alone, "after", 0).await > before);
    });
    alone.stop();

    let alone = start(&configs[2]);
    let told = refused(&configs[0]);
    assert!(told.contains("permanently removed"), "{told}");
    block_on(async { assert!(mod_revision(&alone, "after").await.is_some()) });
    alone.stop();
}
