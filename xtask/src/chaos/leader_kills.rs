//! The leader of three members is killed again and again, while people write and watch with etcdctl.
//!
//! Nothing of ours is between: six loops of `etcdctl put` and one `etcdctl watch`, all told of all three endpoints.
//! An `OK` is a promise; whatever else it says, nobody knows. In the end every member, asked alone, has every write that
//! was acknowledged, once, and the watch was told of every write, once, in the order of revisions.

mod gap;
mod observed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use self::observed::{Found, Watched};
use super::Target;
use crate::cluster::{Address, Cluster};
use crate::command;
use crate::random::Random;
use crate::server::Server;
use crate::steps::Tally;

const MEMBERS: usize = 3;
const WRITERS: usize = 6;
/// From a leader that serves to its end, and from there to its next start.
const LOAD_MS: std::ops::Range<u64> = 500..2000;
const AWAY_MS: std::ops::Range<u64> = 0..1500;
/// An election takes about a second; a loaded machine may need more.
const LEADER_WITHIN: Duration = Duration::from_secs(15);
const LEVEL_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
pub(crate) struct LeaderKills {
    pub(crate) times: u32,
    pub(crate) seed: u64,
    pub(crate) etcdctl: PathBuf,
}

/// What a writer's etcdctl said.
#[derive(Debug, Clone)]
struct Attempt {
    key: String,
    value: String,
    /// When it said `OK`.
    acknowledged: Option<Instant>,
}

/// Everything stays in a folder that is kept if something is wrong.
pub(crate) fn check(target: &Target, kills: &LeaderKills, tally: &mut Tally) -> anyhow::Result<()> {
    println!("{}: {} kills of the leader, --seed {}", target.name, kills.times, kills.seed);
    let place = tempfile::tempdir()?;
    let outcome = run(target, kills, place.path());
    if let Err(error) = outcome {
        let kept = place.keep();
        bail!(
            "{} --leader-kills {} --seed {}: {error:#}\neverything is kept: {}",
            target.name,
            kills.times,
            kills.seed,
            kept.display()
        );
    }
    tally.count(true);
    Ok(())
}

fn run(target: &Target, kills: &LeaderKills, place: &Path) -> anyhow::Result<()> {
    let addresses = (0..MEMBERS).map(|_| Address::local()).collect::<anyhow::Result<_>>()?;
    let mut cluster = Cluster::new(&target.program, place, addresses);
    cluster.start()?;
    let etcdctl = Etcdctl { program: &kills.etcdctl, endpoints: cluster.endpoints() };
    let watch = place.join("watch");
    let mut watcher = Server::spawn(etcdctl.command(&["watch", "--rev", "1", "--prefix", "w"]), &watch)?;
    let (attempts, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let killed = thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (etcdctl, attempts, stop) = (&etcdctl, &attempts, &stop);
            scope.spawn(move || write(writer, etcdctl, (attempts, stop)));
        }
        let killed = kill_leaders(&mut cluster, &etcdctl, kills);
        stop.store(true, Ordering::Relaxed);
        killed
    })?;
    let attempts = attempts.into_inner().ok().context("a writer has panicked")?;
    ensure!(watcher.is_running()?, "the watch has ended; it said:\n{}", watcher.final_lines());
    let found = level(&cluster, &etcdctl)?;
    let acknowledged = observed::compare(&attempts, &found)?;
    let told = watched(&watcher, found.first().context("a member")?)?;
    let gaps = gap::after_each(&killed, &attempts);
    println!(
        "{}: {} kills, {acknowledged} acknowledged of {} writes, all on each of {MEMBERS} members; {told} events, each once and in order",
        target.name,
        killed.len(),
        attempts.len()
    );
    println!("{}: longest time without an acknowledged write after a kill: {gaps}", target.name);
    Ok(())
}

/// When each leader was killed.
fn kill_leaders(
    cluster: &mut Cluster,
    etcdctl: &Etcdctl<'_>,
    kills: &LeaderKills,
) -> anyhow::Result<Vec<Instant>> {
    let mut random = Random::new(kills.seed);
    let mut killed = Vec::new();
    for _ in 0..kills.times {
        thread::sleep(Duration::from_millis(random.within(LOAD_MS.start, LOAD_MS.end)));
        let leader = etcdctl.leader(cluster)?;
        let member = cluster.members.get_mut(leader).context("the leader is a member")?;
        killed.push(Instant::now());
        member.kill()?;
        thread::sleep(Duration::from_millis(random.within(AWAY_MS.start, AWAY_MS.end)));
        member.start()?;
    }
    thread::sleep(Duration::from_millis(LOAD_MS.end));
    Ok(killed)
}

/// Puts, one after the other, each to a key of its own.
fn write(writer: usize, etcdctl: &Etcdctl<'_>, (attempts, stop): (&Mutex<Vec<Attempt>>, &AtomicBool)) {
    for count in 1.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (key, value) = (format!("w{writer}/{count:06}"), format!("v{writer}-{count}"));
        let said = command::output(&mut etcdctl.command(&["put", &key, &value]));
        let ok = said.is_ok_and(|output| output.status.success() && output.stdout == b"OK\n");
        let attempt = Attempt { key, value, acknowledged: ok.then(Instant::now) };
        let Ok(mut attempts) = attempts.lock() else { return };
        attempts.push(attempt);
    }
}

/// What each member has, asked alone, once all are at the same revision.
fn level(cluster: &Cluster, etcdctl: &Etcdctl<'_>) -> anyhow::Result<Vec<Found>> {
    let begun = Instant::now();
    loop {
        let each = cluster.members.iter().map(|member| etcdctl.read(&member.address.endpoint()));
        let each: Vec<Found> = each.collect::<anyhow::Result<_>>()?;
        let revisions: Vec<u64> = each.iter().map(|found| found.revision).collect();
        if revisions.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(each);
        }
        ensure!(begun.elapsed() < LEVEL_WITHIN, "the members stay at revisions {revisions:?}");
        thread::sleep(POLL);
    }
}

/// How many events the watch printed: exactly the writes, in their order.
fn watched(watcher: &Server, found: &Found) -> anyhow::Result<usize> {
    let begun = Instant::now();
    loop {
        let watched = Watched::read(&watcher.log_text());
        let verdict = watched.compare(found);
        if verdict.is_ok() || begun.elapsed() > LEVEL_WITHIN {
            return verdict;
        }
        thread::sleep(POLL);
    }
}

/// etcdctl, told of all members.
#[derive(Debug)]
struct Etcdctl<'a> {
    program: &'a Path,
    endpoints: String,
}

impl Etcdctl<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.env_clear().env("ETCDCTL_API", "3").args(["--endpoints", &self.endpoints]).args(words);
        command
    }

    /// The place among the members of the one that leads, as soon as there is one.
    fn leader(&self, cluster: &Cluster) -> anyhow::Result<usize> {
        let begun = Instant::now();
        loop {
            // Members that are down make it exit with 1; the others are in its answer all the same.
            let output = command::output(&mut self.command(&["endpoint", "status", "-w", "json"]))?;
            let found = leading(&String::from_utf8_lossy(&output.stdout));
            let place = found.and_then(|endpoint| {
                cluster.members.iter().position(|member| member.address.endpoint() == endpoint)
            });
            if let Some(place) = place {
                return Ok(place);
            }
            ensure!(begun.elapsed() < LEADER_WITHIN, "nobody leads after {LEADER_WITHIN:?}");
            thread::sleep(POLL);
        }
    }

    /// What this member alone has, which may be behind.
    fn read(&self, endpoint: &str) -> anyhow::Result<Found> {
        let one = Etcdctl { program: self.program, endpoints: endpoint.to_owned() };
        let words = ["get", "--prefix", "w", "--consistency", "s", "-w", "fields"];
        Found::read(&command::text(&mut one.command(&words))?)
    }
}

/// The endpoint that says that it leads itself.
fn leading(status: &str) -> Option<String> {
    let status: Value = serde_json::from_str(status).ok()?;
    let leads = |one: &&Value| {
        let status = &one["Status"];
        status["leader"].as_u64().is_some_and(|leader| status["header"]["member_id"].as_u64() == Some(leader))
    };
    Some(status.as_array()?.iter().find(leads)?["Endpoint"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests;
