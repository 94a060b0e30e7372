//! `put`: a number of puts by a number of clients, measured after a warm-up.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value as Json, json};

use crate::connection::Connection;
use crate::journal::{Event, Journal, Op, Value};
use crate::options::Options;
use crate::usage;

/// Keys per client; then they are written again.
const KEYS: u64 = 1000;

pub(crate) async fn run(mut options: Options) -> anyhow::Result<()> {
    let endpoint: String = options.require("--endpoint")?;
    let connections: u32 = options.take("--connections", 1)?;
    let clients: u32 = options.take("--clients", 1)?;
    let ops: u64 = options.require("--ops")?;
    let warmup: u64 = options.take("--warmup", 0)?;
    let value_bytes: usize = options.take("--value-bytes", 256)?;
    let journal: String = options.take("--journal", String::new())?;
    let server: String = options.take("--server-pid", "self".to_owned())?;
    options.finish()?;
    let connections = Connection::open_all(&endpoint, connections).await?;
    let mut clients: Vec<Client> = (0..clients)
        .zip(connections.iter().cycle())
        .map(|(worker, connection)| Client::new(worker, connection.clone(), value_bytes))
        .collect();
    clients = phase(clients, warmup).await?;
    clients.iter_mut().for_each(|client| client.latencies.clear());
    let before = Account::take(&server)?;
    clients = phase(clients, ops).await?;
    let report = before.report(&server, &clients)?;
    if !journal.is_empty() {
        write_journal(&journal.into(), &clients)?;
    }
    println!("{report}");
    Ok(())
}

/// All clients together do so many puts.
async fn phase(clients: Vec<Client>, ops: u64) -> anyhow::Result<Vec<Client>> {
    let left = Rc::new(Cell::new(ops));
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> =
        clients.into_iter().map(|client| local.spawn_local(client.work(Rc::clone(&left)))).collect();
    local.await;
    let mut clients = Vec::new();
    for task in tasks {
        clients.push(task.await??);
    }
    Ok(clients)
}

/// One closed loop: the next put follows the reply to the last.
#[derive(Debug)]
struct Client {
    worker: u32,
    connection: Connection,
    value_bytes: usize,
    count: u64,
    events: Vec<Event>,
    latencies: Vec<Duration>,
}

impl Client {
    fn new(worker: u32, connection: Connection, value_bytes: usize) -> Client {
        Client { worker, connection, value_bytes, count: 0, events: Vec::new(), latencies: Vec::new() }
    }

    async fn work(mut self, left: Rc<Cell<u64>>) -> anyhow::Result<Client> {
        while let Some(after) = left.get().checked_sub(1) {
            left.set(after);
            let op = self.next();
            let begun = Instant::now();
            let reply = self.connection.write(&op).await?;
            self.latencies.push(begun.elapsed());
            let worker = self.worker;
            self.events.push(Event::Sent { worker, op });
            self.events.push(Event::Acknowledged { worker, revision: reply.revision, deleted: 0 });
        }
        Ok(self)
    }

    fn next(&mut self) -> Op {
        self.count += 1;
        let key = format!("w{:03}/k{:05}", self.worker, self.count % KEYS);
        let tag = format!("{}-{}", self.worker, self.count);
        Op::Put { key, value: Value { tag, length: self.value_bytes } }
    }
}

/// Clocks at the beginning of the measured phase.
#[derive(Debug)]
struct Account {
    begun: Instant,
    server: Duration,
    own: Duration,
}

impl Account {
    fn take(server: &str) -> anyhow::Result<Account> {
        Ok(Account { begun: Instant::now(), server: usage::cpu(server)?, own: usage::cpu("self")? })
    }

    fn report(&self, server: &str, clients: &[Client]) -> anyhow::Result<Json> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let mut latencies: Vec<Duration> =
            clients.iter().flat_map(|client| client.latencies.clone()).collect();
        latencies.sort_unstable();
        let ops = u32::try_from(latencies.len())?;
        let longest = latencies.last().copied().context("--ops 0 measures nothing")?;
        let each = |used: Duration| micros(used) / f64::from(ops);
        Ok(json!({
            "ops": ops,
            "seconds": seconds,
            "rate": f64::from(ops) / seconds,
            "p50_us": micros(quantile(&latencies, 50)),
            "p99_us": micros(quantile(&latencies, 99)),
            "max_us": micros(longest),
            "server_cpu_us": each(usage::cpu(server)?.saturating_sub(self.server)),
            "server_rss_mib": usage::rss_mib(server)?,
            "own_cpu_us": each(usage::cpu("self")?.saturating_sub(self.own)),
        }))
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The value below which `percent` of the sorted values lie.
fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

fn write_journal(path: &PathBuf, clients: &[Client]) -> anyhow::Result<()> {
    let mut journal = Journal::append(path)?;
    for event in clients.iter().flat_map(|client| &client.events) {
        journal.write(event)?;
    }
    journal.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_micros).collect();
        assert_eq!(quantile(&sorted, 50), Duration::from_micros(51));
        assert_eq!(quantile(&sorted, 99), Duration::from_micros(100));
        assert_eq!(quantile(&sorted[..1], 99), Duration::from_micros(1));
        assert_eq!(quantile(&[], 50), Duration::ZERO);
    }
}
