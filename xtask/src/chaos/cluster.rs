//! `cargo xtask chaos --cluster`: real processes of one cluster, real faults, and a judge who knows neither.
//!
//! Each member has a network namespace of its own, on one bridge; its clients have another, and reach all of them. The
//! clients record all that they ask and are told (`quorate-load cluster`). One fault after the other is done and made good;
//! then writes must go on through every member. In the end all members reach one revision and one hash, and testkit judges
//! the whole history; it must also find that one write is missing if it is taken out of the history.
//!
//! Laws: X4 a fault that this machine cannot do is printed as skipped and never counted. X5 what failed is kept: directories,
//! logs and history, and the command that does the same faults again.

mod clients;
mod clock;
mod disk;
mod fault;
mod network;
mod scene;

pub(crate) use fault::Faults;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::Target;
use crate::args::Args;
use crate::command;
use crate::random::Random;
use crate::sandbox;
use crate::steps::Tally;
use clients::Resumed;
use fault::Fault;
use network::Network;
use scene::{Scene, Stage};

/// After a fault is made good.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);
/// Between two faults.
const CALM_MS: std::ops::Range<u64> = 200..3000;
const FAULTS: u32 = 20;
/// The exit code of a run that could not be.
const SKIPPED: u8 = 77;

pub(crate) const HELP: &str = "\
cargo xtask chaos --cluster
  Several members as processes, each with a network of its own; clients that record everything; faults, one after the
  other; writes must go on after each; in the end testkit judges the history. As root, or where user namespaces are allowed

  --nodes N          members, 3 to 5 (3)
  --faults N         how many faults (20), or
  --seconds N        for how long
  --seed S           which faults, when and whom; what the processes make of it differs from run to run
  --fault LIST       of kill, killall, stop, term, cut, oneway, slow, diskfull, clock, member (all)
  --backend B        rocksdb or memory (both)
  --server PROGRAM   any server with etcd's flags

  slow wants netem in the kernel; without it a narrow pipe (tbf) does, without both it is skipped. clock moves the wall
  clock of one process with a library that cc compiles, since Linux has no namespace for it; programs of Go do not notice";

/// What to do to a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Storm {
    pub(crate) nodes: usize,
    pub(crate) length: Length,
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Faults(u32),
    Seconds(u64),
}

impl Storm {
    /// What CI does to each backend: about 20 s.
    pub(crate) fn small() -> Storm {
        let faults = Faults(vec![Fault::Kill, Fault::Stop, Fault::Cut]);
        Storm { nodes: 3, length: Length::Faults(4), seed: 1, faults }
    }

    pub(crate) fn take(args: &mut Args, seed: u64) -> anyhow::Result<Storm> {
        let nodes = args.take_value("--nodes")?.unwrap_or(3);
        ensure!((3..=5).contains(&nodes), "--nodes is 3 to 5");
        let faults: Option<u32> = args.take_value("--faults")?;
        let seconds: Option<u64> = args.take_value("--seconds")?;
        let length = match (faults, seconds) {
            (Some(_), Some(_)) => bail!("--faults or --seconds, not both"),
            (_, Some(seconds)) => Length::Seconds(seconds),
            (faults, None) => Length::Faults(faults.unwrap_or(FAULTS)),
        };
        let faults = args.take_value("--fault")?.unwrap_or_else(Faults::all);
        Ok(Storm { nodes, length, seed, faults })
    }

    /// As it is said on a command line.
    fn words(&self) -> Vec<String> {
        let (length, count) = match self.length {
            Length::Faults(count) => ("--faults", u64::from(count)),
            Length::Seconds(count) => ("--seconds", count),
        };
        let (nodes, seed) = (self.nodes.to_string(), self.seed.to_string());
        let words =
            ["--nodes", &nodes, length, &count.to_string(), "--seed", &seed, "--fault"].map(str::to_owned);
        words.into_iter().chain([self.faults.to_string()]).collect()
    }
}

/// Runs it in namespaces of its own; says so and counts nothing where there can be none.
pub(crate) fn check(target: &Target, load: &Path, storm: &Storm, tally: &mut Tally) -> anyhow::Result<()> {
    if !sandbox::is_possible() {
        println!(
            "SKIPPED {}: a cluster with faults needs namespaces (`unshare`); run it as root",
            target.name
        );
        return Ok(());
    }
    println!("{}: --cluster {}", target.name, storm.words().join(" "));
    let place = tempfile::tempdir()?;
    let mut within = sandbox::command();
    within.arg(env::current_exe()?).args(["chaos", "--inside-cluster"]).arg(place.path());
    within.arg("--server").arg(&target.program).arg("--load").arg(load).args(storm.words());
    let status = within.status().context("start a cluster in namespaces")?;
    if status.code() == Some(SKIPPED.into()) {
        return Ok(());
    }
    if !status.success() {
        let kept = place.keep();
        bail!(
            "{}: {status}\ndirectories, logs and history are kept: {}\nagain: cargo xtask chaos --cluster {} {}",
            target.name,
            kept.display(),
            target.choice(),
            storm.words().join(" ")
        );
    }
    tally.count(true);
    Ok(())
}

/// What runs within.
pub(crate) fn inside(place: &str, mut args: Args) -> anyhow::Result<ExitCode> {
    let seed = args.take_value("--seed")?.context("--seed")?;
    let stage = Stage {
        server: args.take_value("--server")?.context("--server")?,
        load: args.take_value("--load")?.context("--load")?,
        place: PathBuf::from(place),
        nodes: args.take_value("--nodes")?.context("--nodes")?,
        seed,
    };
    let storm = Storm { nodes: stage.nodes, ..Storm::take(&mut args, seed)? };
    args.finish()?;
    let network = match Network::new(stage.nodes) {
        Ok(network) => network,
        Err(error) => {
            println!("SKIPPED: no networks can be made here: {error:#}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    let (mut scene, skipped) = Scene::start(&stage, network)?;
    let outcome = weather(&mut scene, &storm, &skipped).and_then(|()| {
        let counts = scene.clients.command("finish")?;
        println!("{counts}");
        Ok(())
    });
    if let Err(error) = &outcome {
        // The rest of what is known is looked at all the same.
        println!("FAILED  {error:#}");
        scene.keep(&stage.place)?;
    }
    // The members end first: the judge needs the processors.
    drop(scene);
    let judged = judge(&stage);
    outcome.and(judged)?;
    Ok(ExitCode::SUCCESS)
}

/// All faults, one after the other.
fn weather(scene: &mut Scene, storm: &Storm, skipped: &[(Fault, String)]) -> anyhow::Result<()> {
    let (possible, impossible): (Vec<Fault>, Vec<Fault>) =
        storm.faults.0.iter().copied().partition(|fault| !skipped.iter().any(|(other, _)| other == fault));
    for fault in impossible {
        let why = skipped.iter().find(|(other, _)| *other == fault).map_or("", |(_, why)| why);
        println!("SKIPPED {fault}: {why}");
    }
    ensure!(!possible.is_empty(), "none of the faults can be done here");
    let mut random = Random::new(storm.seed);
    let begun = Instant::now();
    // Every kind comes once before one comes again.
    let mut deck: Vec<Fault> = Vec::new();
    let mut done: Vec<(Fault, Resumed)> = Vec::new();
    scene.resumed(RESUMED_WITHIN).context("before the first fault")?;
    while !is_over(storm.length, done.len(), begun.elapsed()) {
        thread::sleep(Duration::from_millis(random.within(CALM_MS.start, CALM_MS.end)));
        if deck.is_empty() {
            deck.clone_from(&possible);
        }
        let fault = deck.swap_remove(usize::try_from(random.within(0, deck.len() as u64))?);
        let number = done.len() + 1;
        let what = scene.strike(fault, &mut random).with_context(|| format!("fault {number}, {fault}"))?;
        let resumed = scene.resumed(RESUMED_WITHIN);
        let resumed = resumed.with_context(|| format!("after fault {number}, {fault} {what}"))?;
        println!(
            "{number:>4} {fault:<9} {what}: {} ms without a write; then through all within {} ms",
            resumed.pause.as_millis(),
            resumed.all.as_millis()
        );
        done.push((fault, resumed));
    }
    for fault in &possible {
        println!("{}", summary(*fault, &done));
    }
    Ok(())
}

fn is_over(length: Length, done: usize, elapsed: Duration) -> bool {
    match length {
        Length::Faults(count) => done as u64 >= u64::from(count),
        Length::Seconds(seconds) => elapsed.as_secs() >= seconds,
    }
}

fn summary(fault: Fault, done: &[(Fault, Resumed)]) -> String {
    let its: Vec<&Resumed> =
        done.iter().filter(|(other, _)| *other == fault).map(|(_, resumed)| resumed).collect();
    let mut pauses: Vec<u128> = its.iter().map(|resumed| resumed.pause.as_millis()).collect();
    pauses.sort_unstable();
    let median = pauses.get(pauses.len() / 2).unwrap_or(&0);
    let (longest, all) = (pauses.last().unwrap_or(&0), its.iter().map(|resumed| resumed.all).max());
    format!(
        "{fault:<9} {:>3} times; without a write: median {median} ms, max {longest} ms; then through all: max {} ms",
        its.len(),
        all.unwrap_or_default().as_millis()
    )
}

fn judge(stage: &Stage) -> anyhow::Result<()> {
    let mut judge = Command::new(&stage.load);
    judge.arg("judge").arg("--history").arg(stage.history());
    command::run(&mut judge).context("the judge")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_read_as_it_is_written() {
        let storm =
            Storm { nodes: 5, length: Length::Seconds(7), seed: 3, faults: "cut,kill".parse().unwrap() };
        let mut args = Args::new(storm.words());
        let seed = args.take_value("--seed").unwrap().unwrap();
        let read = Storm::take(&mut args, seed).unwrap();
        args.finish().unwrap();
        assert_eq!(read.words(), storm.words());
    }

    #[test]
    fn a_storm_ends_by_its_count_or_by_its_time() {
        assert!(is_over(Length::Faults(2), 2, Duration::ZERO));
        assert!(!is_over(Length::Faults(2), 1, Duration::from_secs(1000)));
        assert!(is_over(Length::Seconds(2), 0, Duration::from_secs(2)));
    }
}
