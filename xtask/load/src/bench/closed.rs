//! A closed loop of many clients on one thread.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::grpc::{Event, Method, What};
use crate::latencies::Latencies;
use crate::lines::Lines;

/// Where a workload's calls come from.
pub(crate) trait Source {
    /// Writes the client's next request.
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method;

    /// The reply to it; an error if it is not what the workload expects.
    fn reply(&mut self, client: usize, reply: &[u8]) -> anyhow::Result<()>;

    /// Whether to go on, before the limit.
    fn wants_more(&self) -> bool {
        true
    }

    /// What came for a call that is no client's.
    fn other(&mut self, event: Event) -> anyhow::Result<()> {
        bail!("nobody called for {event:?}")
    }
}

/// When to stop sending: after so many calls, and after so long if that is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) calls: u64,
    pub(crate) time: Option<Duration>,
}

impl Limit {
    pub(crate) fn new(calls: u64, seconds: f64) -> Limit {
        Limit { calls, time: (seconds > 0.0).then(|| Duration::from_secs_f64(seconds)) }
    }

    fn allows(&self, sent: u64, begun: Instant, now: Instant) -> bool {
        sent < self.calls && self.time.is_none_or(|time| now.duration_since(begun) < time)
    }
}

/// Client `c` keeps to line `c % lines`. Returns when every reply has come.
pub(crate) fn drive(
    lines: &mut Lines,
    clients: u32,
    limit: Limit,
    source: &mut impl Source,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::with_room(limit.calls);
    let mut message = Vec::new();
    let begun = Instant::now();
    let mut sent_at = vec![begun; usize::try_from(clients)?];
    let mut sent = 0;
    for client in (0..clients).take(usize::try_from(limit.calls)?) {
        send(lines, client, source, &mut message)?;
        sent += 1;
    }
    let mut under_way = sent;
    while under_way > 0 {
        let (_, event) = lines.next()?;
        if event.tag >= clients {
            source.other(event)?;
            continue;
        }
        let client = usize::try_from(event.tag)?;
        let now = Instant::now();
        match event.what {
            What::Reply(reply) => source.reply(client, reply.bytes())?,
            What::End(refused) => return Err(refused.into()),
            What::Message(_) => bail!("a message on a call that is not a stream"),
        }
        latencies.add(now.duration_since(sent_at[client]));
        if limit.allows(sent, begun, now) && source.wants_more() {
            send(lines, event.tag, source, &mut message)?;
            sent_at[client] = now;
            sent += 1;
        } else {
            under_way -= 1;
        }
    }
    Ok(latencies)
}

fn send(
    lines: &mut Lines,
    client: u32,
    source: &mut impl Source,
    message: &mut Vec<u8>,
) -> anyhow::Result<()> {
    message.clear();
    let client_at = usize::try_from(client)?;
    let method = source.request(client_at, message);
    lines.call(client_at % lines.len(), client, method, message);
    Ok(())
}
