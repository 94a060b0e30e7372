//! A whole node in this process, on a port of the system's choice, and an ordinary client.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_node::config::{Parsed, parse};
use quorate_node::{Config, DataDir, Node, Parts, bootstrap};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest};
use quorate_state_machine::spaces;
use quorate_storage_memory::{MemoryEngine, Options};
use quorate_tasks::Group;
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
