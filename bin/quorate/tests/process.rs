//! The server as a process: what scripts, service managers and operators rely on.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tonic::transport::Endpoint;

/// The server, with nothing in its environment and `home` as its folder.
fn quorate(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(arguments).env_clear().current_dir(home).stdin(Stdio::null());
    command
}

fn output(home: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = quorate(home, arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

const ANY_PORT: [&str; 3] = [
    "--listen-client-urls=http://127.0.0.1:0",
    "--advertise-client-urls=http://127.0.0.1:0",
    "--listen-peer-urls=http://127.0.0.1:0",
];

/// A server that serves. Killed when dropped.
struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// Everything it has logged so far.
    log: Vec<Value>,
}

impl Server {
    fn start(home: &Path, arguments: &[&str]) -> Self {
        Self::run(quorate(home, &[&ANY_PORT[..], arguments].concat()))
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut server = Self { child, lines, log: Vec::new() };
        while server.address().is_none() {
            assert!(server.read_line(), "it ended before it served: {:?}", server.log);
        }
        server
    }

    fn read_line(&mut self) -> bool {
        let line = self.lines.next().map(Result::unwrap);
        self.log.extend(line.as_ref().map(|line| serde_json::from_str(line).expect(line)));
        line.is_some()
    }

    fn address(&self) -> Option<&str> {
        self.addresses().next()
    }

    /// Where it has said that it serves.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let serving =
            |line: &&Value| line["msg"].as_str().is_some_and(|msg| msg.starts_with("serving client"));
        self.log.iter().filter(serving).filter_map(|line| line["address"].as_str())
    }

    /// What it has warned of.
    fn warnings(&self) -> Vec<&str> {
        let warning = |line: &&Value| line["level"] == "warn";
        self.log.iter().filter(warning).filter_map(|line| line["msg"].as_str()).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its end, and everything it logged until then.
    fn end(mut self) -> (ExitStatus, Vec<Value>) {
        while self.read_line() {}
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        assert_eq!(printed, "", "nothing but the log is printed");
        (self.child.wait().unwrap(), std::mem::take(&mut self.log))
    }

    fn put(&self, key: &str, value: &str) -> i64 {
        self.put_at(self.address().unwrap(), key, value)
    }

    fn put_at(&self, address: &str, key: &str, value: &str) -> i64 {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        let request = PutRequest { key, value, ..PutRequest::default() };
        block_on(async {
            let reply = client(address).await.put(request).await.unwrap();
            reply.into_inner().header.unwrap().revision
        })
    }

    /// `key=value@mod_revision` of every key.
    fn all(&self) -> Vec<String> {
        let request = RangeRequest { key: "\0".into(), range_end: "\0".into(), ..RangeRequest::default() };
        let reply = block_on(async { client(self.address().unwrap()).await.range(request).await.unwrap() })
            .into_inner();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let shown = |kv: &quorate_proto::mvccpb::KeyValue| {
            format!("{}={}@{}", text(&kv.key), text(&kv.value), kv.mod_revision)
        };
        reply.kvs.iter().map(shown).collect()
    }
}

async fn client(address: &str) -> KvClient<tonic::transport::Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    KvClient::new(endpoint.connect().await.unwrap())
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
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
fn versions_are_printed_with_etcds_first() {
    let home = tempfile::tempdir().unwrap();
    let (code, printed, complaint) = output(home.path(), &["--version"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "etcd Version: 3.7.1");
    assert!(lines[1].starts_with("Quorate Version: ") && lines[2].starts_with("Backend: "), "{printed}");
}

#[test]
fn arguments_that_make_no_sense_end_with_etcds_codes() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, code, text) in [
        (&["--help"][..], 0, "--data-dir"),
        (&["-h"], 0, "--data-dir"),
        (&["--no-such-flag"], 2, "no-such-flag"),
        (&["--snapshot-count=many"], 2, "snapshot-count"),
        (&["serve"], 1, "\"serve\" is not a valid flag"),
        (&["--listen-client-urls=http://127.0.0.1:0"], 1, "--advertise-client-urls is required"),
        (&["--config-file=/no/such/file"], 1, "/no/such/file"),
    ] {
        let (found, printed, complaint) = output(home.path(), arguments);
        let told = if code == 0 { printed } else { complaint };
        assert!(found == Some(code) && told.contains(text), "{arguments:?}: {found:?}, {told}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_setting_in_flag_and_environment_is_fatal() {
    let home = tempfile::tempdir().unwrap();
    let output = quorate(home.path(), &["--name=a"]).env("ETCD_NAME", "b").output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = "conflicting environment variable is shadowed by corresponding command-line flag \
                 (either unset environment variable or disable flag)";
    assert!(complaint.contains(words) && complaint.contains("ETCD_NAME"), "{complaint}");
}

#[test]
fn every_problem_is_told_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join("etcd.yaml"),
        "log-level: loud\nclient-transport-security: {auto-tls: true}\n",
    )
    .unwrap();
    let (code, _, complaint) = output(home.path(), &["--config-file=etcd.yaml"]);
    assert_eq!((code, complaint.lines().count()), (Some(1), 3), "{complaint}");
    assert!(complaint.contains("log-level in etcd.yaml: `loud`"), "{complaint}");
    assert!(complaint.contains("client-transport-security.auto-tls in etcd.yaml"), "{complaint}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn etcds_own_file_of_variables_is_a_config_file_and_every_url_is_served() {
    let home = tempfile::tempdir().unwrap();
    let conf = "# [member]\nETCD_DATA_DIR=\"kept here\"\nexport ETCD_ENABLE_PPROF='true'\n\
                ETCD_LISTEN_CLIENT_URLS=\"http://127.0.0.1:0,http://localhost:0\"\n\
                ETCD_LISTEN_PEER_URLS=\"http://127.0.0.1:0\"\n";
    fs::write(home.path().join("etcd.conf"), conf).unwrap();
    let mut command = quorate(home.path(), &["--config-file=etcd.conf"]);
    command.env("ETCD_DATA_DIR", "not here");
    let mut server = Server::run(command);
    while server.addresses().count() < 2 {
        assert!(server.read_line());
    }
    let addresses: Vec<String> = server.addresses().map(str::to_owned).collect();
    for (address, revision) in addresses.iter().zip(2..) {
        assert_eq!(server.put_at(address, "a", "1"), revision, "{address}");
    }
    assert!(home.path().join("kept here").is_dir() && !home.path().join("not here").exists());
    let warnings = server.warnings();
    for part in [
        "ETCD_ENABLE_PPROF in etcd.conf, line 3 is accepted but not in force yet",
        "flags and environment are ignored",
    ] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
}

#[test]
fn the_log_goes_to_a_file_too_and_a_full_file_is_put_aside() {
    let home = tempfile::tempdir().unwrap();
    let logs = home.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("q.log"), "x".repeat(1 << 20)).unwrap();
    let arguments = [
        "--log-outputs=stderr,logs/q.log",
        "--enable-log-rotation",
        r#"--log-rotation-config-json={"maxsize": 1, "maxbackups": 1}"#,
    ];
    let server = Server::start(home.path(), &arguments);
    server.signal(Signal::TERM);
    let (_, log) = server.end();
    let text = fs::read_to_string(logs.join("q.log")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages = |lines: &[Value]| lines.iter().map(|line| line["msg"].clone()).collect::<Vec<_>>();
    assert_eq!(messages(&lines), messages(&log));
    let names: Vec<String> =
        fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("q-20") && name.ends_with(".log")), "{names:?}");
}

#[test]
fn a_log_for_people_has_columns_and_no_colours_in_a_pipe() {
    let home = tempfile::tempdir().unwrap();
    let arguments = [&ANY_PORT[..], &["--log-format=console", "--log-outputs=stdout"]].concat();
    let mut child =
        quorate(home.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let serving = lines.find(|line| line.contains("serving client traffic insecurely")).unwrap();
    let columns: Vec<&str> = serving.split('\t').collect();
    assert_eq!(
        (columns.len(), columns[1], columns[3]),
        (5, "info", "serving client traffic insecurely; this is strongly discouraged!")
    );
    assert!(columns[4].starts_with("{\"address\": \"127.0.0.1:"), "{serving}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(lines.any(|line| line.ends_with("\tstopped")));
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "the log is elsewhere");
}

#[test]
fn a_log_file_that_cannot_be_opened_ends_the_start_with_its_name() {
    let home = tempfile::tempdir().unwrap();
    let (code, _, complaint) = output(home.path(), &[&ANY_PORT[..], &["--log-outputs=no/folder"]].concat());
    assert!(code == Some(1) && complaint.contains("open log file no/folder: "), "{code:?} {complaint}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_signal_ends_it_in_order_and_soon() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = tempfile::tempdir().unwrap();
        let server = Server::start(home.path(), &[]);
        server.put("a", "1");
        let asked = Instant::now();
        server.signal(signal);
        let (status, log) = server.end();
        assert!(asked.elapsed() < Duration::from_millis(1500), "it took {:?}", asked.elapsed());
        assert_eq!(status.signal(), Some(signal.as_raw()), "{log:?}");
        for line in &log {
            let has = |field: &str| line[field].is_string();
            assert!(["level", "ts", "caller", "msg"].into_iter().all(has), "{line}");
            assert!(["debug", "info", "warn"].iter().any(|level| line["level"] == *level), "{line}");
        }
        assert_eq!(log.last().map(|line| &line["msg"]), Some(&"stopped".into()));
    }
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), &[]);
    let idle: Vec<_> =
        (0..20).map(|_| std::net::TcpStream::connect(server.address().unwrap()).unwrap()).collect();
    server.put("a", "1");
    let asked = Instant::now();
    server.signal(Signal::TERM);
    let (status, _) = server.end();
    assert!(asked.elapsed() < Duration::from_millis(1500), "it took {:?}", asked.elapsed());
    assert_eq!(status.signal(), Some(15));
    drop(idle);
}

#[test]
fn a_second_server_on_a_directory_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), &["--data-dir=the-data"]);
    let arguments = [&ANY_PORT[..], &["--data-dir=the-data"]].concat();
    let (code, _, complaint) = output(home.path(), &arguments);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("data directory the-data is in use by another process"), "{complaint}");
    assert_eq!(server.put("a", "1"), 2);
}

#[test]
fn a_member_that_cannot_join_says_why_and_a_directory_without_one_may_begin_later() {
    let home = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cluster = format!("--initial-cluster=default=http://localhost:2380,b=http://{nobody}");
    let arguments = [&ANY_PORT[..], &["--initial-cluster-state=existing", &cluster]].concat();
    let (code, _, complaint) = output(home.path(), &arguments);
    let told = "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs";
    assert!(code == Some(1) && complaint.contains(told), "{code:?} {complaint}");
    let server = Server::start(home.path(), &[]);
    server.put("a", "1");
    drop(server);
    // Now it has data, and how it is said to have begun is of no interest.
    let server = Server::start(home.path(), &["--initial-cluster-state=existing", &cluster]);
    assert_eq!(server.all(), ["a=1@2"]);
}

#[test]
fn a_signal_ends_a_start_that_waits_for_others() {
    let home = tempfile::tempdir().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cluster =
        format!("--initial-cluster=default=http://localhost:2380,b=http://{}", silent.local_addr().unwrap());
    let arguments = [&ANY_PORT[..], &["--initial-cluster-state=existing", &cluster]].concat();
    let mut child = quorate(home.path(), &arguments).stderr(Stdio::null()).spawn().unwrap();
    let (_question, _) = silent.accept().unwrap(); // it would wait ten seconds for the answer
    let asked = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn a_port_in_use_ends_the_start_with_its_name() {
    let home = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let url = format!("--listen-client-urls=http://{address}");
    let (code, _, complaint) = output(home.path(), &[&url, ANY_PORT[1], ANY_PORT[2]]);
    assert!(code == Some(1) && complaint.contains(&format!("listen on {address}")), "{code:?} {complaint}");
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let home = tempfile::tempdir().unwrap();
    for life in 0..3 {
        let server = Server::start(home.path(), &["--snapshot-count=5"]);
        assert_eq!(server.all().len(), life * 7);
        for number in 0..7 {
            server.put(&format!("life {life} key {number}"), "1");
        }
        drop(server);
    }
}

#[test]
fn a_server_without_its_log_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), &["--data-dir=the-data"]);
    server.put("a", "1");
    drop(server);
    fs::rename(home.path().join("the-data/wal"), home.path().join("kept")).unwrap();
    let arguments = [&ANY_PORT[..], &["--data-dir=the-data"]].concat();
    let (code, _, complaint) = output(home.path(), &arguments);
    assert!(code == Some(1) && complaint.contains("there is no log in the-data/wal"), "{complaint}");
    let server = Server::start(home.path(), &["--data-dir=the-data", "--wal-dir=kept"]);
    assert_eq!(server.all(), ["a=1@2"]);
}

/// Directories that releases so far have written. They are added to, never changed, and open for ever.
#[test]
fn the_data_directory_of_format_one_opens() {
    let home = tempfile::tempdir().unwrap();
    let versions = output(home.path(), &["--version"]).1;
    let backend = versions.lines().find_map(|line| line.strip_prefix("Backend: ")).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/node/tests/golden");
    copy(&golden.join(format!("v1-{backend}")), &home.path().join("default.etcd"));
    let server = Server::start(home.path(), &[]);
    let keys = fs::read_to_string(golden.join("v1-keys.txt")).unwrap();
    assert_eq!(server.all(), keys.lines().collect::<Vec<_>>());
    assert_eq!(server.put("new", "1"), 27);
}
