//! The systemd unit and its `etcd.conf`, without systemd: what the files say is read as systemd reads it, and
//! the server is started that way.
//!
//! Only places and ports are replaced. Of systemd's rules those are read that the two files use: sections,
//! `Key=value`, comments, and in the environment file `NAME="value"`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::{Subject, newest_client};
use crate::server::{Plan, Server};
use crate::steps::Tally;

const UNIT: &str = "deploy/quorate.service";
const CONF: &str = "deploy/etcd.conf";
const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(3);

pub(crate) fn check(subject: &Subject<'_>, tally: &mut Tally) -> anyhow::Result<()> {
    let unit = service(&fs::read_to_string(subject.root.join(UNIT)).context(UNIT)?);
    let variables = environment(&fs::read_to_string(subject.root.join(CONF)).context(CONF)?)?;
    let expect = |key: &str, value: &str| unit.get(key).is_some_and(|found| found == value);
    ensure!(expect("Type", "notify"), "{UNIT}: Type=notify is what makes systemd wait until it serves");
    ensure!(unit.contains_key("EnvironmentFile"), "{UNIT}: names no EnvironmentFile");
    let start = unit.get("ExecStart").with_context(|| format!("{UNIT}: no ExecStart"))?;
    let place = tempfile::tempdir()?;
    starts(subject, (start, &variables), place.path())?;
    tally.count(true);
    Ok(())
}

/// Starts it with the unit's words and the file's variables, and waits for READY=1.
fn starts(
    subject: &Subject<'_>,
    (start, variables): (&str, &BTreeMap<String, String>),
    place: &Path,
) -> anyhow::Result<()> {
    let plan = Plan::new(&subject.built.program, place)?;
    let socket = place.join("notify.sock");
    let notices = UnixDatagram::bind(&socket)?;
    notices.set_read_timeout(Some(READY_WITHIN))?;
    let mut command = Command::new(&plan.program);
    command.env_clear().args(start.split_whitespace().skip(1)).current_dir(place);
    command.envs(moved(variables, &plan)).env("NOTIFY_SOCKET", &socket);
    let mut server = Server::spawn(command, &plan.log())?;
    let notice = receive(&notices).with_context(|| format!("it said:\n{}", server.final_lines()))?;
    ensure!(notice.lines().any(|line| line == "READY=1"), "the first notice is {notice:?}, not READY=1");
    let client = newest_client(subject.clients, &plan).context("an etcdctl is there")?;
    let lines = client.lines(&["put", "unit", "works"].map(str::to_owned))?;
    ensure!(lines == ["OK"], "etcdctl put: {}", lines.join("; "));
    ensure!(plan.data_dir().is_dir(), "ETCD_DATA_DIR was not obeyed");
    server.terminate()?;
    server.wait_exit(STOP_WITHIN).map(drop)
}

fn receive(notices: &UnixDatagram) -> anyhow::Result<String> {
    let mut buffer = [0; 4096];
    let length = notices.recv(&mut buffer).context("wait for the notice that it is ready")?;
    Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
}

/// The file's variables with temporary places and free ports; the others stay as they are.
fn moved(variables: &BTreeMap<String, String>, plan: &Plan) -> BTreeMap<String, String> {
    let mut moved = variables.clone();
    for (name, value) in &mut moved {
        match name.as_str() {
            "ETCD_DATA_DIR" => *value = plan.data_dir().display().to_string(),
            "ETCD_LISTEN_CLIENT_URLS" | "ETCD_ADVERTISE_CLIENT_URLS" => *value = plan.endpoint(),
            "ETCD_LISTEN_PEER_URLS" | "ETCD_INITIAL_ADVERTISE_PEER_URLS" => *value = plan.peer_url(),
            "ETCD_INITIAL_CLUSTER" => {
                let name = value.split('=').next().unwrap_or_default().to_owned();
                *value = format!("{name}={}", plan.peer_url());
            }
            _ => (),
        }
    }
    moved
}

/// The settings of `[Service]`; of a key given twice the last one.
fn service(unit: &str) -> BTreeMap<String, String> {
    let lines = unit.lines().map(str::trim).skip_while(|line| *line != "[Service]").skip(1);
    let inside = lines.take_while(|line| !line.starts_with('['));
    let settings =
        inside.filter(|line| !line.starts_with(['#', ';'])).filter_map(|line| line.split_once('='));
    settings.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// An EnvironmentFile: `NAME=value` or `NAME="value"`; comments begin a line.
fn environment(file: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for line in file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        let Some((name, value)) = line.split_once('=') else { bail!("{CONF}: no assignment: {line}") };
        variables.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
    }
    Ok(variables)
}

fn unquoted(value: &str) -> &str {
    let quoted = |mark| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_service_section_counts_and_the_last_value_wins() {
        let unit =
            "[Unit]\nType=no\n[Service]\n# Type=simple\nType=notify\nUser=a\nUser=b\n[Install]\nUser=c\n";
        let found = service(unit);
        assert_eq!(found.get("Type").map(String::as_str), Some("notify"));
        assert_eq!(found.get("User").map(String::as_str), Some("b"));
    }

    #[test]
    fn an_environment_file_is_read_as_systemd_reads_it() {
        let found = environment("# c\n; c\n\nA=\"x=y z\"\nB='q'\nC = plain\n").unwrap();
        assert_eq!(found.get("A").map(String::as_str), Some("x=y z"));
        assert_eq!(found.get("B").map(String::as_str), Some("q"));
        assert_eq!(found.get("C").map(String::as_str), Some("plain"));
        assert!(environment("export").is_err());
    }

    #[test]
    fn places_and_ports_are_moved_and_nothing_else() {
        let plan = Plan { program: "p".into(), place: "/tmp/x".into(), client_port: 1, peer_port: 2 };
        let file = "ETCD_NAME=n\nETCD_DATA_DIR=/var\nETCD_LISTEN_CLIENT_URLS=u\nETCD_INITIAL_CLUSTER=n=u\n";
        let moved = moved(&environment(file).unwrap(), &plan);
        let values: Vec<&str> = moved.values().map(String::as_str).collect();
        assert_eq!(values, ["/tmp/x/data", "n=http://127.0.0.1:2", "http://127.0.0.1:1", "n"]);
    }
}
