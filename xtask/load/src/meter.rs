//! What the measured part of a run cost: time, CPU and memory of the servers together, CPU of ours.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Map, Value as Json, json};

use crate::latencies::Latencies;
use crate::usage;

/// Clocks at the beginning of the measured part.
#[derive(Debug)]
pub(crate) struct Meter {
    servers: Vec<String>,
    begun: Instant,
    server_cpu: Duration,
    own_cpu: Duration,
    threads: BTreeMap<String, Duration>,
}

/// Clocks at its end; what comes after costs nothing.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) elapsed: Duration,
    server_cpu: Duration,
    own_cpu: Duration,
    threads: BTreeMap<String, Duration>,
    rss_mib: f64,
}

impl Meter {
    /// Of the processes `servers` from now on.
    pub(crate) fn start(servers: &[String]) -> anyhow::Result<Meter> {
        Ok(Meter {
            servers: servers.to_vec(),
            threads: threads(servers)?,
            server_cpu: cpu(servers)?,
            own_cpu: usage::own_cpu()?,
            begun: Instant::now(),
        })
    }

    pub(crate) fn stop(self) -> anyhow::Result<Cost> {
        let elapsed = self.begun.elapsed();
        let mut threads = threads(&self.servers)?;
        for (name, used) in &mut threads {
            *used = used.saturating_sub(self.threads.get(name).copied().unwrap_or_default());
        }
        Ok(Cost {
            elapsed,
            server_cpu: cpu(&self.servers)?.saturating_sub(self.server_cpu),
            own_cpu: usage::own_cpu()?.saturating_sub(self.own_cpu),
            threads,
            rss_mib: rss_mib(&self.servers)?,
        })
    }
}

fn cpu(servers: &[String]) -> anyhow::Result<Duration> {
    servers.iter().map(|server| usage::cpu(server)).sum()
}

fn rss_mib(servers: &[String]) -> anyhow::Result<f64> {
    servers.iter().map(|server| usage::rss_mib(server)).sum()
}

/// Threads of one name count together, also if they are of different processes.
fn threads(servers: &[String]) -> anyhow::Result<BTreeMap<String, Duration>> {
    let mut threads = BTreeMap::new();
    for server in servers {
        for (name, used) in usage::threads(server)? {
            *threads.entry(name).or_default() += used;
        }
    }
    Ok(threads)
}

impl Cost {
    /// The report, with everything per `operations`; latencies may be of something else, such as puts.
    pub(crate) fn report(
        &self,
        operations: usize,
        mut latencies: Latencies,
    ) -> anyhow::Result<Map<String, Json>> {
        ensure!(operations > 0 && latencies.len() > 0, "nothing was measured");
        latencies.sort();
        let operations = f64::from(u32::try_from(operations)?);
        let each = |used: Duration| used.as_secs_f64() * 1e6 / operations;
        let threads: Map<String, Json> =
            self.threads.iter().map(|(name, &used)| (name.clone(), json!(each(used)))).collect();
        let seconds = self.elapsed.as_secs_f64();
        let report = json!({
            "ops": operations,
            "seconds": seconds,
            "rate": operations / seconds,
            "p50_us": latencies.quantile_us(50),
            "p99_us": latencies.quantile_us(99),
            "max_us": latencies.quantile_us(100),
            "server_cpu_us": each(self.server_cpu),
            "server_rss_mib": self.rss_mib,
            "own_cpu_us": each(self.own_cpu),
            "threads": threads,
        });
        match report {
            Json::Object(report) => Ok(report),
            _ => unreachable!("it is written as an object above"),
        }
    }
}
