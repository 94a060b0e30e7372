//! What is wrong with a transaction whatever the state.

use crate::error::Invalid;
use bytes::Bytes;
use quorate_mvcc::{Txn, TxnOp};
use quorate_types::KeyRange;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Transactions within transactions, at most: the log must be able to hold what the edge let in, and a message is
/// decoded to a depth of 100 at most, of which a level takes two. etcd bounds the depth by the number of operations.
pub const TXN_DEPTH_MAX: usize = 32;

/// The room that a transaction has: its operations, and how deep others may lie within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    ops: usize,
    depth: usize,
}

/// What one branch sets and removes, whichever of its ways it takes.
#[derive(Default)]
struct Touched {
    puts: BTreeSet<Bytes>,
    deletes: Spans,
}

/// Keys from starts up to ends, none touching another.
#[derive(Default)]
struct Spans(BTreeMap<Bytes, Bytes>);

impl Room {
    /// Room for `ops` operations. etcd: `--max-txn-ops`.
    #[must_use]
    pub fn new(ops: usize) -> Self {
        Self { ops, depth: TXN_DEPTH_MAX }
    }

    /// What is left for transactions within one whose longest list (comparisons, one branch, the other) has `ops`.
    ///
    /// # Errors
    /// [`Invalid::TooManyOps`].
    pub fn within(self, ops: usize) -> Result<Self, Invalid> {
        let left = self.ops.checked_sub(ops).zip(self.depth.checked_sub(1));
        left.map(|(ops, depth)| Self { ops, depth }).ok_or(Invalid::TooManyOps)
    }
}

/// Everything that can be wrong with `txn`, in etcd's order: numbers and keys first, then keys that are changed twice.
pub(crate) fn txn(txn: &Txn, room: Room) -> Result<(), Invalid> {
    steps(txn, room)?;
    for branch in [&txn.success, &txn.failure] {
        if branch.len() > 1 || matches!(branch.as_slice(), [TxnOp::Txn(_)]) {
            touched(branch)?;
        }
    }
    Ok(())
}

fn steps(txn: &Txn, room: Room) -> Result<(), Invalid> {
    let room = room.within(txn.compares.len().max(txn.success.len()).max(txn.failure.len()))?;
    for compare in &txn.compares {
        key(first_key(&compare.range))?;
    }
    for op in txn.success.iter().chain(&txn.failure) {
        match op {
            TxnOp::Range(query) => key(first_key(&query.range))?,
            TxnOp::Put { change, .. } => key(&change.key)?,
            TxnOp::DeleteRange { range, .. } => key(first_key(range))?,
            TxnOp::Txn(within) => steps(within, room)?,
        }
    }
    Ok(())
}

/// An empty key is an error everywhere.
pub(crate) fn key(key: &[u8]) -> Result<(), Invalid> {
    if key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}

/// The key that a request names first.
pub(crate) fn first_key(range: &KeyRange) -> &[u8] {
    match range {
        KeyRange::Single(key) | KeyRange::From(key) | KeyRange::HalfOpen { start: key, .. } => key,
    }
}

/// What a branch touches, if no key is put twice or both put and deleted.
///
/// Cost: a look-up in a tree for each step, and for each transaction that it lies within.
///
/// The order counts as in etcd: what a transaction within deletes stands against what comes after it and what its
/// parent puts, not against what came before it. And as there, "from this key on" stands against nothing.
fn touched(ops: &[TxnOp]) -> Result<Touched, Invalid> {
    let mut all = Touched::default();
    for op in ops {
        match op {
            TxnOp::DeleteRange { range: KeyRange::Single(key), .. } => {
                all.deletes.add(key.clone(), [key, &b"\0"[..]].concat().into());
            }
            TxnOp::DeleteRange { range: KeyRange::HalfOpen { start, end }, .. } => {
                all.deletes.add(start.clone(), end.clone());
            }
            _ => {}
        }
    }
    for op in ops {
        if let TxnOp::Txn(within) = op {
            all.add_one_of(touched(&within.success)?, touched(&within.failure)?)?;
        }
    }
    for op in ops {
        if let TxnOp::Put { change, .. } = op {
            all.put(change.key.clone())?;
        }
    }
    Ok(all)
}

impl Touched {
    fn put(&mut self, key: Bytes) -> Result<(), Invalid> {
        let is_new = !self.deletes.contains(&key) && self.puts.insert(key);
        if is_new { Ok(()) } else { Err(Invalid::DuplicateKey) }
    }

    /// Adds what one of two branches will do: both may put the same key.
    fn add_one_of(&mut self, success: Touched, failure: Touched) -> Result<(), Invalid> {
        for key in success.puts.into_iter().chain(failure.puts).collect::<BTreeSet<_>>() {
            self.put(key)?;
        }
        for (start, end) in success.deletes.0.into_iter().chain(failure.deletes.0) {
            self.deletes.add(start, end);
        }
        Ok(())
    }
}

impl Spans {
    fn contains(&self, key: &[u8]) -> bool {
        let before = self.0.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back();
        before.is_some_and(|(_, end)| key < end.as_ref())
    }

    /// Adds the keys from `start` up to `end`, and makes one of all that touch.
    fn add(&mut self, mut start: Bytes, mut end: Bytes) {
        if end <= start {
            return;
        }
        while let Some((first, last)) = self.0.range(..=end.clone()).next_back()
            && *last >= start
        {
            start = start.min(first.clone());
            end = end.max(last.clone());
            let merged = first.clone();
            self.0.remove(&merged);
        }
        self.0.insert(start, end);
    }
}

#[cfg(test)]
mod tests;
