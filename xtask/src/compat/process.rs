//! The life of the process: it keeps what it acknowledged, ends when asked, and refuses what is not its own.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, bail, ensure};

use super::{Subject, newest_client};
use crate::server::{Plan, Server};
use crate::steps::Tally;

/// etcd's scripts give a server 1.5 s; a loaded machine may take a little more.
const STOP_WITHIN: Duration = Duration::from_secs(3);
const SIGTERM: i32 = 15;

type Check = fn(&Subject<'_>, &Path) -> anyhow::Result<()>;

const CHECKS: [(&str, Check); 7] = [
    ("after SIGKILL all is there", keeps_all_after_a_kill),
    ("SIGTERM ends it by that signal, promptly", ends_by_the_signal),
    ("after SIGTERM all is there", keeps_all_after_a_stop),
    (
        "a full store raises an alarm, refuses, and goes on once there is room and it is disarmed",
        goes_on_when_disarmed,
    ),
    ("a second server on a directory in use is refused by name", refuses_a_directory_in_use),
    ("a directory of etcd's is refused by name and left alone", refuses_a_directory_of_etcd),
    ("a directory of the other backend is refused by name", refuses_the_other_backend),
];

/// Each check in a folder of its own; one that fails does not keep the others from running.
pub(crate) fn check(subject: &Subject<'_>, tally: &mut Tally) -> anyhow::Result<()> {
    for (claim, check) in CHECKS {
        let place = tempfile::tempdir()?;
        let outcome = check(subject, place.path());
        tally.count(outcome.is_ok());
        match outcome {
            Ok(()) => println!("ok      {claim}"),
            Err(error) => println!("FAILED  {claim}: {error:#}"),
        }
    }
    Ok(())
}

fn keeps_all_after_a_kill(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    keeps_all(subject, place, Server::kill)
}

fn keeps_all_after_a_stop(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    keeps_all(subject, place, |mut server| {
        server.terminate()?;
        server.wait_exit(STOP_WITHIN).map(drop)
    })
}

/// Three lives of one directory: what was in it at the end of each is in it at the start of the next.
fn keeps_all(
    subject: &Subject<'_>,
    place: &Path,
    end: fn(Server) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let plan = Plan::new(&subject.built.program, place)?;
    let mut before: Option<Vec<String>> = None;
    for life in ["first", "second", "third"] {
        let server = plan.start()?;
        if let Some(before) = before {
            let after = everything(subject, &plan)?;
            ensure!(before == after, "before {before:?}, after {after:?}");
        }
        for (key, value) in [("kept", life), ("gone", life), (life, "x")] {
            etcdctl(subject, &plan, &["put", key, value])?;
        }
        etcdctl(subject, &plan, &["del", "gone"])?;
        before = Some(everything(subject, &plan)?);
        end(server)?;
    }
    Ok(())
}

/// Everything that a client can see, ids and revisions included; only the term may differ between lives.
fn everything(subject: &Subject<'_>, plan: &Plan) -> anyhow::Result<Vec<String>> {
    let mut lines = etcdctl(subject, plan, &["get", "", "--prefix", "-w", "fields"])?;
    lines.retain(|line| !line.contains("RaftTerm"));
    Ok(lines)
}

fn etcdctl(subject: &Subject<'_>, plan: &Plan, words: &[&str]) -> anyhow::Result<Vec<String>> {
    let client = newest_client(subject.clients, plan).context("an etcdctl is there")?;
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let lines = client.lines(&words)?;
    if lines.iter().any(|line| line.starts_with("exit ")) {
        bail!("etcdctl {}: {}", words.join(" "), lines.join("; "));
    }
    Ok(lines)
}

fn ends_by_the_signal(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    let plan = Plan::new(&subject.built.program, place)?;
    let mut server = plan.start()?;
    etcdctl(subject, &plan, &["put", "a", "1"])?;
    server.terminate()?;
    let status = server.wait_exit(STOP_WITHIN)?;
    ensure!(status.signal() == Some(SIGTERM), "it ended with {status}; it said:\n{}", server.final_lines());
    Ok(())
}

/// Room for two values of 8,000 bytes.
fn goes_on_when_disarmed(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    let plan = Plan::new(&subject.built.program, place)?;
    let mut command = plan.command();
    command.args(["--quota-backend-bytes", "20000"]);
    let mut server = Server::spawn(command, &plan.log())?;
    server.wait_ready()?;
    let value = "x".repeat(8000);
    for key in ["a", "b"] {
        etcdctl(subject, &plan, &["put", key, &value])?;
    }
    let refused = etcdctl(subject, &plan, &["put", "c", &value]).err().context("a third value was let in")?;
    let told = refused.to_string();
    ensure!(told.contains("etcdserver: mvcc: database space exceeded"), "it was refused with {told}");
    let alarms = etcdctl(subject, &plan, &["alarm", "list"])?;
    ensure!(alarms.len() == 1 && alarms[0].contains("alarm:NOSPACE"), "alarms: {alarms:?}");
    etcdctl(subject, &plan, &["del", "a", "--from-key"])?;
    etcdctl(subject, &plan, &["compact", "4", "--physical"])?;
    ensure!(etcdctl(subject, &plan, &["put", "c", "1"]).is_err(), "the alarm was not disarmed");
    ensure!(etcdctl(subject, &plan, &["alarm", "disarm"])? == alarms, "another alarm was disarmed");
    etcdctl(subject, &plan, &["put", "c", &value])?;
    ensure!(etcdctl(subject, &plan, &["alarm", "list"])?.is_empty(), "the alarm came again");
    drop(server);
    Ok(())
}

fn refuses_a_directory_in_use(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    let plan = Plan::new(&subject.built.program, place)?;
    let server = plan.start()?;
    let second = Plan { place: place.to_owned(), ..Plan::new(&subject.built.program, place)? };
    refuses(&second, &[&plan.data_dir().to_string_lossy()])?;
    etcdctl(subject, &plan, &["put", "still", "serving"])?;
    drop(server);
    Ok(())
}

fn refuses_a_directory_of_etcd(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    let reference = Plan::new(&subject.clients.reference().program, place)?;
    let mut server = reference.start()?;
    server.terminate()?;
    server.wait_exit(STOP_WITHIN)?;
    let before = files(&reference.data_dir())?;
    let ours = Plan { program: subject.built.program.clone(), ..reference };
    refuses(&ours, &["etcd"])?;
    let after = files(&ours.data_dir())?;
    ensure!(before == after, "the directory was changed: before {before:?}, after {after:?}");
    Ok(())
}

fn refuses_the_other_backend(subject: &Subject<'_>, place: &Path) -> anyhow::Result<()> {
    let other = subject.other.context("the other backend could not be built")?;
    let theirs = Plan::new(&other.program, place)?;
    theirs.start()?.kill()?;
    let ours = Plan { program: subject.built.program.clone(), ..theirs };
    refuses(&ours, &[other.backend.feature(), subject.built.backend.feature()])
}

/// It ends by itself, not with success, and its words name what matters.
fn refuses(plan: &Plan, names: &[&str]) -> anyhow::Result<()> {
    let (status, said) = plan.refused(&plan.place.join("refused.log"))?;
    ensure!(!status.success(), "it ended with success; it said:\n{said}");
    ensure!(status.code().is_some(), "it was ended by a signal ({status}); it said:\n{said}");
    ensure!(!said.contains("panicked"), "it panicked:\n{said}");
    let missing: Vec<_> =
        names.iter().filter(|name| !said.to_lowercase().contains(&name.to_lowercase())).collect();
    ensure!(missing.is_empty(), "its words name no {missing:?}; it said:\n{said}");
    Ok(())
}

/// Every file below a directory with its length.
fn files(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push((entry.path().display().to_string(), entry.metadata()?.len()));
        }
    }
    found.sort();
    Ok(found)
}
