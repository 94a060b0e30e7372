//! The two servers while they are told one history: what is sent to both, what is waited for, what is compared.
//!
//! Laws: D1 a write is under way alone, and reads only beside reads, so that every answer is determined, revisions
//! included. D2 before anything that depends on how far the watchers are (a compaction, a cancellation, an id that may
//! be in use) all of them have been told everything, and that was compared.

mod settling;
mod side;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::bail;

use super::accepted;
use super::compare::{self, Answer, Both, Difference};
use super::schema::{COMPACT, COMPACT_RESPONSE, RANGE, RANGE_REQUEST, TXN, Way};
use super::tree::{Symbol, Tree};
use super::watched::Name;
use super::{Etcd, Op, generator};
use crate::grpc::{Event, What};
use crate::lines::Lines;
use side::Side;
use watching::Start;

const WATCH: u32 = u32::MAX;
const KEEP_ALIVE: u32 = u32::MAX - 1;
/// Reads under way together.
const READS_MAX: usize = 16;
/// How long a message that must come on a stream may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Pair {
    /// etcd's, then ours.
    lines: Lines,
    sides: [Side; 2],
    newest: i64,
    compacted: i64,
    starts: BTreeMap<Name, Start>,
    /// Ids of watches that a compaction ended and nobody cancelled: they are in use.
    overtaken: BTreeSet<i64>,
    /// Revisions that may have deleted a key and created it again.
    recreations: BTreeSet<i64>,
    etcd: Etcd,
    is_watching: bool,
    is_renewing: bool,
    /// A watch that began in the past may not be level yet.
    catches_up: bool,
    /// How often each accepted difference was met.
    pub(crate) accepted: BTreeMap<&'static str, u64>,
}

/// Where a history showed a difference.
#[derive(Debug)]
pub(crate) struct Found {
    /// The operation after which it showed.
    pub(crate) at: usize,
    /// At least one.
    pub(crate) differences: Vec<Difference>,
}

type Outcome = anyhow::Result<Vec<Difference>>;

impl Pair {
    /// Connects to two servers that nobody has written to.
    pub(crate) fn open(etcd: Etcd, (theirs, ours): (&str, &str)) -> anyhow::Result<Pair> {
        Ok(Pair {
            lines: Lines::open_each([theirs, ours])?,
            sides: [Side::default(), Side::default()],
            newest: 1,
            compacted: 0,
            starts: BTreeMap::new(),
            overtaken: BTreeSet::new(),
            recreations: BTreeSet::new(),
            etcd,
            is_watching: false,
            is_renewing: false,
            catches_up: false,
            accepted: BTreeMap::new(),
        })
    }

    /// Plays the history and ends at the first difference that has no accepted reason.
    pub(crate) fn play(&mut self, history: &[Op]) -> Option<Found> {
        let mut at = 0;
        while at < history.len() {
            let together = reads(&history[at..]).max(1);
            let differences = told(self.step(&history[at..at + together]));
            at += together;
            if !differences.is_empty() {
                return Some(Found { at: at - 1, differences });
            }
        }
        let differences = told(self.finish());
        (!differences.is_empty()).then_some(Found { at: at.saturating_sub(1), differences })
    }

    fn step(&mut self, ops: &[Op]) -> Outcome {
        let [op, ..] = ops else { return Ok(Vec::new()) };
        match op.call.way {
            Way::Read | Way::Pieces => self.unary(ops),
            Way::Write if std::ptr::eq(op.call, &COMPACT) => {
                let settled = self.settle()?;
                // Compacted there, etcd loses a key that was deleted and created, and dies of the next read.
                let kills = self.recreations.contains(&self.number_in(&op.request, "revision"));
                if settled.is_empty() && !kills { self.unary(ops) } else { Ok(settled) }
            }
            Way::Write => self.unary(ops),
            Way::Watch => self.watch(op),
            Way::KeepAlive => self.renew(op),
        }
    }

    /// All that was told to the watchers, and all that is there now.
    fn finish(&mut self) -> Outcome {
        let settled = self.settle()?;
        if !settled.is_empty() {
            return Ok(settled);
        }
        let all = || Tree::of(&RANGE_REQUEST).with("key", vec![0]).with("range_end", vec![0]);
        let now = Op { call: &RANGE, request: all() };
        let then = Op { call: &RANGE, request: all().with("revision", Symbol::Compacted(0)) };
        self.unary(&[now, then])
    }

    /// Sends unary calls to both and compares the answers.
    fn unary(&mut self, ops: &[Op]) -> Outcome {
        let numbers: Vec<[Vec<u8>; 2]> = ops.iter().map(|op| self.encoded(&op.request)).collect();
        for (tag, (op, messages)) in (0..).zip(ops.iter().zip(&numbers)) {
            for (side, message) in messages.iter().enumerate() {
                match op.call.way {
                    Way::Pieces => self.lines.call_in_pieces(side, tag, op.call.method, message),
                    _ => self.lines.call(side, tag, op.call.method, message),
                }
            }
        }
        let mut answers = [vec![None; ops.len()], vec![None; ops.len()]];
        let mut missing = 2 * ops.len();
        while missing > 0 {
            let (side, event) = self.lines.next()?;
            let Some(op) = usize::try_from(event.tag).ok().and_then(|tag| ops.get(tag)) else {
                self.other(side, event)?;
                continue;
            };
            answers[side][usize::try_from(event.tag)?] = Some(self.sides[side].answer(op, event.what));
            missing -= 1;
        }
        let [etcd, ours] = answers;
        let mut found = Vec::new();
        for (op, (etcd, ours)) in ops.iter().zip(etcd.into_iter().flatten().zip(ours.into_iter().flatten())) {
            self.note(op, &etcd);
            found.extend(self.compare(op, Both { etcd, ours }));
        }
        Ok(found)
    }

    /// For each side, since a lease's id may be another on each.
    fn encoded(&self, request: &Tree) -> [Vec<u8>; 2] {
        let (newest, compacted) = (self.newest, self.compacted);
        [0, 1].map(|at| {
            let mut message = Vec::new();
            let side = &self.sides[at];
            request.encode(&|symbol| number(symbol, (newest, compacted), side), &mut message);
            message
        })
    }

    /// What is known from now on. Both servers said the same, or this history ends here.
    fn note(&mut self, op: &Op, answer: &Answer) {
        let Answer::Reply(reply) = answer else { return };
        if op.call.word == TXN.word && generator::deletes_on(&op.request) {
            self.recreations.insert(reply.revision());
        }
        self.newest = self.newest.max(reply.revision());
        if reply.kind.name == COMPACT_RESPONSE.name {
            self.compacted = self.number_in(&op.request, "revision");
        }
    }

    /// A number of a request, as it is sent to etcd.
    fn number_in(&self, request: &Tree, name: &str) -> i64 {
        match request.get(name) {
            Some(super::tree::Value::Symbol(symbol)) => {
                number(*symbol, (self.newest, self.compacted), &self.sides[0])
            }
            _ => request.number(name),
        }
    }

    /// What has no accepted reason.
    fn compare(&mut self, op: &Op, mut both: Both<Answer>) -> Vec<Difference> {
        let mut found = compare::answers(op, &mut both);
        found.retain(|difference| {
            let reason = accepted::reason(self.etcd, (op, &both, difference));
            reason.inspect(|reason| *self.accepted.entry(reason.name).or_default() += 1).is_none()
        });
        found
    }

    fn renew(&mut self, op: &Op) -> Outcome {
        let messages = self.encoded(&op.request);
        let was_open = std::mem::replace(&mut self.is_renewing, true);
        for (side, message) in messages.iter().enumerate() {
            match was_open {
                true => self.lines.send(side, KEEP_ALIVE, message)?,
                false => self.lines.start(side, KEEP_ALIVE, op.call.method, message),
            }
        }
        self.wait(PATIENCE, |sides| sides.iter().all(|side| !side.renewals.is_empty()))?;
        let [Some(etcd), Some(ours)] = self.sides.each_mut().map(|side| side.renewals.pop_front()) else {
            let counted = self.sides.each_ref().map(|side| format!("{} answers", side.renewals.len()));
            return Ok(vec![Difference::new("keep-alive answer", counted.into())]);
        };
        Ok(self.compare(op, Both { etcd, ours }))
    }

    /// Takes what comes on the streams until it is so; whether it is so in time.
    fn wait(&mut self, patience: Duration, so: impl Fn(&[Side; 2]) -> bool) -> anyhow::Result<bool> {
        let begun = Instant::now();
        while !so(&self.sides) {
            let Some(left) = patience.checked_sub(begun.elapsed()) else { return Ok(false) };
            if let Some((side, event)) = self.lines.next_within(left)? {
                self.other(side, event)?;
            }
        }
        Ok(true)
    }

    /// What came on a stream.
    fn other(&mut self, side: usize, Event { tag, what }: Event) -> anyhow::Result<()> {
        let side = &mut self.sides[side];
        match (tag, what) {
            (WATCH, What::Message(message)) => side.watched(message.bytes()),
            (KEEP_ALIVE, what) => side.renewed(what),
            (WATCH, What::End(refused)) => side.watched.broken.push(format!("the stream ended: {refused}")),
            (tag, what) => bail!("nobody called for {tag}: {what:?}"),
        }
        Ok(())
    }
}

/// How many of the first operations are reads that may be under way together.
fn reads(ops: &[Op]) -> usize {
    ops.iter().take(READS_MAX).take_while(|op| op.call.way.only_reads()).count()
}

/// A connection that breaks is a difference too: one of the servers died of the history.
fn told(outcome: Outcome) -> Vec<Difference> {
    outcome.unwrap_or_else(|error| {
        let text = format!("{error:#}");
        vec![Difference::new("connection", (text.clone(), text))]
    })
}

fn number(symbol: Symbol, (newest, compacted): (i64, i64), side: &Side) -> i64 {
    match symbol {
        Symbol::Newest(offset) => newest + offset,
        Symbol::Compacted(offset) => compacted + offset,
        Symbol::Granted(back) => side.granted(back),
    }
}
