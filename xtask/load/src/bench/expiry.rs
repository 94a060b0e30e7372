//! Leases that fall due together, and what that does to puts that go on meanwhile.
//!
//! `history` leases are granted with one time, long enough that all are there before the first is due. "Before" is
//! measured while none is due; "during" begins when the first is, and ends when none is left. What it took is told from
//! the moment at which the last fell due.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use prost::Message;
use quorate_proto::etcdserverpb::{LeaseLeasesRequest, LeaseLeasesResponse};
use serde_json::{Map, Value as Json, json};

use super::Task;
use super::closed::{self, Limit};
use super::preload;
use super::puts::Puts;
use crate::grpc::{Method, What};
use crate::latencies::Latencies;
use crate::lines::Lines;
use crate::meter::Meter;

/// How long puts go on between two looks at what is left.
const SLICE_SECONDS: f64 = 0.5;
/// Granting takes no longer than this for each thousand leases, or there are no numbers.
const GRANT_TIME_PER_THOUSAND: Duration = Duration::from_millis(60);
const TTL_LEAST: Duration = Duration::from_secs(8);
/// Puts before, at the most, and how long before the first is due they end.
const BEFORE_SECONDS: f64 = 2.0;
const MARGIN: Duration = Duration::from_secs(1);
/// Leases that take longer to end are an error.
const TOOK_MAX: Duration = Duration::from_secs(600);

pub(super) fn run(task: &Task, lines: &mut Lines) -> anyhow::Result<Map<String, Json>> {
    let ttl = TTL_LEAST + GRANT_TIME_PER_THOUSAND * u32::try_from(task.history / 1000)?;
    let first = Instant::now();
    preload::leases(lines, task.history, i64::try_from(ttl.as_secs())?)?;
    let last = Instant::now();
    let first_due = first + ttl;
    ensure!(last + Duration::from_secs_f64(BEFORE_SECONDS) + MARGIN < first_due, "granting took too long");
    let mut puts = Puts::new(task.clients, task.value_bytes);
    let before = Limit::new(1 << 40, BEFORE_SECONDS);
    let mut before = closed::drive(lines, task.clients, before, &mut puts)?;
    std::thread::sleep(first_due.saturating_duration_since(Instant::now()));
    let meter = Meter::start(&task.servers)?;
    let mut during = Latencies::default();
    let (mut slices, mut left) = (Vec::new(), task.history);
    while left > 0 {
        let slice = closed::drive(lines, task.clients, Limit::new(1 << 40, SLICE_SECONDS), &mut puts)?;
        during.extend(&slice);
        left = count(lines)?;
        slices.push(left);
        ensure!(first_due.elapsed() < TOOK_MAX, "{left} leases are still there after {TOOK_MAX:?}");
    }
    let took = (last + ttl).elapsed();
    before.sort();
    let p99_before = before.quantile_us(99);
    let mut report = meter.stop()?.report(during.len(), during)?;
    let p99 = report.get("p99_us").and_then(Json::as_f64).unwrap_or_default();
    report.insert("p99_before_us".to_owned(), json!(p99_before));
    report.insert("p99_ratio".to_owned(), json!(p99 / p99_before));
    report.insert("expiry_ms".to_owned(), json!(took.as_secs_f64() * 1e3));
    report.insert("left".to_owned(), json!(slices));
    task.write_journal(super::EMPTY, puts.ledgers())?;
    Ok(report)
}

/// How many leases live.
fn count(lines: &mut Lines) -> anyhow::Result<u64> {
    lines.call(0, 0, Method::LeaseLeases, &LeaseLeasesRequest {}.encode_to_vec());
    match lines.next()?.1.what {
        What::Reply(reply) => Ok(LeaseLeasesResponse::decode(reply.bytes())?.leases.len().try_into()?),
        What::End(refused) => Err(refused.into()),
        What::Message(_) => bail!("a message on a call that is not a stream"),
    }
}
