//! Histories from a seed: every option of every call, valid and not, over so few keys that they meet all the time.
//!
//! Nothing here looks at a server. Where a number should depend on what happened before, it is a symbol, and the one who
//! sends it knows.

mod keys;
mod lease;
mod txn;
mod watch;

use super::schema::{
    COMPACT, COMPACT_REQUEST, DELETE, DELETE_REQUEST, PUT, PUT_REQUEST, RANGE, RANGE_REQUEST, RANGE_STREAM,
};
use super::tree::{Symbol, Tree, Value};
use super::{Etcd, Op};
use crate::random::Random;
pub(crate) use txn::deletes_on;

/// What a history is made of besides keys and values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) leases: bool,
    pub(crate) watches: bool,
}

#[derive(Debug)]
pub(crate) struct Generator {
    random: Random,
    etcd: Etcd,
    parts: Parts,
    /// Reads that come next: reads between two writes are under way together.
    reads: u64,
}

/// Kinds of operations and how many in 1,000 there are of each; what is left over are reads.
const PUTS: u64 = 340;
const DELETES: u64 = 90;
const TXNS: u64 = 200;
const COMPACTIONS: u64 = 4;
const WATCHES: u64 = 16;
const LEASES: u64 = 50;
const READS_MAX: u64 = 6;
/// Of a sort.
const UNKNOWN: [i64; 3] = [5, -1, 100];
const BOUNDS: [&str; 4] =
    ["min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"];

/// Above `--max-request-bytes`, and above what gRPC takes in.
const LARGE_BYTES: [usize; 2] = [1_600_000, 2_200_000];

impl Generator {
    pub(crate) fn new(seed: u64, (etcd, parts): (Etcd, Parts)) -> Generator {
        Generator { random: Random::new(seed), etcd, parts, reads: 0 }
    }

    pub(crate) fn history(&mut self, length: usize) -> Vec<Op> {
        (0..length).map(|_| self.op()).collect()
    }

    fn op(&mut self) -> Op {
        if self.reads > 0 {
            self.reads -= 1;
            return self.read();
        }
        let mut choice = self.random.below(1000);
        let mut is = |share: u64| {
            let is = choice < share;
            choice = choice.saturating_sub(share);
            is
        };
        if is(PUTS) {
            return Op { call: &PUT, request: self.put() };
        }
        if is(DELETES) {
            return Op { call: &DELETE, request: self.delete() };
        }
        if is(TXNS) {
            return self.transaction();
        }
        if is(COMPACTIONS) {
            return Op { call: &COMPACT, request: self.compaction() };
        }
        if self.parts.watches && is(WATCHES) {
            return self.watch();
        }
        if self.parts.leases && is(LEASES) {
            return self.lease();
        }
        self.reads = self.random.below(READS_MAX);
        self.read()
    }

    fn read(&mut self) -> Op {
        if self.parts.leases && self.chance(5) {
            return self.lease_read();
        }
        if self.etcd == Etcd::V37 && self.chance(10) {
            return self.range_stream();
        }
        let mut request = self.range();
        // 3.5 does not mind an unknown order, so transactions, where that has no accepted reason, never have one for it.
        if self.etcd == Etcd::V35 && self.chance(1) {
            request.take("sort_order");
            request.add("sort_order", self.pick(&UNKNOWN));
        }
        Op { call: &RANGE, request }
    }

    /// Mostly one that can be answered in pieces.
    fn range_stream(&mut self) -> Op {
        let mut request = self.range();
        // For a negative limit, which is none, etcd sends everything in one piece.
        if request.number("limit") < 0 {
            request.take("limit");
        }
        if self.chance(85) {
            for name in ["sort_order", "sort_target"].into_iter().chain(BOUNDS) {
                request.take(name);
            }
        } else if request.get("sort_order").is_none() {
            // Without an order etcd sorts each piece by itself, and goes on behind its last key: some come twice, some never.
            request.take("sort_target");
        }
        Op { call: &RANGE_STREAM, request }
    }

    /// A range as a transaction may hold it too.
    fn range(&mut self) -> Tree {
        let mut request = self.keys(&RANGE_REQUEST);
        if self.chance(35) {
            request.add("limit", self.pick(&[1, 1, 2, 3, 5, 1000, -1, i64::MAX]));
        }
        if self.chance(45) {
            request.add("revision", self.revision());
        }
        if self.chance(35) {
            request.add("sort_order", self.pick(&[1, 2]));
        }
        if self.chance(35) {
            request.add("sort_target", self.pick(&[1, 2, 3, 4]));
        }
        for (name, percent) in [("serializable", 30), ("keys_only", 12), ("count_only", 8)] {
            request.add(name, self.chance(percent));
        }
        // 3.5 dies of an unknown target.
        if self.etcd == Etcd::V37 && self.chance(1) {
            let name = self.pick(&["sort_order", "sort_target"]);
            request.take(name);
            request.add(name, self.pick(&UNKNOWN));
        }
        for name in BOUNDS {
            if self.chance(4) {
                request.add(name, self.bound());
            }
        }
        request
    }

    fn put(&mut self) -> Tree {
        let key = if self.chance(1) { Vec::new() } else { self.key() };
        self.put_of(key)
    }

    fn put_of(&mut self, key: Vec<u8>) -> Tree {
        let mut request = Tree::of(&PUT_REQUEST).with("key", key);
        let ignores_value = self.chance(5);
        if !ignores_value || self.chance(10) {
            request.add("value", self.value());
        }
        if self.chance(if self.parts.leases { 20 } else { 2 }) {
            request.add("lease", self.lease_id());
        }
        request.add("prev_kv", self.chance(30));
        request.add("ignore_value", ignores_value);
        request.add("ignore_lease", self.chance(5));
        request
    }

    fn delete(&mut self) -> Tree {
        self.keys(&DELETE_REQUEST).with("prev_kv", self.chance(40))
    }

    fn compaction(&mut self) -> Tree {
        let revision: Value = match self.random.below(100) {
            0..75 => Symbol::Newest(-self.small(40)).into(),
            75..82 => Symbol::Newest(self.small(3)).into(),
            82..92 => Symbol::Compacted(self.small(4) - 2).into(),
            92..96 => 0.into(),
            _ => self.pick(&[-1, -7, i64::MAX, i64::MIN]).into(),
        };
        Tree::of(&COMPACT_REQUEST).with("revision", revision).with("physical", self.chance(50))
    }

    /// Where to read: mostly what can be read.
    fn revision(&mut self) -> Value {
        match self.random.below(100) {
            0..55 => Symbol::Newest(-self.small(25)).into(),
            55..65 => Symbol::Newest(-self.small(300)).into(),
            65..72 => Symbol::Newest(1 + self.small(2)).into(),
            72..84 => Symbol::Compacted(self.small(6) - 3).into(),
            84..92 => self.small(100).into(),
            _ => self.pick(&[-1, -5, i64::MAX, i64::MIN]).into(),
        }
    }

    /// Of a filter or a comparison: near what the newest keys have.
    fn bound(&mut self) -> Value {
        match self.random.below(20) {
            0 => self.pick(&[-1, i64::MAX]).into(),
            1 => Symbol::Newest(1).into(),
            2..6 => Symbol::Newest(-self.small(300)).into(),
            _ => Symbol::Newest(-self.small(30)).into(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.random.below(3000) {
            0 => vec![b'v'; self.pick(&LARGE_BYTES)],
            1..20 => vec![b'w'; self.pick(&[300, 20_000])],
            20..600 => Vec::new(),
            600..900 => vec![0xff],
            900..1200 => b"x\0".to_vec(),
            _ => self.random.below(40).to_string().into_bytes(),
        }
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let count = u64::try_from(choices.len()).expect("lists here are short");
        let at = usize::try_from(self.random.below(count)).expect("below the length of a list");
        choices[at]
    }

    /// 0 and up.
    fn small(&mut self, bound: u64) -> i64 {
        self.random.below(bound).cast_signed()
    }
}

#[cfg(test)]
mod tests;
