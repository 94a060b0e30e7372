//! Fan-out: a thousand watchers of one key, and puts to it: in rounds of a hundred, or one at a time.
//!
//! The watchers share one stream a connection, as a client of etcd's multiplexes them. A round is a hundred puts by
//! ten clients on a connection of their own, or one put; it ends when every watcher has seen each of them. The
//! first shows how many events a second there are, the second how long one takes. An operation is
//! an event delivered to a watcher; a latency is that of a put, from its sending to its last delivery. Each
//! watcher must see each revision once and in order, else there are no numbers.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use prost::Message;
use quorate_proto::etcdserverpb::watch_request::RequestUnion;
use quorate_proto::etcdserverpb::{WatchCreateRequest, WatchRequest};
use serde_json::{Map, Value as Json, json};

use super::Task;
use super::closed::Limit;
use super::puts;
use crate::grpc::{Event, Method, What};
use crate::latencies::Latencies;
use crate::lines::Lines;
use crate::message::{WatchReply, revision};
use crate::meter::Meter;

const KEY: &str = "watched";
const FAN_OUT: Round = Round { puts: 100, under_way: 10 };
const ONE: Round = Round { puts: 1, under_way: 1 };
/// Rounds before the measured ones.
const WARM_UP: u32 = 5;

/// So many puts, and how many of them at a time.
#[derive(Debug, Clone, Copy)]
struct Round {
    puts: usize,
    under_way: u32,
}

#[derive(Debug)]
struct Watchers<'a> {
    lines: &'a mut Lines,
    /// The line of the puts; those before it have one stream of watchers each.
    puts_line: usize,
    count: u32,
    value_bytes: usize,
    round: Round,
    /// By line and watch id: the revision that came last.
    newest: Vec<Vec<i64>>,
    /// The store's revision before the first put.
    base: i64,
    /// By revision above `base`.
    puts: Vec<Put>,
    /// When each of the clients sent its put.
    sent_at: Vec<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Put {
    sent: Option<Instant>,
    deliveries: u32,
    last: Option<Instant>,
}

pub(super) fn run(task: &Task, lines: &mut Lines) -> anyhow::Result<Map<String, Json>> {
    let puts_line = lines.len() - 1;
    let round = if task.workload == "watch-one" { ONE } else { FAN_OUT };
    let mut watchers = Watchers {
        lines,
        puts_line,
        count: task.clients,
        value_bytes: task.value_bytes,
        round,
        newest: vec![Vec::new(); puts_line],
        base: 0,
        puts: Vec::new(),
        sent_at: vec![Instant::now(); usize::try_from(round.under_way)?],
    };
    watchers.create()?;
    (0..WARM_UP).try_for_each(|_| watchers.run_round())?;
    watchers.forget();
    let meter = Meter::start(&task.servers)?;
    watchers.rounds(task.measured)?;
    let cost = meter.stop()?;
    let deliveries = watchers.puts.len() * usize::try_from(task.clients)?;
    let puts = watchers.puts.len();
    let mut report = cost.report(deliveries, watchers.latencies()?)?;
    report.insert("puts".to_owned(), json!(puts));
    Ok(report)
}

impl Watchers<'_> {
    /// All at once; the server names them in the order of its answers.
    fn create(&mut self) -> anyhow::Result<()> {
        let create = WatchCreateRequest { key: KEY.into(), ..WatchCreateRequest::default() };
        let message =
            WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }.encode_to_vec();
        for watcher in 0..self.count {
            let line = usize::try_from(watcher)? % self.puts_line;
            match usize::try_from(watcher)? < self.puts_line {
                true => self.lines.start(line, tag(line)?, Method::Watch, &message),
                false => self.lines.send(line, tag(line)?, &message)?,
            }
        }
        for _ in 0..self.count {
            let (line, event) = self.lines.next()?;
            let message = message_of(event)?;
            let reply = WatchReply::read(message.bytes())?;
            ensure!(reply.created && !reply.canceled, "a watcher was not created: {reply:?}");
            self.base = revision(message.bytes())?;
            let known = &mut self.newest[line];
            let at = usize::try_from(reply.watch_id).context("a watch id below 0")?;
            ensure!(at < 1 << 20, "watch id {at}");
            known.resize(known.len().max(at + 1), 0);
        }
        let base = self.base;
        self.newest.iter_mut().flatten().for_each(|newest| *newest = base);
        Ok(())
    }

    /// What was delivered so far counts no more.
    fn forget(&mut self) {
        self.base += i64::try_from(self.puts.len()).expect("some hundred puts");
        self.puts.clear();
    }

    fn rounds(&mut self, limit: Limit) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            self.run_round()?;
            let deliveries = u64::try_from(self.puts.len())? * u64::from(self.count);
            if deliveries >= limit.calls || limit.time.is_some_and(|time| begun.elapsed() >= time) {
                return Ok(());
            }
        }
    }

    fn run_round(&mut self) -> anyhow::Result<()> {
        let Round { puts, under_way } = self.round;
        self.puts.resize(self.puts.len() + puts, Put::default());
        for client in 0..under_way {
            self.put(client)?;
        }
        let mut to_send = puts - usize::try_from(under_way)?;
        let mut to_come = puts * (usize::try_from(self.count)? + 1);
        while to_come > 0 {
            let (line, event) = self.lines.next()?;
            if line < self.puts_line {
                to_come -= self.deliver(line, event)?;
                continue;
            }
            let client = event.tag;
            self.acknowledge(event)?;
            to_come -= 1;
            if to_send > 0 {
                to_send -= 1;
                self.put(client)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, client: u32) -> anyhow::Result<()> {
        let mut message = Vec::new();
        puts::write(KEY.to_owned(), vec![b'w'; self.value_bytes], &mut message);
        self.sent_at[usize::try_from(client)?] = Instant::now();
        self.lines.call(self.puts_line, client, Method::Put, &message);
        Ok(())
    }

    fn acknowledge(&mut self, event: Event) -> anyhow::Result<()> {
        let sent = self.sent_at[usize::try_from(event.tag)?];
        match event.what {
            What::Reply(reply) => self.at(revision(reply.bytes())?)?.sent = Some(sent),
            What::End(refused) => return Err(refused.into()),
            What::Message(_) => bail!("a message on a call that is not a stream"),
        }
        Ok(())
    }

    /// Gives the number of events.
    fn deliver(&mut self, line: usize, event: Event) -> anyhow::Result<usize> {
        let reply = WatchReply::read(message_of(event)?.bytes())?;
        ensure!(!reply.canceled, "a watcher was canceled: {reply:?}");
        let now = Instant::now();
        for &revision in &reply.events {
            let id = usize::try_from(reply.watch_id)?;
            let newest = self.newest[line].get_mut(id).context("an event for a watcher nobody made")?;
            ensure!(revision == *newest + 1, "watcher {id} saw revision {revision} after {newest}");
            *newest = revision;
            let count = self.count;
            let put = self.at(revision)?;
            put.deliveries += 1;
            if put.deliveries == count {
                put.last = Some(now);
            }
        }
        Ok(reply.events.len())
    }

    fn at(&mut self, revision: i64) -> anyhow::Result<&mut Put> {
        let at = usize::try_from(revision - self.base - 1).ok();
        at.and_then(|at| self.puts.get_mut(at))
            .with_context(|| format!("revision {revision} is not of our puts"))
    }

    fn latencies(&self) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::default();
        for put in &self.puts {
            let (Some(sent), Some(last)) = (put.sent, put.last) else {
                bail!("a put without its end: {put:?}")
            };
            latencies.add(last.duration_since(sent));
        }
        Ok(latencies)
    }
}

fn tag(line: usize) -> anyhow::Result<u32> {
    Ok(u32::try_from(line)?)
}

fn message_of(event: Event) -> anyhow::Result<crate::grpc::Message> {
    match event.what {
        What::Message(message) => Ok(message),
        What::End(refused) => Err(refused.into()),
        What::Reply(_) => bail!("a stream ended with a reply"),
    }
}
