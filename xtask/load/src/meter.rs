//! What the measured part of a run cost: time, CPU of the server and of us, memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Map, Value as Json, json};

use crate::latencies::Latencies;
use crate::usage;

/// Clocks at the beginning of the measured part.
#[derive(Debug)]
pub(crate) struct Meter {
    server: String,
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
    pub(crate) fn start(server: &str) -> anyhow::Result<Meter> {
        Ok(Meter {
            server: server.to_owned(),
            threads: usage::threads(server)?,
            server_cpu: usage::cpu(server)?,
            own_cpu: usage::own_cpu()?,
            begun: Instant::now(),
        })
    }

    pub(crate) fn stop(self) -> anyhow::Result<Cost> {
        let elapsed = self.begun.elapsed();
        let mut threads = usage::threads(&self.server)?;
        for (name, used) in &mut threads {
            *used = used.saturating_sub(self.threads.get(name).copied().unwrap_or_default());
        }
        Ok(Cost {
            elapsed,
            server_cpu: usage::cpu(&self.server)?.saturating_sub(self.server_cpu),
            own_cpu: usage::own_cpu()?.saturating_sub(self.own_cpu),
            threads,
            rss_mib: usage::rss_mib(&self.server)?,
        })
    }
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
