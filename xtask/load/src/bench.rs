//! `measure`: one workload on one server, after a warm-up. Prints one line of JSON.
//!
//! A closed loop: each client sends its next call when the reply to its last has come, so that the rate is what
//! the server gives so many clients. A server that does not know a call says so (code 12), and the report says
//! `unimplemented` instead of numbers.

mod closed;
mod compaction;
mod expiry;
mod keepalives;
mod pages;
mod preload;
mod puts;
mod ranges;
mod txns;
mod watchers;

use std::path::Path;

use anyhow::bail;
use serde_json::{Map, Value as Json, json};

use crate::grpc::Refused;
use crate::journal::{Event, Journal};
use crate::ledger::Ledger;
use crate::lines::Lines;
use crate::meter::Meter;
use crate::options::Options;

pub(crate) use closed::{Limit, Source, drive};
pub(crate) use preload::{Writes, packed};
pub(crate) use puts::write as write_put;

/// gRPC's code for a call that the server does not know.
const UNIMPLEMENTED: u32 = 12;
/// The revision of a store that nobody wrote to.
const EMPTY: i64 = 1;

/// What all workloads are told.
#[derive(Debug)]
struct Task {
    workload: String,
    /// The connections go to them in turn.
    endpoints: Vec<String>,
    connections: u32,
    clients: u32,
    warmup: Limit,
    measured: Limit,
    value_bytes: usize,
    /// Keys that are written before.
    keys: u64,
    /// Writes over them after that.
    history: u64,
    journal: String,
    /// What they use is added up.
    servers: Vec<String>,
}

pub(crate) fn run(mut options: Options) -> anyhow::Result<()> {
    let seconds: f64 = options.take("--seconds", 0.0)?;
    let task = Task {
        workload: options.require("--workload")?,
        endpoints: listed(&options.require::<String>("--endpoint")?),
        connections: options.take("--connections", 1)?,
        clients: options.take("--clients", 1)?,
        warmup: Limit::new(options.take("--warmup", 0)?, seconds / 5.0),
        measured: Limit::new(options.require("--ops")?, seconds),
        value_bytes: options.take("--value-bytes", 256)?,
        keys: options.take("--keys", 10_000)?,
        history: options.take("--history", 0)?,
        journal: options.take("--journal", String::new())?,
        servers: listed(&options.take("--server-pid", "self".to_owned())?),
    };
    options.finish()?;
    match task.run() {
        Ok(report) => println!("{}", Json::Object(report)),
        Err(error) => match error.downcast_ref::<Refused>() {
            Some(refused) if refused.code == UNIMPLEMENTED => {
                let text = if refused.text.is_empty() { "no message" } else { &refused.text };
                println!("{}", json!({ "unimplemented": text }));
            }
            _ => return Err(error),
        },
    }
    Ok(())
}

/// `a,b,c`.
pub(crate) fn listed(words: &str) -> Vec<String> {
    words.split(',').map(str::to_owned).collect()
}

impl Task {
    fn run(&self) -> anyhow::Result<Map<String, Json>> {
        // Watchers do not share a connection with the puts that they watch.
        let puts = u32::from(self.workload.starts_with("watch"));
        let connections = usize::try_from(self.connections + puts)?;
        let mut lines =
            Lines::open_each(self.endpoints.iter().map(String::as_str).cycle().take(connections))?;
        match self.workload.as_str() {
            "put" => {
                let mut puts = puts::Puts::new(self.clients, self.value_bytes);
                let report = self.measure(&mut lines, &mut puts)?;
                self.write_journal(EMPTY, puts.ledgers())?;
                Ok(report)
            }
            "txn" => {
                let mut txns = txns::Txns::new(self.clients, self.value_bytes);
                let mut report = self.measure(&mut lines, &mut txns)?;
                report.insert("failed".to_owned(), json!(txns.failed()));
                self.write_journal(EMPTY, txns.ledgers())?;
                Ok(report)
            }
            "range" | "serializable" | "range10k" | "mixed" => {
                let revision = preload::packed(&mut lines, self.writes(self.keys))?;
                let mut ranges = ranges::Ranges::new(self);
                let report = self.measure(&mut lines, &mut ranges)?;
                self.write_journal(revision, ranges.ledgers())?;
                Ok(report)
            }
            "count" | "page" | "page-old" => pages::run(self, &mut lines),
            "watch" | "watch-one" => watchers::run(self, &mut lines),
            "compact" => compaction::run(self, &mut lines),
            "keepalive" => keepalives::run(self, &mut lines),
            "expire" => expiry::run(self, &mut lines),
            other => bail!("no workload is called {other}"),
        }
    }

    /// So many writes over the task's keys.
    fn writes(&self, count: u64) -> preload::Writes {
        preload::Writes { count, keys: self.keys, value_bytes: self.value_bytes }
    }

    /// The warm-up, then the measured part, in a closed loop.
    fn measure(&self, lines: &mut Lines, source: &mut impl Source) -> anyhow::Result<Map<String, Json>> {
        if self.warmup.calls > 0 {
            closed::drive(lines, self.clients, self.warmup, source)?;
        }
        let meter = Meter::start(&self.servers)?;
        let latencies = closed::drive(lines, self.clients, self.measured, source)?;
        meter.stop()?.report(latencies.len(), latencies)
    }

    /// What the workers wrote, and that the store had this revision before.
    fn write_journal(&self, revision: i64, ledgers: &[Ledger]) -> anyhow::Result<()> {
        if self.journal.is_empty() {
            return Ok(());
        }
        let mut journal = Journal::append(Path::new(&self.journal))?;
        if revision > EMPTY {
            journal.write(&Event::Others { writes: revision - EMPTY })?;
        }
        for event in ledgers.iter().flat_map(Ledger::events) {
            journal.write(&event)?;
        }
        journal.finish()
    }
}
