//! From user key to its versions, in memory.
//!
//! Every read asks the index first: which keys of a range live, where their records are, how many there are. Kubernetes
//! pages through a range at a pinned revision, with a count on every page, while others write; so all of this has to
//! be cheap at older revisions too, whatever happened since. One thread changes the index and publishes a clone
//! after every batch; any number of threads read clones without a lock.
//!
//! It is a copy-on-write B+tree. A leaf holds up to 32 keys, packed ([`keys`]), and for each key the place of its newest
//! version, what a read needs of it, and the places before it ([`past`]). A parent knows of each child how many keys live,
//! when a key in it last was born or died, and from which floor on it has something to prune, so that a walk
//! passes by what has nothing for it. Every inner node also lists the births and deaths below it ([`turns`]), four bytes
//! each: how many keys of a subtree lived at an older revision is then a binary search.
//!
//! It refuses to know values, and to refuse: a read below the floor gets some answer, the caller must not ask.
//!
//! Laws:
//! - **I1** The changes of a key come in the order of their places `(main, sub)`; births and deaths of all keys in the
//!   order of `main`.
//! - **I2** A node's keys are in order; entry `i` of a leaf is key `i`'s; separator `i` lies above child `i` and not above
//!   child `i + 1`; all leaves are at one depth; only the root may be empty.
//! - **I3** For every revision at or above the floor, a node's turns give the number of its keys that lived then.
//! - **I4** What a parent knows of a child holds: `live` exactly, `turned` not too low, `stale` not too high.
//! - **I5** Sizes fit their fields: `sub` and a node's packed keys in 32 bits.
//! - **I6** Pruning at a floor changes no answer at or above it, and leaves nothing behind that it could have taken.
//! - **M4** A clone never changes: shared nodes are copied before they are written.
//!
//! Costs, with n keys: a clone is constant. `get`, `put`, `delete`: one way down, O(log n); a write copies the nodes on its
//! way that are shared, and only those. `count`: two ways down, at each level a look at up to 31 siblings, of which those with
//! turns since the revision cost a binary search. `range`: one way down, then each leaf once. Parting or joining
//! inner nodes sorts the turns below them again: a few nanoseconds per put, but in one piece.

mod keys;
mod leaf;
mod node;
mod past;
mod prune;
mod rows;
mod turns;

use crate::RecordKey;
pub(crate) use keys::PackedKey;
use leaf::{Change, Entry};
use node::{Child, Node};
use past::Place;
use prune::Pruning;
use quorate_types::{KeyRange, LeaseId, Revision};
use std::sync::Arc;

/// What is known of a live key without reading its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Live {
    /// Where its newest record is.
    pub(crate) at: RecordKey,
    /// The revision at which it came into being.
    pub(crate) created: Revision,
    /// How many times it was put since then.
    pub(crate) version: i64,
    /// The lease it hangs on.
    pub(crate) lease: LeaseId,
}

/// One key as it was at the moment asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The key.
    pub(crate) key: PackedKey<'a>,
    /// Where the record of that moment is.
    pub(crate) at: RecordKey,
    /// What is known of the newest version; of an older one only its place is.
    pub(crate) live: Option<Live>,
}

/// A record that nobody can read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Where it is.
    pub(crate) at: RecordKey,
    /// Whether it says that a key is gone.
    pub(crate) is_tombstone: bool,
}

/// How far a pass of [`Index::prune`] came. It may be kept across writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct PruneCursor {
    next: Option<Vec<u8>>,
}

/// All versions of all keys. A clone is constant time and stays as it is (law M4).
#[derive(Debug, Clone)]
pub(crate) struct Index {
    root: Child,
    /// The highest revision that was pruned to: what turned before is not listed again.
    floor: Revision,
}

impl Default for Index {
    fn default() -> Self {
        Self { root: Child::of(Arc::default()), floor: Revision(0) }
    }
}

impl Index {
    /// The key as it is now, if it lives.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Live> {
        let (_, entry) = self.root.node.leaf_of(key).get(key)?;
        entry.live()
    }

    /// The key as it was at `at`, if it lived.
    pub(crate) fn get_at(&self, key: &[u8], at: Revision) -> Option<Row<'_>> {
        let leaf = self.root.node.leaf_of(key);
        leaf.row(leaf.get(key)?.0, Some(at))
    }

    /// A new version of a key. What was the newest becomes past.
    pub(crate) fn put(&mut self, key: &[u8], live: Live) {
        self.write(key, Entry::put(live));
    }

    /// The end of a key; answers what it was. Its versions stay readable in the past. A key that is not there gets a
    /// tombstone all the same: a load finds such.
    pub(crate) fn delete(&mut self, key: &[u8], tombstone: RecordKey) -> Option<Live> {
        self.write(key, Entry::tombstone(Place::new(tombstone, true))).before
    }

    /// The keys of `range` that lived at `at`, or that live now, smallest first.
    ///
    /// Cost: one way down, then every leaf on the way once; up to two nodes' worth of leaves (64) between two rows, if
    /// almost everything there was dead.
    pub(crate) fn range<'a>(
        &'a self,
        range: &'a KeyRange,
        at: Option<Revision>,
    ) -> impl Iterator<Item = Row<'a>> + 'a {
        rows::Rows::new(&self.root.node, range, at)
    }

    /// How many keys [`Index::range`] gives. Cost: two ways down.
    pub(crate) fn count(&self, range: &KeyRange, at: Option<Revision>) -> usize {
        let below = |key: &[u8]| self.root.node.alive_below(key, at);
        match range {
            KeyRange::Single(_) => self.range(range, at).count(),
            KeyRange::HalfOpen { .. } if range.is_empty() => 0,
            // Below the floor the two need not agree: then the answer is any number, but not a panic.
            KeyRange::HalfOpen { start, end } => below(end).saturating_sub(below(start)),
            KeyRange::From(start) => self.root.alive(at).saturating_sub(below(start)),
        }
    }

    /// How many keys live.
    pub(crate) fn len(&self) -> usize {
        self.root.live
    }

    /// Forgets some of what cannot be read at `floor` or later: of each key every version older than the newest at or
    /// below `floor`, and that one too if it is a tombstone, unless it is of `floor` itself (etcd keeps those). Adds
    /// what it forgot to `gone`, at most `budget` and at least one if there is one; false once the pass is through.
    ///
    /// Cost: visits at most `budget` nodes besides the ways down; nodes without anything to prune are passed by.
    pub(crate) fn prune(
        &mut self,
        floor: Revision,
        cursor: &mut PruneCursor,
        budget: usize,
        gone: &mut Vec<Gone>,
    ) -> bool {
        self.floor = self.floor.max(floor);
        let from = cursor.next.take().unwrap_or_default();
        if self.root.stale > floor {
            return false;
        }
        let mut pruning = Pruning { floor, left: budget.max(1), gone };
        cursor.next = pruning.node(&mut self.root.node, &from);
        self.root = Child::of(Node::lowered(std::mem::take(&mut self.root.node)));
        cursor.next.is_some()
    }

    fn write(&mut self, key: &[u8], entry: Entry) -> Change {
        let (change, half) = Arc::make_mut(&mut self.root.node).write(key, entry, self.floor);
        match half {
            None => self.root.note(&change),
            Some(half) => {
                let left = std::mem::take(&mut self.root.node);
                self.root = Child::of(Arc::new(Node::above(left, half, self.floor)));
            }
        }
        change
    }
}

#[cfg(test)]
mod tests;
