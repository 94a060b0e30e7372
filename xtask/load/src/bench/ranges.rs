//! Ranges over keys that are there: one key or all, linearizable or not, alone or between puts.

use anyhow::ensure;
use prost::Message;
use quorate_proto::etcdserverpb::RangeRequest;

use super::closed::Source;
use super::preload::{ALL, key};
use super::puts;
use crate::grpc::Method;
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
    value_bytes: usize,
    random: Random,
    /// By client: whether a put is under way.
    putting: Vec<bool>,
}

impl Ranges {
    pub(crate) fn new(workload: &str, (keys, value_bytes): (u64, usize)) -> Ranges {
        let shape = match workload {
            "range10k" => Shape::All,
            "mixed" => Shape::Mixed,
            other => Shape::One { serializable: other == "serializable" },
        };
        Ranges { shape, keys, value_bytes, random: Random::new(1), putting: Vec::new() }
    }

    fn is_put(&mut self, client: usize) -> bool {
        let is_put = self.shape == Shape::Mixed && self.random.below(5) == 0;
        self.putting.resize(self.putting.len().max(client + 1), false);
        self.putting[client] = is_put;
        is_put
    }
}

impl Source for Ranges {
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method {
        let one = key(self.random.below(self.keys));
        if self.is_put(client) {
            puts::write(one, vec![b'm'; self.value_bytes], message);
            return Method::Put;
        }
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
            return revision(reply).map(drop);
        }
        let reply = RangeReply::read(reply)?;
        let expected = if self.shape == Shape::All { self.keys } else { 1 };
        ensure!(reply.returned == expected, "{} keys came, {expected} are there", reply.returned);
        Ok(())
    }
}
