//! Keep-alives: each client has a lease and a stream, and asks again when it has been answered.

use std::time::Instant;

use anyhow::{bail, ensure};
use prost::Message;
use quorate_proto::etcdserverpb::{LeaseKeepAliveRequest, LeaseKeepAliveResponse};
use serde_json::{Map, Value as Json};

use super::Task;
use super::closed::Limit;
use super::preload;
use crate::grpc::{Event, Method, What};
use crate::latencies::Latencies;
use crate::lines::Lines;
use crate::meter::Meter;

/// Longer than any run.
const TTL_SECONDS: i64 = 3600;

pub(super) fn run(task: &Task, lines: &mut Lines) -> anyhow::Result<Map<String, Json>> {
    preload::leases(lines, u64::from(task.clients), TTL_SECONDS)?;
    for client in 0..task.clients {
        let line = usize::try_from(client)? % lines.len();
        lines.start(line, client, Method::LeaseKeepAlive, &request(client));
    }
    let begun = vec![Instant::now(); usize::try_from(task.clients)?];
    let mut keepers = Keepers { lines, sent_at: begun };
    // The first answer of each is still to come: it counts as warm-up.
    keepers.drive(task.warmup, Rest::StayAwake)?;
    let meter = Meter::start(&task.servers)?;
    let latencies = keepers.drive(task.measured, Rest::FallSilent)?;
    meter.stop()?.report(latencies.len(), latencies)
}

/// What the clients do once the limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Each goes on to have one request under way.
    StayAwake,
    /// None has.
    FallSilent,
}

struct Keepers<'a> {
    lines: &'a mut Lines,
    sent_at: Vec<Instant>,
}

impl Keepers<'_> {
    /// Takes so many answers; each client has a request under way when it begins.
    fn drive(&mut self, limit: Limit, rest: Rest) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::with_room(limit.calls);
        let clients = u64::try_from(self.sent_at.len())?;
        let answers = limit.calls.max(clients);
        for answer in 0..answers {
            let (_, event) = self.lines.next()?;
            let client = usize::try_from(event.tag)?;
            let now = Instant::now();
            check(&event)?;
            latencies.add(now.duration_since(self.sent_at[client]));
            if rest == Rest::StayAwake || answer + clients < answers {
                let line = client % self.lines.len();
                self.lines.send(line, event.tag, &request(event.tag))?;
                self.sent_at[client] = now;
            }
        }
        Ok(latencies)
    }
}

fn request(client: u32) -> Vec<u8> {
    LeaseKeepAliveRequest { id: preload::lease_id(u64::from(client)) }.encode_to_vec()
}

fn check(event: &Event) -> anyhow::Result<()> {
    match &event.what {
        What::Message(message) => {
            let reply = LeaseKeepAliveResponse::decode(message.bytes())?;
            ensure!(
                reply.ttl == TTL_SECONDS,
                "a lease of {TTL_SECONDS} s was kept alive for {} s",
                reply.ttl
            );
            Ok(())
        }
        What::End(refused) => Err(refused.clone().into()),
        What::Reply(_) => bail!("a stream ended with a reply"),
    }
}
