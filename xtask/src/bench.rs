//! `cargo xtask bench`: puts, beside etcd 3.5.1 in the same run on the same machine.
//!
//! Only ratios of one run mean something: machines and their neighbours differ by more than servers do. The
//! order changes every round, each measurement has a fresh server and directory, and the numbers shown are
//! medians over the rounds. A server that loses what it acknowledged has no numbers: each measurement ends
//! with SIGKILL, a restart and a check.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::args::{Args, Counts};
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::load::{Load, number};
use crate::places::Places;
use crate::server::Plan;
use crate::setup::{self, Clients, Ready};

const VALUE_BYTES: u32 = 256;
const CLIENTS_PER_CONNECTION: u32 = 10;
/// Columns of the table: heading, name in the load program's report.
const COLUMNS: [(&str, &str); 7] = [
    ("puts/s", "rate"),
    ("p50 us", "p50_us"),
    ("p99 us", "p99_us"),
    ("max us", "max_us"),
    ("CPU us/put", "server_cpu_us"),
    ("RSS MiB", "server_rss_mib"),
    ("load us/put", "own_cpu_us"),
];

#[derive(Debug)]
struct Contender {
    name: String,
    program: PathBuf,
}

#[derive(Debug)]
struct Bench {
    contenders: Vec<Contender>,
    load: Load,
    ops: Option<u32>,
}

/// Of one contender at one number of clients: per column a number for each round.
type Samples = BTreeMap<(u32, usize), Vec<[f64; COLUMNS.len()]>>;

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let clients: Counts = args.take_value("--clients")?.unwrap_or_else(|| Counts(vec![1, 100]));
    let ops: Option<u32> = args.take_value("--ops")?;
    let rounds: u32 = args.take_value("--rounds")?.unwrap_or(3);
    let backends = Backend::take_all(&mut args)?;
    args.finish()?;
    let ready = setup::prepare(places, &backends)?;
    let contenders = contenders(places, &ready, &backends)?;
    let load = Load::new(build::load(places, &ready, Profile::Release)?);
    let bench = Bench { contenders, load, ops };
    let mut samples = Samples::new();
    for round in 0..rounds {
        for &clients in &clients.0 {
            bench.round(round, clients, &mut samples)?;
        }
    }
    for &clients in &clients.0 {
        println!("{}", bench.table(clients, &samples));
    }
    println!("medians of {rounds} rounds; {VALUE_BYTES}-byte values; in brackets the ratio to etcd");
    println!("each measurement ended with SIGKILL, a restart and a check of every acknowledged put");
    Ok(ExitCode::SUCCESS)
}

fn contenders(places: &Places, ready: &Ready, backends: &[Backend]) -> anyhow::Result<Vec<Contender>> {
    let reference = Clients::prepare(places)?.etcd;
    let mut contenders = vec![Contender { name: "etcd 3.5.1".to_owned(), program: reference }];
    for &backend in backends {
        let program = build::server(places, ready, (backend, Profile::Release))?;
        contenders.push(Contender { name: format!("quorate {backend}"), program });
    }
    Ok(contenders)
}

impl Bench {
    /// Every contender once; who begins changes with the round.
    fn round(&self, round: u32, clients: u32, samples: &mut Samples) -> anyhow::Result<()> {
        let count = self.contenders.len();
        for turn in 0..count {
            let at = (turn + usize::try_from(round)?) % count;
            let contender = &self.contenders[at];
            let sample = self.measure(contender, clients).with_context(|| contender.name.clone())?;
            eprintln!(
                "round {} {clients:>4} clients  {:<16} {:>8.0} puts/s",
                round + 1,
                contender.name,
                sample[0]
            );
            samples.entry((clients, at)).or_default().push(sample);
        }
        Ok(())
    }

    fn measure(&self, contender: &Contender, clients: u32) -> anyhow::Result<[f64; COLUMNS.len()]> {
        let place = tempfile::tempdir()?;
        let plan = Plan::new(&contender.program, place.path())?;
        let server = plan.start()?;
        let journal = place.path().join("journal");
        // A single client waits for each sync alone: fewer puts say as much.
        let ops = self.ops.unwrap_or(if clients == 1 { 3_000 } else { 30_000 });
        let mut words: Vec<String> = Vec::new();
        for (name, value) in [
            ("--connections", clients.div_ceil(CLIENTS_PER_CONNECTION)),
            ("--clients", clients),
            ("--ops", ops),
            ("--warmup", ops / 5),
            ("--value-bytes", VALUE_BYTES),
            ("--server-pid", server.id()),
        ] {
            words.extend([name.to_owned(), value.to_string()]);
        }
        words.extend(["--endpoint".to_owned(), plan.endpoint()]);
        words.extend(["--journal".to_owned(), journal.display().to_string()]);
        let report = self.load.put(&words)?;
        server.kill()?;
        let server = plan.start().context("start again after SIGKILL")?;
        self.load.verify(&plan.endpoint(), &journal).context("after SIGKILL and a restart")?;
        server.kill()?;
        Ok(COLUMNS.map(|(_, name)| number(&report, name)))
    }

    fn table(&self, clients: u32, samples: &Samples) -> String {
        let connections = clients.div_ceil(CLIENTS_PER_CONNECTION);
        let mut text = format!("\n{clients} clients on {connections} connections\n{:<16}", "");
        for (heading, _) in COLUMNS {
            text += &format!("{heading:>18}");
        }
        let etcd = samples.get(&(clients, 0)).map(|rounds| medians(rounds));
        for (at, contender) in self.contenders.iter().enumerate() {
            let Some(rounds) = samples.get(&(clients, at)) else { continue };
            text += &format!("\n{:<16}", contender.name);
            for (column, value) in medians(rounds).into_iter().enumerate() {
                let ratio = etcd.map_or(0.0, |etcd| value / etcd[column]);
                text += &format!("{:>18}", cell(value, ratio));
            }
        }
        text
    }
}

fn cell(value: f64, ratio: f64) -> String {
    let digits = usize::from(value < 1000.0);
    format!("{value:.digits$} ({ratio:.2})")
}

fn medians(rounds: &[[f64; COLUMNS.len()]]) -> [f64; COLUMNS.len()] {
    std::array::from_fn(|column| median(rounds.iter().map(|round| round[column]).collect()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }

    #[test]
    fn small_numbers_keep_a_digit() {
        assert_eq!(cell(12.34, 0.5), "12.3 (0.50)");
        assert_eq!(cell(12345.6, 1.0), "12346 (1.00)");
    }
}
