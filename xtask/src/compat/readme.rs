//! The cluster of README's section "Three members", by the commands that stand there.
//!
//! Each block of commands is run by a shell as it is written, but for the ports, which are free ones, and for `cargo xtask
//! run --`, for which a program of that name starts the server that is already built.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use super::Subject;
use crate::command;
use crate::server::{self, Server};
use crate::steps::Tally;

const SECTION: &str = "## Three members";
const MEMBERS: usize = 3;
/// Stands for cargo, and knows the one command that README uses.
const CARGO: &str =
    "#!/bin/sh\n[ \"$1 $2 $3\" = 'xtask run --' ] || exit 64\nshift 3\nexec \"$SERVER\" \"$@\"\n";

/// What the section says.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    /// What is set before the commands, in each terminal.
    variables: Vec<String>,
    /// A member each.
    starts: Vec<String>,
    /// Its `--endpoints`.
    endpoints: String,
}

pub(crate) fn check(subject: &Subject<'_>, tally: &mut Tally) -> anyhow::Result<()> {
    let readme = fs::read_to_string(subject.root.join("README.md")).context("read README.md")?;
    let section = Section::of(&with_free_ports(section(&readme)?)?)?;
    let place = tempfile::tempdir()?;
    let cargo = place.path().join("bin/cargo");
    fs::create_dir(place.path().join("bin"))?;
    fs::write(&cargo, CARGO)?;
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755))?;
    let mut members = section
        .starts
        .iter()
        .enumerate()
        .map(|(at, start)| {
            let lines = [section.variables.join("\n"), format!("exec {start}")].join("\n");
            let log = place.path().join(format!("terminal{}.log", at + 1));
            Server::spawn(terminal(subject, place.path(), &lines), &log)
        })
        .collect::<anyhow::Result<Vec<Server>>>()?;
    members.iter_mut().try_for_each(Server::wait_ready).context("the members that README starts")?;
    answers(subject, &section.endpoints, place.path(), tally)
}

/// A shell in `place` that finds our cargo before any other.
fn terminal(subject: &Subject<'_>, place: &Path, lines: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    let path = format!("{}:/usr/bin:/bin", place.join("bin").display());
    shell.env_clear().env("PATH", path).env("SERVER", &subject.built.program);
    shell.current_dir(place).args(["-c", lines]);
    shell
}

/// What etcdctl is told of the cluster, with README's `--endpoints`.
fn answers(subject: &Subject<'_>, endpoints: &str, place: &Path, tally: &mut Tally) -> anyhow::Result<()> {
    let (_, program) = subject.clients.etcdctl.last().context("an etcdctl is there")?;
    let etcdctl = |endpoints: &str, words: &[&str]| {
        let mut command = Command::new(program);
        command.env_clear().env("ETCDCTL_API", "3").args(["--endpoints", endpoints]).args(words);
        command::text(&mut command)
    };
    ensure!(etcdctl(endpoints, &["put", "lamp", "on"])? == "OK", "etcdctl put did not say OK");
    for endpoint in endpoints.split(',') {
        let said = etcdctl(endpoint, &["get", "lamp"])?;
        ensure!(said == "lamp\non", "{endpoint} has {said:?}");
        tally.count(true);
    }
    let members = etcdctl(endpoints, &["member", "list"])?;
    let started = members.lines().filter(|line| line.contains(", started, n")).count();
    ensure!(started == MEMBERS, "member list:\n{members}");
    let statuses = etcdctl(endpoints, &["endpoint", "status", "-w", "json"])?;
    let statuses: serde_json::Value = serde_json::from_str(&statuses).context("endpoint status")?;
    let statuses = statuses.as_array().context("a list of endpoints")?;
    let leaders: Vec<_> = statuses.iter().map(|one| one["Status"]["leader"].as_u64()).collect();
    ensure!(leaders.len() == MEMBERS && leaders[0].is_some_and(|id| id > 0), "leaders: {leaders:?}");
    ensure!(leaders.iter().all(|leader| *leader == leaders[0]), "they differ about the leader: {leaders:?}");
    tally.count(true);
    let folders = (1..=MEMBERS).filter(|number| place.join(format!("n{number}.etcd")).is_dir()).count();
    ensure!(folders == MEMBERS, "{folders} of the directories that README names");
    Ok(())
}

/// The text from its heading to the next one.
fn section(readme: &str) -> anyhow::Result<&str> {
    let (_, from) = readme.split_once(SECTION).with_context(|| format!("README.md has no {SECTION:?}"))?;
    Ok(from.split_once("\n## ").map_or(from, |(section, _)| section))
}

impl Section {
    fn of(text: &str) -> anyhow::Result<Section> {
        let commands = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
        let commands = commands.context("the section has no block of sh")?.replace("\\\n", "");
        let (starts, variables): (Vec<&str>, Vec<&str>) = commands
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .partition(|line| line.starts_with("cargo "));
        ensure!(starts.len() == MEMBERS, "the section starts {} members", starts.len());
        let endpoints =
            text.split_once("$ etcdctl --endpoints ").and_then(|(_, rest)| rest.split(' ').next());
        let owned = |lines: Vec<&str>| lines.into_iter().map(str::to_owned).collect();
        Ok(Section {
            variables: owned(variables),
            starts: owned(starts),
            endpoints: endpoints.context("the section has no `etcdctl --endpoints`")?.to_owned(),
        })
    }
}

/// Every port of 127.0.0.1 replaced by one that is free.
fn with_free_ports(text: &str) -> anyhow::Result<String> {
    let mut ports = BTreeMap::new();
    let mut free = Vec::new();
    let mut pieces = text.split("127.0.0.1:");
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(piece.len());
        let (port, rest) = piece.split_at(digits);
        if port.is_empty() {
            bail!("an address without a port before {rest:?}");
        }
        if !ports.contains_key(port) {
            if free.is_empty() {
                let [first, second] = server::free_ports()?;
                free.extend([first, second]);
            }
            ports.insert(port.to_owned(), free.pop().context("two ports were free")?);
        }
        replaced += &format!("127.0.0.1:{}{rest}", ports[port]);
    }
    Ok(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# A\n## Three members\n\n```sh\nC=a=http://127.0.0.1:1\ncargo xtask run -- a \\\n  b\n\
         cargo xtask run -- c\ncargo xtask run -- d\n```\n```console\n$ etcdctl --endpoints 127.0.0.1:1,127.0.0.1:2 x\n\
         ```\n## Next\n127.0.0.1:3\n";

    #[test]
    fn the_section_is_read_as_people_read_it() {
        let read = Section::of(section(README).unwrap()).unwrap();
        assert_eq!(read.variables, ["C=a=http://127.0.0.1:1"]);
        assert_eq!(read.starts, ["cargo xtask run -- a   b", "cargo xtask run -- c", "cargo xtask run -- d"]);
        assert_eq!(read.endpoints, "127.0.0.1:1,127.0.0.1:2");
        assert!(section("# A\n").is_err());
        assert!(Section::of("```sh\ncargo xtask run\n```").is_err());
    }

    #[test]
    fn a_port_is_replaced_by_the_same_one_everywhere() {
        let text = with_free_ports("a 127.0.0.1:2379, 127.0.0.1:2380, 127.0.0.1:2379").unwrap();
        let words: Vec<&str> = text.split([' ', ',']).filter(|word| word.contains(':')).collect();
        assert_eq!(words[0], words[2]);
        assert_ne!(words[0], words[1]);
        assert!(!text.contains("2379"), "{text}");
    }
}
