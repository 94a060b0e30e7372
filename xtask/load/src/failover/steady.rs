//! Puts at a steady rate, on a thread of their own: an open loop.
//!
//! A put is sent when it is due, whether or not those before it were answered, so that a cluster that does not answer cannot
//! slow its clients down and look better for it. A latency is from when a put was due. Each has a key of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use super::moment::now;
use crate::bench::write_put;
use crate::grpc::{self, Method, What};
use crate::journal::{Event, Op, Value};
use crate::lines::Lines;
use crate::message;

/// How long the last puts are waited for; what became of those that are not answered by then, the check at the end finds out.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is looked whether to stop, if nothing is due.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) puts_per_second: u32,
    pub(crate) value_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) due: Duration,
    /// When it was answered.
    pub(crate) answered: Option<Duration>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// At this revision.
    Acknowledged(i64),
    /// It was answered with an error, or not at all: it may have happened.
    Unknown,
}

/// The puts of one stretch of time, which go on until `finish`.
#[derive(Debug)]
pub(crate) struct Steady {
    puts: Arc<Mutex<Vec<Put>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

struct Thread {
    lines: Lines,
    rate: Rate,
    /// Puts before these.
    earlier: u32,
    begun: Duration,
    puts: Arc<Mutex<Vec<Put>>>,
    stopping: Arc<AtomicBool>,
}

impl Put {
    pub(crate) fn is_acknowledged(&self) -> bool {
        matches!(self.fate, Fate::Acknowledged(_))
    }

    pub(crate) fn latency(&self) -> Option<Duration> {
        self.answered.filter(|_| self.is_acknowledged()).map(|answered| answered.saturating_sub(self.due))
    }

    /// For the journal.
    pub(crate) fn events(&self, worker: u32, value_bytes: usize) -> Vec<Event> {
        let op = Op::Put { key: key(worker), value: value(worker, value_bytes) };
        let sent = Event::Sent { worker, op };
        match self.fate {
            Fate::Acknowledged(revision) => {
                vec![sent, Event::Acknowledged { worker, revision, deleted: 0 }]
            }
            Fate::Unknown => vec![sent],
        }
    }
}

/// `verify` looks at keys that begin with `w`.
fn key(number: u32) -> String {
    format!("w{number:08}")
}

fn value(number: u32, length: usize) -> Value {
    Value { tag: number.to_string(), length }
}

impl Steady {
    /// To `endpoints` in turn. `earlier` puts of this run came before.
    pub(crate) fn start(endpoints: &[String], rate: Rate, earlier: u32) -> anyhow::Result<Steady> {
        let (puts, stopping) = (Arc::<Mutex<Vec<Put>>>::default(), Arc::<AtomicBool>::default());
        let (shared, endpoints) = ((puts.clone(), stopping.clone()), endpoints.to_vec());
        let (opened, is_open) = mpsc::channel();
        let work = move || {
            let lines = Lines::open_each(endpoints.iter().map(String::as_str))?;
            let (puts, stopping) = shared;
            let thread = Thread { lines, rate, earlier, begun: now(), puts, stopping };
            let _ = opened.send(()); // whoever started it waits
            thread.run()
        };
        let thread = std::thread::Builder::new().name("steady".to_owned()).spawn(work)?;
        let steady = Steady { puts, stopping, thread: Some(thread) };
        match is_open.recv() {
            Ok(()) => Ok(steady),
            Err(_) => steady.finish().and_then(|_| bail!("the puts ended before they began")),
        }
    }

    /// The first answer so far to a put that was due after `moment`.
    pub(crate) fn first_acknowledged_after(&self, moment: Duration) -> Option<Duration> {
        let puts = self.puts.lock().unwrap_or_else(PoisonError::into_inner);
        let later = puts.iter().rev().take_while(|put| put.due > moment);
        later.filter(|put| put.is_acknowledged()).filter_map(|put| put.answered).min()
    }

    /// All of them, in the order in which they were due.
    pub(crate) fn finish(mut self) -> anyhow::Result<Vec<Put>> {
        self.stopping.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("it is finished once")?;
        thread.join().map_err(|_| anyhow!("the puts panicked"))??;
        Ok(std::mem::take(&mut *self.puts.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Nobody waits for what was given up.
impl Drop for Steady {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

impl Thread {
    fn run(mut self) -> anyhow::Result<()> {
        let mut stopped: Option<Duration> = None;
        let (mut sent, mut answered) = (0, 0);
        loop {
            let now = now();
            if stopped.is_none() && self.stopping.load(Ordering::Relaxed) {
                stopped = Some(now);
            }
            match stopped {
                Some(stopped) if sent == answered || now > stopped + GRACE => return Ok(()),
                Some(_) => {}
                None => {
                    while self.due(sent) <= now {
                        self.send(sent)?;
                        sent += 1;
                    }
                }
            }
            let next = if stopped.is_some() { LOOK } else { self.due(sent).saturating_sub(now).min(LOOK) };
            if let Some((_, event)) = self.lines.next_within(next)? {
                self.take(event)?;
                answered += 1;
            }
        }
    }

    fn due(&self, number: u32) -> Duration {
        self.begun + Duration::from_secs(1) * number / self.rate.puts_per_second.max(1)
    }

    fn send(&mut self, number: u32) -> anyhow::Result<()> {
        let named = self.earlier + number;
        let mut message = Vec::new();
        write_put(key(named), value(named, self.rate.value_bytes).bytes(), &mut message);
        let put = Put { due: self.due(number), answered: None, fate: Fate::Unknown };
        self.puts.lock().unwrap_or_else(PoisonError::into_inner).push(put);
        self.lines.call(usize::try_from(number)? % self.lines.len(), number, Method::Put, &message);
        Ok(())
    }

    fn take(&mut self, event: grpc::Event) -> anyhow::Result<()> {
        let fate = match event.what {
            What::Reply(reply) => Fate::Acknowledged(message::revision(reply.bytes())?),
            What::End(_) => Fate::Unknown,
            What::Message(_) => bail!("a message on a call that is not a stream"),
        };
        let mut puts = self.puts.lock().unwrap_or_else(PoisonError::into_inner);
        let put = puts.get_mut(usize::try_from(event.tag)?).context("an answer to a put nobody sent")?;
        (put.answered, put.fate) = (Some(now()), fate);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_acknowledged_is_acknowledged_in_the_journal() {
        let put = |answered, fate| Put { due: Duration::from_secs(5), answered, fate };
        let at = Some(Duration::from_secs(7));
        let [acknowledged, refused, silent] =
            [put(at, Fate::Acknowledged(9)), put(at, Fate::Unknown), put(None, Fate::Unknown)];
        assert_eq!([acknowledged, refused, silent].map(|put| put.events(3, 8).len()), [2, 1, 1]);
        let events = acknowledged.events(3, 8);
        assert_eq!(events[1], Event::Acknowledged { worker: 3, revision: 9, deleted: 0 });
        assert_eq!([acknowledged, refused, silent].map(|put| put.is_acknowledged()), [true, false, false]);
        assert_eq!(acknowledged.latency(), Some(Duration::from_secs(2)));
        assert_eq!((refused.latency(), silent.latency()), (None, None));
    }

    #[test]
    fn keys_and_values_of_puts_are_their_own() {
        assert_ne!(key(1), key(11));
        assert_ne!(value(1, 8).bytes(), value(11, 8).bytes());
        assert!(key(u32::MAX).starts_with('w'));
    }
}
