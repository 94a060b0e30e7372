//! `cargo xtask differ`: random histories for etcd and for our server, every field of every answer compared.
//!
//! The program `quorate-load differ` makes the histories, compares, and shrinks what it finds. This one has the servers:
//! a pair for each lane, without fsync, in memory where there is room; it starts them afresh when it is asked to.

mod lane;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::args::Args;
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::chaos::Target;
use crate::compat::Built;
use crate::places::Places;
use crate::random;
use crate::setup::{self, Clients, Etcd};
use crate::steps::Tally;
use lane::Lane;

pub(crate) const HELP: &str = "\
cargo xtask differ [OPTIONS]

  --ops N            operations on each backend, over all lanes (20,000)
  --lanes N          pairs of servers side by side, each with histories of its own (2)
  --length N         operations of one history, which begins with empty servers (10,000)
  --seed S           of the first history of the first lane; without it another one each time, which is printed
  --parts P          what there is besides keys (watch,lease)
  --etcd V           compared with this etcd, 3.7.1 or 3.5.1; without it 3.7.1 if Go can build it
  --backend B        ours with this backend only; without it rocksdb and memory
  --release          servers and client as they are released; for long runs
  --server P         an etcd-like program P instead of ours
  --replay FILE      this history instead of random ones; may come again. All that is kept: xtask/differ/*.txt

A difference that docs/differ.md does not list is shrunk to a small history, which is written to xtask/differ/.";

/// Histories that once showed a difference, and where new ones are written.
const KEPT: &str = "xtask/differ";
/// What histories are made of unless somebody says otherwise.
const PARTS: &str = "watch,lease";
/// Far enough from each other that no two lanes play the same history.
const SEEDS_A_LANE: u64 = 1_000_000;

/// What to play.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) ops: u64,
    pub(crate) lanes: u64,
    pub(crate) length: u64,
    pub(crate) seed: u64,
    pub(crate) parts: String,
    /// Where a history that shows a difference is written.
    pub(crate) keep: PathBuf,
}

/// The programs that take part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Programs<'a> {
    pub(crate) etcd: &'a Etcd,
    pub(crate) ours: &'a Path,
    pub(crate) load: &'a Path,
}

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let mut plan = Plan::of(places);
    plan.ops = args.take_value("--ops")?.unwrap_or(plan.ops);
    plan.lanes = args.take_value("--lanes")?.unwrap_or(plan.lanes);
    plan.length = args.take_value("--length")?.unwrap_or(plan.length);
    plan.seed = args.take_value("--seed")?.unwrap_or_else(|| random::seed() % SEEDS_A_LANE);
    plan.parts = args.take_value("--parts")?.unwrap_or(plan.parts);
    let version: Option<String> = args.take_value("--etcd")?;
    let replays: Vec<PathBuf> = args.take_values("--replay")?;
    let named: Option<PathBuf> = args.take_value("--server")?;
    let profile = Profile::take(&mut args);
    let backends = Backend::take_all(&mut args)?;
    args.finish()?;
    let ready = setup::prepare(places, if named.is_some() { &[] } else { &backends })?;
    let clients = Clients::prepare(places)?;
    let etcd = version.map_or(Ok(clients.reference()), |version| clients.etcd(&version))?;
    let load = build::load(places, &ready, profile)?;
    let targets = match named {
        Some(program) => vec![Target::named(program)],
        None => {
            let build = |&backend| {
                let program = build::server(places, &ready, (backend, profile))?;
                Ok(Target::from(&Built { backend, program }))
            };
            backends.iter().map(build).collect::<anyhow::Result<Vec<Target>>>()?
        }
    };
    let mut tally = Tally::default();
    for target in targets {
        println!("{}", target.name);
        let programs = Programs { etcd, ours: &target.program, load: &load };
        match replays.as_slice() {
            [] => play(programs, &plan, &mut tally)?,
            files => replay(programs, files, &mut tally)?,
        }
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Plan {
    /// What CI plays: always the same.
    pub(crate) fn of(places: &Places) -> Plan {
        Plan {
            ops: 20_000,
            lanes: 2,
            length: 10_000,
            seed: 1,
            parts: PARTS.to_owned(),
            keep: places.root.join(KEPT),
        }
    }
}

/// All lanes at once; counts the histories, and those that showed a difference.
pub(crate) fn play(programs: Programs<'_>, plan: &Plan, tally: &mut Tally) -> anyhow::Result<()> {
    let begun = Instant::now();
    println!(
        "beside {}: {} operations on {} lanes, --seed {}",
        programs.etcd, plan.ops, plan.lanes, plan.seed
    );
    let reports: Vec<anyhow::Result<Value>> = thread::scope(|scope| {
        let start = |lane| {
            let words = words(plan, lane);
            scope.spawn(move || Lane::new(programs).run(&words))
        };
        let lanes: Vec<_> = (0..plan.lanes).map(start).collect();
        let joined = lanes.into_iter().map(|lane| lane.join());
        joined.map(|report| report.unwrap_or_else(|_| Err(anyhow!("a lane panicked")))).collect()
    });
    let mut operations = 0;
    for report in reports {
        let report = report?;
        operations += number(&report, "operations");
        count(&report, tally);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{operations} operations in {seconds:.1} s");
    Ok(())
}

/// Histories from files, one after the other.
pub(crate) fn replay(programs: Programs<'_>, files: &[PathBuf], tally: &mut Tally) -> anyhow::Result<()> {
    for file in files {
        println!("{}", file.display());
        let words = ["--replay".to_owned(), file.display().to_string()];
        count(&Lane::new(programs).run(&words)?, tally);
    }
    Ok(())
}

/// What CI does for a server: the histories that are kept, and as many operations from a fixed seed.
pub(crate) fn step(places: &Places, programs: Programs<'_>, tally: &mut Tally) -> anyhow::Result<()> {
    replay(programs, &kept(places)?, tally)?;
    play(programs, &Plan::of(places), tally)
}

/// The histories that are kept, by name.
fn kept(places: &Places) -> anyhow::Result<Vec<PathBuf>> {
    let folder = places.root.join(KEPT);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    let mut files: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    Ok(files)
}

fn words(plan: &Plan, lane: u64) -> Vec<String> {
    let ops = plan.ops / plan.lanes + u64::from(lane < plan.ops % plan.lanes);
    let values = [
        ("--ops", ops.to_string()),
        ("--length", plan.length.to_string()),
        ("--seed", (plan.seed + lane * SEEDS_A_LANE).to_string()),
        ("--parts", plan.parts.clone()),
        ("--keep", plan.keep.display().to_string()),
    ];
    values.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
}

fn count(report: &Value, tally: &mut Tally) {
    println!("accepted: {}", report["accepted"]);
    let found = &report["found"];
    let failed = u32::from(!found.is_null());
    let histories = u32::try_from(number(report, "histories")).unwrap_or(u32::MAX);
    tally.passed += histories.saturating_sub(failed);
    tally.failed += failed;
    if !found.is_null() {
        println!("DIFFERENCE, shown by {}", found["file"].as_str().unwrap_or_default());
        for line in found["differences"].as_array().into_iter().flatten() {
            println!("  {}", line.as_str().unwrap_or_default());
        }
    }
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_default()
}
