//! A member gets the whole state while puts go on: one with an empty directory, or one that was down for too long.
//!
//! The others hold so many bytes in values of 4 KiB. Puts go to the member that leads, at a steady rate: for ten seconds before, and
//! until the one that joins is level, with a vote. Peaks of memory are of the time from the first of these puts on.

use std::time::Duration;

use anyhow::{bail, ensure};
use serde_json::{Map, Value as Json, json};
use tokio::time::sleep;

use super::moment::now;
use super::steady::{Put, Steady};
use super::{Task, landlord};
use crate::bench::{Writes, packed};
use crate::latencies::Latencies;
use crate::lines::Lines;
use crate::options::Options;
use crate::usage;

const VALUE_BYTES: u64 = 4096;
/// Not counted: caches are cold, and what was just written is still being put in order.
const WARM_UP: Duration = Duration::from_secs(10);
const LEVEL_WITHIN: Duration = Duration::from_secs(600);
/// Fewer puts than these say nothing about a p99.
const PUTS_MIN: usize = 100;

pub(super) async fn run(task: &mut Task, mut options: Options) -> anyhow::Result<Map<String, Json>> {
    let joiner_url: String = options.take("--joiner-peer-url", String::new())?;
    let bytes: u64 = options.require("--bytes")?;
    let before_seconds: f64 = options.take("--before-seconds", 10.0)?;
    options.finish()?;
    // The last one of those that we know joins, or was a member and is killed before there is anything.
    let Some((&joiner, others)) = task.members.all().split_last().map(|(last, all)| (last, all.to_vec()))
    else {
        bail!("there are no members")
    };
    let is_new = !joiner_url.is_empty();
    if !is_new {
        landlord::kill(joiner)?;
    }
    let leader = task.members.leader(&others).await?;
    preload(task, leader, bytes)?;
    let process = task.processes[leader].clone();
    usage::forget_peak(&process)?;
    let steady = Steady::start(&task.members.endpoints_of(&[leader]), task.rate, task.puts)?;
    sleep(WARM_UP).await;
    let from = now();
    sleep(Duration::from_secs_f64(before_seconds)).await;
    if is_new {
        task.members.add(leader, &joiner_url).await?;
    }
    let begun = now();
    let joined = landlord::start(joiner)?;
    let level = task.members.level(joiner, leader, LEVEL_WITHIN).await?;
    let peaks = (usage::peak_mib(&process)?, usage::peak_mib(&joined)?);
    let puts = steady.finish()?;
    task.note(&puts)?;
    let before = latencies(&puts, from, begun)?;
    let during = latencies(&puts, begun, level)?;
    let seconds = (level - begun).as_secs_f64();
    let report = json!({
        "level_s": seconds,
        "mib_per_s": f64::from(u32::try_from(bytes >> 20)?) / seconds,
        "p50_before_us": before.quantile_us(50),
        "p99_before_us": before.quantile_us(99),
        "p50_us": during.quantile_us(50),
        "p99_us": during.quantile_us(99),
        "max_us": during.quantile_us(100),
        "p99_ratio": during.quantile_us(99) / before.quantile_us(99),
        "unacknowledged": puts.iter().filter(|put| !put.is_acknowledged()).count(),
        "leader_peak_mib": peaks.0,
        "joiner_peak_mib": peaks.1,
    });
    let Json::Object(report) = report else { unreachable!("it is written as an object above") };
    Ok(report)
}

fn preload(task: &mut Task, leader: usize, bytes: u64) -> anyhow::Result<()> {
    let mut lines = Lines::open_each(task.members.endpoints_of(&[leader; 4]).iter().map(String::as_str))?;
    let count = bytes.div_ceil(VALUE_BYTES);
    let newest =
        packed(&mut lines, Writes { count, keys: count, value_bytes: usize::try_from(VALUE_BYTES)? })?;
    task.note_others(newest - 1)
}

/// Of those that were due in `from..to`.
fn latencies(puts: &[Put], from: Duration, to: Duration) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::default();
    let due = puts.iter().filter(|put| (from..to).contains(&put.due));
    due.filter_map(Put::latency).for_each(|latency| latencies.add(latency));
    ensure!(latencies.len() >= PUTS_MIN, "only {} puts were answered in {:?}", latencies.len(), to - from);
    latencies.sort();
    Ok(latencies)
}
