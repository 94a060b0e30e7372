//! Ranges over keys that are there: one key or all, linearizable or not, alone or between puts.

use anyhow::ensure;
use prost::Message;
use quorate_proto::etcdserverpb::RangeRequest;

use super::closed::Source;
use super::preload::{ALL, key};
use super::{Task, puts};
use crate::grpc::Method;
use crate::ledger::Ledger;
use crate::message::{RangeReply, revision};
use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    One {
        serializable: bool,
    },
    All,
    /// One put for four linearizable ranges of one key.
    Mixed,
}

#[derive(Debug)]
pub(crate) struct Ranges {
    shape: Shape,
    keys: u64,
    random: Random,
    /// By client: what it put, under keys of its own.
    ledgers: Vec<Ledger>,
    /// By client: whether a put is under way.
    putting: Vec<bool>,
}

impl Ranges {
    pub(super) fn new(task: &Task) -> Ranges {
        let shape = match task.workload.as_str() {
            "range10k" => Shape::All,
            "mixed" => Shape::Mixed,
            other => Shape::One { serializable: other == "serializable" },
        };
        let ledgers = Ledger::of_all(task.clients, task.value_bytes);
        Ranges {
            shape,
            keys: task.keys,
            random: Random::new(1),
            putting: vec![false; ledgers.len()],
            ledgers,
        }
    }

    pub(crate) fn ledgers(&self) -> &[Ledger] {
        &self.ledgers
    }
}

impl Source for Ranges {
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method {
        self.putting[client] = self.shape == Shape::Mixed && self.random.below(5) == 0;
        if self.putting[client] {
            let (key, value) = self.ledgers[client].next();
            puts::write(key, value, message);
            return Method::Put;
        }
        let one = key(self.random.below(self.keys));
        let request = match self.shape {
            Shape::All => {
                RangeRequest { key: ALL.0.into(), range_end: ALL.1.into(), ..RangeRequest::default() }
            }
            shape => RangeRequest {
                key: one.into(),
                serializable: shape == Shape::One { serializable: true },
                ..RangeRequest::default()
            },
        };
        request.encode(message).expect("a vector grows");
        Method::Range
    }

    fn reply(&mut self, client: usize, reply: &[u8]) -> anyhow::Result<()> {
        if self.putting[client] {
            self.ledgers[client].acknowledge(revision(reply)?);
            return Ok(());
        }
        let reply = RangeReply::read(reply)?;
        let expected = if self.shape == Shape::All { self.keys } else { 1 };
        ensure!(reply.returned == expected, "{} keys came, {expected} are there", reply.returned);
        Ok(())
    }
}
