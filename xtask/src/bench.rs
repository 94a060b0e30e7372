//! `cargo xtask bench`: workloads, beside etcd in the same run on the same machine.
//!
//! Only ratios of one run mean something: machines and their neighbours differ by more than servers do. The
//! order changes every round, each measurement has a fresh server and directory, and the numbers shown are
//! medians over the rounds. A server that loses what it acknowledged has no numbers: each measurement that
//! writes ends with SIGKILL, a restart and a check.

mod cluster;
mod contender;
mod table;
mod workload;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};

use crate::args::{Args, Counts};
use crate::build::{self, Profile};
use crate::load::Load;
use crate::places::Places;
use crate::server::{Plan, Server};
use crate::setup;

use cluster::Case;
use contender::{Choice, Contender};
use table::Table;
use workload::{Row, Workload};

pub(crate) const HELP: &str = "\
cargo xtask bench [OPTIONS]

  --workload A,B     which of: put txn range serializable range10k mixed watch watch-one count page page-old
                     compact keepalive expire (all of them)
  --clients 1,100    instead of each workload's own rows; connections are clients / 10
  --connections N    instead of clients / 10
  --rounds R         5, or 3 where each begins with a long preload; the order of the servers changes with each
  --leases N         that fall due in expire, instead of 100,000
  --cluster A,B      instead of those above, on clusters of three members beside etcd 3.7.1: cluster-put election hand-over
                     follower-read join, or all
  --tries N          of election, instead of 50, and of hand-over, instead of 20
  --election-timeout MS --heartbeat-interval MS
                     of election, instead of 1000/100 and 200/20
  --bytes N          that the others hold in join, instead of 1 GiB
  --ops N            measured operations, instead of each row's own; a fifth of them more is warm-up
  --quick            one round of less: to see whether it works
  --backend B        ours with this backend only; without it rocksdb and memory
  --server NAME=P    an etcd-like program P under this name instead of building ours; may come again
  --etcd V           beside this etcd only, 3.7.1 or 3.5.1; without it both, and ratios are to 3.7.1 if Go can build it
  --ours-only        without etcd
  --load P           a built quorate-load, instead of building it
  --threads          CPU by the name of the server's threads, too
  --json FILE        every measurement as one line of JSON, appended

Progress goes to stderr, tables to stdout. Servers have their defaults and free ports on 127.0.0.1; their data is
below $TMPDIR. What the workloads are stands in docs/performance.md.

Gates of the workloads on clusters, printed as ok or MISSED; a run does not fail for them:
  cluster-put        three nodes have at least 0.60 of the puts/s of one node in the same run
  election           from SIGKILL to the first answer to a later write: median at most 1250 ms and p99 at most 1500 ms with the
                     default time-outs, p99 at most 350 ms with 200/20
  hand-over          no time without an acknowledged write is longer than 100 ms
  follower-read      p50 at a follower is above that at the leader by at most one call (a serializable range of no key)
  join               the leader's p99 of puts is at most doubled while a member gets its state";

#[derive(Debug)]
struct Bench {
    contenders: Vec<Contender>,
    load: Load,
    rows: Vec<Row>,
    cases: Vec<Case>,
    /// Instead of each row's own.
    rounds: Option<u32>,
    threads: bool,
    json: Option<File>,
    failures: u32,
}

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let bench = Bench::from(places, &mut args)?;
    args.finish()?;
    let failures = bench.run()?;
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench {
    fn from(places: &Places, args: &mut Args) -> anyhow::Result<Bench> {
        let quick = args.take_switch("--quick");
        let rounds: Option<u32> = args.take_value("--rounds")?;
        let json: Option<PathBuf> = args.take_value("--json")?;
        let load: Option<PathBuf> = args.take_value("--load")?;
        let threads = args.take_switch("--threads");
        let clients: Option<Counts> = args.take_value("--clients")?;
        let ops: Option<u64> = args.take_value("--ops")?;
        let cases = cluster::take(args, clients.as_ref(), ops, quick)?;
        let rows = if cases.is_empty() { rows(args, clients, ops, quick)? } else { Vec::new() };
        let choice = Choice::take(args)?;
        let choice = if cases.is_empty() { choice } else { choice.beside_newest() };
        let load = match load {
            Some(program) => program,
            None => build::load(places, &setup::prepare(places, &[])?, Profile::Release)?,
        };
        let open = |path: PathBuf| {
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .with_context(|| format!("write {}", path.display()))
        };
        Ok(Bench {
            contenders: choice.contenders(places)?,
            load: Load::new(load),
            rows,
            cases,
            rounds: rounds.or(quick.then_some(1)),
            threads,
            json: json.map(open).transpose()?,
            failures: 0,
        })
    }

    /// Gives how many measurements failed; the others go on.
    fn run(mut self) -> anyhow::Result<u32> {
        for row in std::mem::take(&mut self.rows) {
            let mut table = Table::new(self.contenders.iter().map(|contender| contender.name.clone()));
            let rounds = self.rounds.unwrap_or(row.rounds());
            for round in 0..rounds {
                self.round(round, &row, &mut table)?;
            }
            println!("\n{}\n{}; medians of {rounds} rounds", row.heading(), row.essence());
            println!("{}", table.text(row.workload.columns()));
            if self.threads {
                println!("{}", table.threads());
            }
        }
        for case in std::mem::take(&mut self.cases) {
            self.run_case(&case)?;
        }
        let first = &self.contenders[0].name;
        println!("\nin brackets the ratio to {first}");
        println!(
            "puts, transactions, mixed, compact, expire and all on clusters ended with SIGKILL, a restart and a check of all that was acknowledged"
        );
        Ok(self.failures)
    }

    fn run_case(&mut self, case: &Case) -> anyhow::Result<()> {
        let mut table =
            cluster::Table::new(self.contenders.iter().map(|contender| contender.name.clone()), case);
        let rounds = self.rounds.unwrap_or(case.kind.rounds());
        for round in 0..rounds {
            for at in turns(self.contenders.len(), round)? {
                for (variant, planned) in case.variants().iter().enumerate() {
                    let name = self.contenders[at].name.clone();
                    let report = cluster::measure(&self.load, &self.contenders[at], planned);
                    let heading = format!("{}, {}", case.heading(), planned.label);
                    let report = report.unwrap_or_else(|error| self.failed(&name, &heading, &error));
                    eprintln!("round {} {heading:<44} {name:<14} {}", round + 1, case.brief(&report));
                    self.keep(&json!({
                        "server": name, "workload": case.kind.name(), "variant": planned.label,
                        "clients": case.clients, "round": round + 1, "report": report,
                    }))?;
                    table.add(at, variant, report);
                }
            }
        }
        println!("\n{}\n{}; medians of {rounds} rounds", case.heading(), case.essence());
        println!("{}", table.text(case));
        if self.threads {
            println!("{}", table.threads());
        }
        Ok(())
    }

    /// Every contender once; who begins changes with the round.
    fn round(&mut self, round: u32, row: &Row, table: &mut Table) -> anyhow::Result<()> {
        for at in turns(self.contenders.len(), round)? {
            let name = self.contenders[at].name.clone();
            let report = measure(&self.load, &self.contenders[at], row);
            let report = report.unwrap_or_else(|error| self.failed(&name, &row.heading(), &error));
            eprintln!("round {} {:<36} {name:<14} {}", round + 1, row.heading(), brief(&report));
            self.keep(&json!({
                "server": name, "workload": row.workload.name(), "clients": row.clients,
                "connections": row.connections, "round": round + 1, "report": report,
            }))?;
            table.add(at, report);
        }
        Ok(())
    }

    /// What stands for a measurement that failed.
    fn failed(&mut self, name: &str, heading: &str, error: &anyhow::Error) -> Value {
        eprintln!("FAILED {name}, {heading}: {error:#}");
        self.failures += 1;
        json!({ "failed": error.to_string().lines().next() })
    }

    fn keep(&mut self, measurement: &Value) -> anyhow::Result<()> {
        if let Some(json) = &mut self.json {
            writeln!(json, "{measurement}")?;
        }
        Ok(())
    }
}

/// All contenders, another one first each round.
fn turns(count: usize, round: u32) -> anyhow::Result<impl Iterator<Item = usize>> {
    let first = usize::try_from(round)?;
    Ok((0..count).map(move |turn| (turn + first) % count))
}

/// The rows of the workloads that were asked for.
fn rows(args: &mut Args, clients: Option<Counts>, ops: Option<u64>, quick: bool) -> anyhow::Result<Vec<Row>> {
    let names: Option<String> = args.take_value("--workload")?;
    let connections: Option<u32> = args.take_value("--connections")?;
    let leases: Option<u64> = args.take_value("--leases")?;
    let workloads = match names {
        Some(names) => names.split(',').map(str::parse).collect::<anyhow::Result<Vec<Workload>>>()?,
        None => Workload::ALL.to_vec(),
    };
    let mut rows: Vec<Row> = match clients {
        None => workloads.iter().flat_map(|workload| workload.rows()).collect(),
        Some(clients) => workloads
            .iter()
            .flat_map(|&workload| clients.0.iter().map(move |&clients| Row::new(workload, clients)))
            .collect(),
    };
    for row in &mut rows {
        row.connections = connections.unwrap_or(row.connections);
        if quick {
            row.shrink();
        }
        row.ops = ops.unwrap_or(row.ops);
        row.set_leases(leases);
    }
    if rows.iter().any(|row| row.connections == 0 || row.ops == 0) {
        bail!("a count of 0");
    }
    Ok(rows)
}

/// One contender on one row, on a fresh server.
fn measure(load: &Load, contender: &Contender, row: &Row) -> anyhow::Result<Value> {
    let place = tempfile::tempdir()?;
    let plan = Plan::new(&contender.program, place.path())?;
    let server = plan.start()?;
    let journal = place.path().join("journal");
    let mut words = row.arguments();
    words.extend(["--endpoint".to_owned(), plan.endpoint()]);
    words.extend(["--server-pid".to_owned(), server.id().to_string()]);
    if row.workload.is_journalled() {
        words.extend(["--journal".to_owned(), journal.display().to_string()]);
    }
    let report = load.measure(&words);
    let mut report =
        report.map_err(|error| anyhow!("{error:#}\nthe server said:\n{}", server.final_lines()))?;
    server.kill()?;
    if journal.is_file() {
        match verify(load, &plan, &journal) {
            Err(error) if contender.is_reference => {
                eprintln!("{}, {}: {}", contender.name, row.heading(), first_lines(&error));
                report["lost"] = json!(true);
            }
            outcome => outcome?,
        }
    }
    Ok(report)
}

/// After SIGKILL everything that was acknowledged must be there, and nothing else.
fn verify(load: &Load, plan: &Plan, journal: &std::path::Path) -> anyhow::Result<()> {
    let server: Server = plan.start().context("start again after SIGKILL")?;
    load.verify(&plan.endpoint(), journal).context("after SIGKILL and a restart")?;
    server.kill()
}

/// A loss shifts every later revision: the list of what is wrong would be as long as the journal.
fn first_lines(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().take(3).collect::<Vec<_>>().join("\n")
}

/// One line of progress.
fn brief(report: &Value) -> String {
    match table::missing(report) {
        Some(why) => why,
        None => {
            let number = |name| crate::load::number(report, name);
            format!(
                "{:>9.0}/s  p99 {:>8.0} us  server {:>7.1} us  load {:>5.1} us",
                number("rate"),
                number("p99_us"),
                number("server_cpu_us"),
                number("own_cpu_us")
            )
        }
    }
}
