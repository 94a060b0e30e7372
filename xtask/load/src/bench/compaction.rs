//! What a compaction does to puts that go on: their p99 while it runs, beside their p99 before.
//!
//! `history` revisions over `keys` keys come first, so that nearly all of them go. The compaction asks to wait until
//! the records are gone (`physical`); "during" is from its sending to its reply, and at least two seconds. All puts are
//! newer than what is compacted, so the journal can be verified.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use prost::Message;
use quorate_proto::etcdserverpb::CompactionRequest;
use serde_json::{Map, Value as Json, json};

use super::Task;
use super::closed::{self, Limit, Source};
use super::preload;
use super::puts::Puts;
use crate::grpc::{Event, Method, What};
use crate::lines::Lines;
use crate::meter::Meter;

const DURING_AT_LEAST: Duration = Duration::from_secs(2);
/// A compaction that takes longer is an error.
const DURING_SECONDS_MAX: f64 = 300.0;

/// Puts that go on until the compaction has been answered.
#[derive(Debug)]
struct During<'a> {
    puts: &'a mut Puts,
    begun: Instant,
    compacted: Option<Duration>,
}

pub(super) fn run(task: &Task, lines: &mut Lines) -> anyhow::Result<Map<String, Json>> {
    let newest = preload::single(lines, task.writes(task.history))?;
    let mut puts = Puts::new(task.clients, task.value_bytes);
    let before = task.measure(lines, &mut puts)?;
    let request = CompactionRequest { revision: newest, physical: true };
    lines.call(0, task.clients, Method::Compact, &request.encode_to_vec());
    let mut during = During { puts: &mut puts, begun: Instant::now(), compacted: None };
    let meter = Meter::start(&task.servers)?;
    let latencies = closed::drive(lines, task.clients, Limit::new(1 << 40, DURING_SECONDS_MAX), &mut during)?;
    let took = during.compacted.context("the compaction did not end in time")?;
    let mut report = meter.stop()?.report(latencies.len(), latencies)?;
    task.write_journal(newest, puts.ledgers())?;
    let p99 = |report: &Map<String, Json>| report.get("p99_us").and_then(Json::as_f64).unwrap_or_default();
    let p99_before = p99(&before);
    let ratio = p99(&report) / p99_before;
    report.insert("p99_before_us".to_owned(), json!(p99_before));
    report.insert("p99_ratio".to_owned(), json!(ratio));
    report.insert("rate_before".to_owned(), before.get("rate").cloned().unwrap_or_default());
    report.insert("compaction_ms".to_owned(), json!(took.as_secs_f64() * 1e3));
    Ok(report)
}

impl Source for During<'_> {
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method {
        self.puts.request(client, message)
    }

    fn reply(&mut self, client: usize, reply: &[u8]) -> anyhow::Result<()> {
        self.puts.reply(client, reply)
    }

    fn wants_more(&self) -> bool {
        self.compacted.is_none() || self.begun.elapsed() < DURING_AT_LEAST
    }

    fn other(&mut self, event: Event) -> anyhow::Result<()> {
        match event.what {
            What::Reply(_) => self.compacted = Some(self.begun.elapsed()),
            What::End(refused) => return Err(refused.into()),
            What::Message(_) => bail!("a message on a call that is not a stream"),
        }
        Ok(())
    }
}
