//! `cargo xtask chaos`: crashes under load, on one directory that grows.
//!
//! Each round starts the server, lets several connections write, kills it at a seeded moment, starts it again
//! on the same directory and compares it with the journal: every acknowledged write is there with its value
//! and revision, a write whose fate was unknown is there whole or not at all, and nothing else is there.

pub(crate) mod cluster;
mod full_disk;
mod leader_kills;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::args::Args;
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::compat::Built;
use crate::load::{Load, number};
use crate::places::Places;
use crate::random::{self, Random};
use crate::server::Plan;
use crate::setup::{self, Clients, Ready};
use crate::steps::Tally;
use cluster::Storm;
use leader_kills::LeaderKills;

/// Load before each kill: from the first writes to long after the first segments and checkpoints.
const LOAD_MS: std::ops::Range<u64> = 50..1500;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Kills {
    pub(crate) times: u32,
    pub(crate) seed: u64,
}

/// A server to kill: one of ours, or any program that takes etcd's flags.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    /// The option that chooses it again.
    choice: &'static str,
}

impl Target {
    /// Somebody else's server.
    pub(crate) fn named(program: PathBuf) -> Target {
        Target { name: program.display().to_string(), program, choice: "--server" }
    }

    fn choice(&self) -> String {
        format!("{} {}", self.choice, self.name)
    }
}

impl From<&Built> for Target {
    fn from(built: &Built) -> Target {
        Target { name: built.backend.to_string(), program: built.program.clone(), choice: "--backend" }
    }
}

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    if let Some(inside) = args.take_value::<String>("--inside")? {
        return full_disk::inside(&inside, args);
    }
    if let Some(inside) = args.take_value::<String>("--inside-cluster")? {
        return cluster::inside(&inside, args);
    }
    let disk_full = args.take_switch("--disk-full");
    let times: Option<u32> = args.take_value("--kills")?;
    let leaders: Option<u32> = args.take_value("--leader-kills")?;
    let seed: u64 = args.take_value("--seed")?.unwrap_or_else(random::seed);
    let storm = if args.take_switch("--cluster") { Some(Storm::take(&mut args, seed)?) } else { None };
    let named: Option<PathBuf> = args.take_value("--server")?;
    let backends = Backend::take_all(&mut args)?;
    args.finish()?;
    if times.is_none() && leaders.is_none() && storm.is_none() && !disk_full {
        bail!("say what: `--kills 20`, `--leader-kills 20`, `--disk-full` or `--cluster`");
    }
    let ready = setup::prepare(places, &backends)?;
    let program = build::load(places, &ready, Profile::Dev)?;
    let load = Load::new(program.clone());
    let etcdctl = if leaders.is_some() { Some(newest_etcdctl(places)?) } else { None };
    let mut tally = Tally::default();
    for target in targets(places, &ready, (named, &backends))? {
        if let Some(times) = times {
            note(kills(&target, &load, &Kills { times, seed }, &mut tally), &mut tally);
        }
        if disk_full {
            note(full_disk::check(&target, &program, &mut tally), &mut tally);
        }
        if let Some((times, etcdctl)) = leaders.zip(etcdctl.clone()) {
            let kills = LeaderKills { times, seed, etcdctl };
            note(leader_kills::check(&target, &kills, &mut tally), &mut tally);
        }
        if let Some(storm) = &storm {
            note(cluster::check(&target, &program, storm, &mut tally), &mut tally);
        }
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The program that was named, or our own servers.
fn targets(
    places: &Places,
    ready: &Ready,
    (named, backends): (Option<PathBuf>, &[Backend]),
) -> anyhow::Result<Vec<Target>> {
    if let Some(program) = named {
        return Ok(vec![Target::named(program)]);
    }
    let build = |&backend| {
        let program = build::server(places, ready, (backend, Profile::Dev))?;
        Ok(Target::from(&Built { backend, program }))
    };
    backends.iter().map(build).collect()
}

fn newest_etcdctl(places: &Places) -> anyhow::Result<PathBuf> {
    let clients = Clients::prepare(places)?;
    let (_, program) = clients.etcdctl.last().context("an etcdctl is there")?;
    Ok(program.clone())
}

/// One server's failure is said and counted; the other still has its turn.
fn note(outcome: anyhow::Result<()>, tally: &mut Tally) {
    if let Err(error) = outcome {
        println!("FAILED  {error:#}");
        tally.count(false);
    }
}

/// Kills it again and again; breaks off at the first loss and keeps the directory that shows it.
pub(crate) fn kills(target: &Target, load: &Load, kills: &Kills, tally: &mut Tally) -> anyhow::Result<()> {
    let Kills { times, seed } = *kills;
    println!("{}: {times} kills, --seed {seed}", target.name);
    let place = tempfile::tempdir()?;
    let mut random = Random::new(seed);
    let begun = Instant::now();
    for kill in 1..=times {
        let round = Round { kill, pause: Duration::from_millis(random.within(LOAD_MS.start, LOAD_MS.end)) };
        if let Err(error) = round.run(&Plan::new(&target.program, place.path())?, load, random.next()) {
            let kept = place.keep();
            bail!(
                "{} kill {kill}, --seed {seed}: {error:#}\nthe directory is kept: {}",
                target.name,
                kept.display()
            );
        }
        tally.count(true);
    }
    println!(
        "{}: {times} kills in {:.1} s, nothing lost, nothing half",
        target.name,
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

struct Round {
    kill: u32,
    pause: Duration,
}

impl Round {
    fn run(&self, plan: &Plan, load: &Load, seed: u64) -> anyhow::Result<()> {
        let journal = plan.place.join("journal");
        let server = plan.start()?;
        let writes = load.start_chaos(&write_arguments(plan, &journal, seed))?;
        thread::sleep(self.pause);
        server.kill()?;
        writes.wait()?;
        let begun = Instant::now();
        let server = plan.start()?;
        let ready = begun.elapsed();
        let report = load.verify(&plan.endpoint(), &journal)?;
        println!(
            "kill {:>3}: after {:>4} ms, {:>6} acknowledged, {:>2} unknown, {:>5} keys, {:>3} past reads, revision {:>6}, ready in {:>3} ms",
            self.kill,
            self.pause.as_millis(),
            number(&report, "acknowledged"),
            number(&report, "unknown"),
            number(&report, "keys"),
            number(&report, "past"),
            number(&report, "revision"),
            ready.as_millis(),
        );
        // The next round starts from a kill at rest.
        server.kill()
    }
}

fn write_arguments(plan: &Plan, journal: &Path, seed: u64) -> Vec<String> {
    let journal = journal.display().to_string();
    let words =
        ["--endpoint", &plan.endpoint(), "--connections", "4", "--clients", "16", "--journal", &journal];
    let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words
}
