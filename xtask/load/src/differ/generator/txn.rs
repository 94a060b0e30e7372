//! Transactions, and transactions within them.

use super::Generator;
use super::keys::ON;
use crate::differ::Op;
use crate::differ::schema::{COMPARE, DELETE_REQUEST, REQUEST_OP, TXN, TXN_REQUEST};
use crate::differ::tree::{Tree, Value};

const DEPTH_MAX: u32 = 3;
/// etcd's `--max-txn-ops`.
const OPS_MAX: usize = 128;
const UNIONS: [&str; 5] = ["version", "create_revision", "mod_revision", "value", "lease"];

impl Generator {
    pub(super) fn transaction(&mut self) -> Op {
        let mut request = self.txn(1);
        if self.random.below(200) == 0 {
            self.fill(&mut request);
        }
        if deletes_on(&request) {
            forget_ignores(&mut request);
        }
        Op { call: &TXN, request }
    }

    fn txn(&mut self, depth: u32) -> Tree {
        let mut request = Tree::of(&TXN_REQUEST);
        for _ in 0..self.pick(&[0, 0, 1, 1, 1, 2]) {
            request.add("compare", self.comparison());
        }
        let only_reads = self.chance(15);
        for branch in ["success", "failure"] {
            let mut taken = Vec::new();
            for _ in 0..self.pick(&[0, 1, 1, 2, 3, 5]) {
                request.add(branch, self.step(depth, only_reads, &mut taken));
            }
        }
        request
    }

    /// Up to the limit, or just above it.
    fn fill(&mut self, request: &mut Tree) {
        let list = self.pick(&["compare", "success", "failure"]);
        let wanted = OPS_MAX + self.pick(&[0, 1, 5]);
        for _ in request.all(list).count()..wanted {
            let item = match list {
                "compare" => self.comparison(),
                _ => Tree::of(&REQUEST_OP).with("request_range", self.range()),
            };
            request.add(list, item);
        }
    }

    /// Mostly not of a key that was put before in this branch: that is refused.
    fn step(&mut self, depth: u32, only_reads: bool, taken: &mut Vec<Vec<u8>>) -> Tree {
        let step = Tree::of(&REQUEST_OP);
        if only_reads {
            return step.with("request_range", self.range());
        }
        match self.random.below(100) {
            0..35 => step.with("request_range", self.range()),
            35..75 => {
                let mut key = self.key();
                if taken.contains(&key) && self.chance(90) {
                    key = self.key();
                }
                taken.push(key.clone());
                step.with("request_put", self.put_of(key))
            }
            75..85 => step.with("request_delete_range", self.delete()),
            85..99 if depth < DEPTH_MAX => step.with("request_txn", self.txn(depth + 1)),
            85..99 => step.with("request_range", self.range()),
            // Says nothing, or has a key that is missing.
            _ if self.chance(50) => step,
            _ => step.with("request_put", self.put_of(Vec::new())),
        }
    }

    fn comparison(&mut self) -> Tree {
        let key = if self.chance(1) { Vec::new() } else { self.key() };
        let target = self.random.below(5);
        let mut compare = Tree::of(&COMPARE).with("key", key);
        let unknown = self.chance(2);
        compare.add("result", if unknown { self.pick(&[4, -1, 100]) } else { self.small(4) });
        compare.add("target", if self.chance(2) { self.pick(&[5, -1, 100]) } else { target.cast_signed() });
        if self.chance(20) {
            compare.add("range_end", if self.chance(30) { vec![0] } else { self.key() });
        }
        if self.chance(95) {
            let matching = if self.chance(96) { target } else { self.random.below(5) };
            let union = UNIONS[usize::try_from(matching).expect("below 5")];
            compare.add(union, self.operand(union));
        }
        compare
    }

    fn operand(&mut self, union: &str) -> Value {
        match union {
            "version" => self.pick(&[0, 0, 1, 1, 2, 3, -1]).into(),
            "value" => self.value_short().into(),
            "lease" => self.lease_id(),
            _ if self.chance(30) => 0.into(),
            _ => self.bound(),
        }
    }

    fn value_short(&mut self) -> Vec<u8> {
        let mut value = self.value();
        value.truncate(300);
        value
    }
}

/// Whether keys are deleted from one on. etcd does not see that a put of such a key stands against it, and if that is
/// a put that keeps what is there, it dies of finding nothing.
pub(crate) fn deletes_on(tree: &Tree) -> bool {
    let is_on = tree.kind.name == DELETE_REQUEST.name && tree.bytes("range_end") == ON;
    is_on || tree.fields.iter().any(|(_, value)| matches!(value, Value::Tree(within) if deletes_on(within)))
}

fn forget_ignores(tree: &mut Tree) {
    tree.fields.retain(|(field, _)| !["ignore_value", "ignore_lease"].contains(&field.name));
    for (_, value) in &mut tree.fields {
        if let Value::Tree(within) = value {
            forget_ignores(within);
        }
    }
}
