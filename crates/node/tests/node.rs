//! A whole node in this process, on a port of the system's choice, and an ordinary client.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_node::config::{Parsed, parse};
use quorate_node::{Config, DataDir, Node, Parts, bootstrap};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest};
use quorate_state_machine::spaces;
use quorate_storage_memory::{MemoryEngine, Options};
use quorate_tasks::Group;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tonic::transport::{Channel, Endpoint};

fn config(data_dir: &Path, more: &[String]) -> Config {
    let own = [
        "quorate".to_owned(),
        format!("--data-dir={}", data_dir.display()),
        "--listen-client-urls=http://127.0.0.1:0".to_owned(),
        "--advertise-client-urls=http://127.0.0.1:0".to_owned(),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        "--front-threads=2".to_owned(),
    ];
    match parse(own.iter().chain(more).map(Into::into), []) {
        Parsed::Serve { config, .. } => *config,
        other => panic!("{other:?}"),
    }
}

/// A runtime for one piece of work: whatever it leaves behind ends with it.
fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn open(config: &Config) -> Result<DataDir, bootstrap::Error> {
    block_on(bootstrap::open(config, "memory"))
}

fn start_with(data_dir: &Path, more: &[String]) -> Result<Node, Box<dyn std::error::Error>> {
    let config = config(data_dir, more);
    let data_dir = open(&config)?;
    let engine = MemoryEngine::open(data_dir.engine("memory"), spaces::ALL, Options::default()).unwrap();
    let (engine, group) = (Arc::new(engine), Group::threads());
    let first_request_id = quorate_tasks::entropy() >> 1;
    Ok(block_on(Node::start(&config, Parts { data_dir, engine, first_request_id, group }))?)
}

fn start(data_dir: &Path) -> Node {
    start_with(data_dir, &[]).unwrap()
}

fn refusal(data_dir: &Path, more: &[String]) -> String {
    match start_with(data_dir, more) {
        Ok(_) => panic!("it started"),
        Err(error) => chain(&*error),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

async fn client(address: SocketAddr) -> KvClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    KvClient::new(endpoint.connect().await.unwrap())
}

fn put(node: &Node, key: &str, value: &str) -> i64 {
    let request =
        PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..PutRequest::default() };
    block_on(async {
        let reply = client(node.addresses()[0]).await.put(request).await.unwrap();
        reply.into_inner().header.unwrap().revision
    })
}

/// `key=value@mod_revision` of every key, and the revision.
fn all(node: &Node) -> (Vec<String>, i64) {
    let request = RangeRequest { key: "\0".into(), range_end: "\0".into(), ..RangeRequest::default() };
    let reply =
        block_on(async { client(node.addresses()[0]).await.range(request).await.unwrap() }).into_inner();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let shown =
        reply.kvs.iter().map(|kv| format!("{}={}@{}", text(&kv.key), text(&kv.value), kv.mod_revision));
    (shown.collect(), reply.header.unwrap().revision)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let node = start(root.path());
    assert_eq!(put(&node, "a", "1"), 2);
    assert_eq!(put(&node, "b", "2"), 3);
    let before = all(&node);
    node.stop();
    for _ in 0..2 {
        let node = start(root.path());
        assert_eq!(all(&node), before);
        node.stop();
    }
    let node = start(root.path());
    assert_eq!(put(&node, "a", "3"), 4);
    node.stop();
}

#[test]
fn a_second_node_on_a_directory_is_refused_and_the_first_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let node = start(root.path());
    let message = refusal(root.path(), &[]);
    let path = root.path().display().to_string();
    assert!(message.contains("in use by another process") && message.contains(&path), "{message}");
    assert_eq!(put(&node, "a", "1"), 2);
    node.stop();
}

#[test]
fn a_member_without_its_log_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let (data, log, wrong) = (root.path().join("data"), root.path().join("log"), root.path().join("wrong"));
    let wal_dir = |folder: &Path| [format!("--wal-dir={}", folder.display())];
    let node = start_with(&data, &wal_dir(&log)).unwrap();
    put(&node, "a", "1");
    node.stop();
    for more in [&wal_dir(&wrong)[..], &[]] {
        let message = refusal(&data, more);
        for part in [data.to_str().unwrap(), "there is no log in", "--wal-dir"] {
            assert!(message.contains(part), "{part} is missing in: {message}");
        }
    }
    assert!(!wrong.exists(), "what was refused is left as it was");
    let node = start_with(&data, &wal_dir(&log)).unwrap();
    assert_eq!(all(&node), (vec!["a=1@2".to_owned()], 2));
    node.stop();
}

#[test]
fn a_log_is_one_members_own() {
    let root = tempfile::tempdir().unwrap();
    let (data, log, other) = (root.path().join("data"), root.path().join("log"), root.path().join("other"));
    let wal_dir = [format!("--wal-dir={}", log.display())];
    let node = start_with(&data, &wal_dir).unwrap();
    put(&node, "a", "1");
    let of_other = |name: &str| refusal(&root.path().join(name), &wal_dir);
    assert!(of_other("other").contains("holds somebody else's log"), "{}", of_other("fourth"));
    std::fs::remove_dir_all(&other).unwrap();
    drop(open(&config(&other, &[])).unwrap());
    let message = refusal(&other, &wal_dir);
    assert!(message.contains("is in use by another process") && message.contains("--wal-dir"), "{message}");
    node.stop();
    let node = start_with(&data, &wal_dir).unwrap();
    assert_eq!(all(&node), (vec!["a=1@2".to_owned()], 2));
    node.stop();
}

#[test]
fn a_port_in_use_is_named_and_leaves_nothing_running() {
    let root = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    let message = refusal(root.path(), &[format!("--listen-client-urls={url}")]);
    assert!(message.contains(&format!("listen on {}", taken.local_addr().unwrap())), "{message}");
    start(root.path()).stop();
}

#[test]
fn a_limit_too_small_for_the_members_own_name_ends_the_start() {
    let root = tempfile::tempdir().unwrap();
    let message = refusal(root.path(), &["--max-request-bytes=10".to_owned()]);
    assert!(message.contains("set this member's name") && message.contains("too large"), "{message}");
}

/// Directories that releases so far have written. They are added to, never changed, and open for ever.
#[test]
fn the_data_directory_of_format_one_opens() {
    let root = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-memory"), root.path());
    let node = start(root.path());
    let expected: Vec<String> = include_str!("golden/v1-keys.txt").lines().map(ToOwned::to_owned).collect();
    assert_eq!(all(&node), (expected, 26));
    assert_eq!(put(&node, "new", "1"), 27);
    node.stop();
}

/// Who a member is and who founds with it, or why it does not begin.
type Met = Result<(u64, BTreeMap<u64, quorate_raft::Node>), String>;

/// What becomes of members that look for each other under the token `t` at `endpoints`, all at a time.
fn meet(endpoints: &str, names: &[&str], more: &str) -> Vec<Met> {
    let root = tempfile::tempdir().unwrap();
    let configs: Vec<Config> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let port = at + 1; // nobody is there
            let flags = [
                format!("--name={name}"),
                format!("--initial-advertise-peer-urls=http://127.0.0.1:{port}"),
                format!("--discovery-endpoints={endpoints}"),
                "--discovery-token=t".to_owned(),
                more.to_owned(),
            ];
            config(&root.path().join(name), &flags)
        })
        .collect();
    let opened = configs.iter().map(|config| bootstrap::open(config, "memory"));
    let told = |opened: Result<DataDir, bootstrap::Error>| {
        opened
            .map(|data_dir| (data_dir.identity().member.0, data_dir.founders().clone()))
            .map_err(|error| error.to_string())
    };
    block_on(futures::future::join_all(opened)).into_iter().map(told).collect()
}

const SIZE: &str = "/_etcd/registry/t/_config/size";
const NO_LOGIN: &str = "--discovery-user=";

#[test]
fn members_meet_in_a_registry_and_found_the_same_cluster() {
    let root = tempfile::tempdir().unwrap();
    let node = start(root.path());
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoints = format!("{gone},http://{}", node.addresses()[0]);
    put(&node, SIZE, "2");
    let met: Vec<_> = meet(&endpoints, &["a", "b"], NO_LOGIN).into_iter().map(Result::unwrap).collect();
    let founders = &met[0].1;
    assert_eq!(founders, &met[1].1);
    let ids: BTreeSet<u64> = met.iter().map(|(id, _)| *id).collect();
    assert_eq!(founders.keys().copied().collect::<BTreeSet<u64>>(), ids);
    let (keys, _) = all(&node);
    let written = format!("/_etcd/registry/t/members/{:x}=a=http://127.0.0.1:1@", met[0].0);
    assert!(keys.iter().any(|key| key.starts_with(&written)), "{written} is not in {keys:?}");
    // The third is late, and whoever lost its directory before it began is not.
    let late = meet(&endpoints, &["a", "b", "c"], NO_LOGIN);
    assert_eq!(late, [Ok(met[0].clone()), Ok(met[1].clone()), Err("discovery: cluster is full".to_owned())]);
    node.stop();
}

#[test]
fn what_is_wrong_with_a_registry_is_told_in_etcds_words() {
    let root = tempfile::tempdir().unwrap();
    let node = start(root.path());
    let endpoints = node.addresses()[0].to_string();
    let told = |more: &str| meet(&endpoints, &["a"], more).remove(0).unwrap_err();
    assert_eq!(told(NO_LOGIN), "discovery: size key not found");
    for size in ["", "0", "-1", "many"] {
        put(&node, SIZE, size);
        assert_eq!(told(NO_LOGIN), "discovery: size key is bad", "{size}");
    }
    put(&node, SIZE, "2");
    for (value, expected) in [
        ("b", "discovery: invalid peer URL".to_owned()),
        ("b=http://b:1,c=http://c:1", "discovery: invalid peer URL".to_owned()),
        (
            "b=http://127.0.0.1:1",
            "discovery cluster a=http://127.0.0.1:1,b=http://127.0.0.1:1 has duplicate url".to_owned(),
        ),
    ] {
        put(&node, "/_etcd/registry/t/members/1", value);
        assert_eq!(told(NO_LOGIN), expected);
    }
    assert!(told("--discovery-user=root").starts_with("discovery: "), "there is no Authenticate here yet");
    node.stop();
}
