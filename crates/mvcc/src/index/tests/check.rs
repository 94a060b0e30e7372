//! The laws of the tree, looked up node by node.

use crate::index::Index;
use crate::index::keys::PackedKey;
use crate::index::leaf::{Entry, LEAF, Leaf};
use crate::index::node::{Child, INNER, Inner, Node};
use crate::index::turns::{Turn, Turns};
use quorate_types::Revision;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The bytes that an index holds, by what holds them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) keys: usize,
    pub(super) entries: usize,
    pub(super) pasts: usize,
    pub(super) turns: usize,
    pub(super) nodes: usize,
    pub(super) leaves: usize,
}

impl Index {
    /// Panics if a law does not hold. Of turns only those above `floor` matter; an index made of what is stored does not
    /// know how far that was pruned.
    pub(super) fn check(&self, floor: Revision) {
        self.root.check(floor.max(self.floor));
        let (mut keys, mut depths) = (Vec::new(), Vec::new());
        self.root.node.collect(0, &mut keys, &mut depths);
        assert!(keys.is_sorted_by(|left, right| left < right), "I2: keys in order");
        depths.dedup();
        assert!(depths.len() <= 1, "I2: leaves at one depth");
    }

    /// How many keys it remembers, dead ones too.
    pub(super) fn remembered(&self) -> usize {
        let mut keys = Vec::new();
        self.root.node.collect(0, &mut keys, &mut Vec::new());
        keys.len()
    }

    /// Which leaves it is made of, as addresses.
    pub(super) fn leaves(&self) -> BTreeSet<usize> {
        let mut leaves = BTreeSet::new();
        self.root.each_leaf(&mut |leaf| _ = leaves.insert(Arc::as_ptr(leaf).addr()));
        leaves
    }

    pub(super) fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        self.root.node.weigh(&mut weight);
        weight
    }
}

impl Child {
    fn check(&self, floor: Revision) {
        let fresh = Self::of(Arc::clone(&self.node));
        assert_eq!(self.live, fresh.live, "I4: live");
        assert!(self.turned >= fresh.turned_above(floor), "I4: turned");
        assert!(self.stale <= fresh.stale, "I4: stale");
        match &*self.node {
            Node::Leaf(leaf) => leaf.check(),
            Node::Inner(inner) => inner.check(floor),
        }
    }

    /// The exact last turn, if it is above the floor.
    fn turned_above(&self, floor: Revision) -> Revision {
        let turns = self.node.entry_turns();
        turns.into_iter().map(|turn| turn.main).filter(|main| *main > floor).max().unwrap_or(Revision(0))
    }
}

impl Leaf {
    fn check(&self) {
        assert_eq!(self.keys.len(), self.entries.len(), "I2: an entry a key");
        assert!(self.entries.len() <= LEAF, "a leaf parts in time");
    }
}

impl Inner {
    fn check(&self, floor: Revision) {
        assert_eq!(self.separators.len() + 1, self.children.len(), "I2: a separator between two");
        assert!(self.children.len() <= INNER, "a node parts in time");
        for (place, separator) in self.separators.iter().enumerate() {
            let separator = separator.to_vec();
            let (left, right) = (self.children[place].keys(), self.children[place + 1].keys());
            assert!(!left.is_empty() && !right.is_empty(), "I2: only the root may be empty");
            assert!(left.iter().all(|key| *key < separator), "I2: separator above its left");
            assert!(right.iter().all(|key| *key >= separator), "I2: separator not above its right");
        }
        let mut turns = Node::Inner(self.clone()).entry_turns();
        turns.retain(|turn| turn.main > floor);
        turns.sort();
        let exact = Turns::new(self.live(), &turns);
        let moments = turns.iter().map(|turn| turn.main.0).chain([floor.0, i64::MAX]);
        for at in moments.flat_map(|main| [main - 1, main]).filter(|main| *main >= floor.0) {
            assert_eq!(self.turns.alive(Revision(at)), exact.alive(Revision(at)), "I3: at {at}");
        }
        self.children.iter().for_each(|child| child.check(floor));
    }
}

impl Child {
    fn each_leaf(&self, visit: &mut dyn FnMut(&Arc<Node>)) {
        match &*self.node {
            Node::Leaf(_) => visit(&self.node),
            Node::Inner(inner) => inner.children.iter().for_each(|child| child.each_leaf(visit)),
        }
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        self.node.collect(0, &mut keys, &mut Vec::new());
        keys
    }
}

impl Node {
    fn collect(&self, depth: usize, keys: &mut Vec<Vec<u8>>, depths: &mut Vec<usize>) {
        match self {
            Self::Leaf(leaf) => {
                keys.extend(leaf.keys.iter().map(PackedKey::to_vec));
                depths.push(depth);
            }
            Self::Inner(inner) => {
                inner.children.iter().for_each(|child| child.node.collect(depth + 1, keys, depths));
            }
        }
    }

    /// The births and deaths below it, as the keys themselves tell them.
    fn entry_turns(&self) -> Vec<Turn> {
        match self {
            Self::Leaf(leaf) => leaf.entries.iter().flat_map(Entry::turns).collect(),
            Self::Inner(inner) => inner.children.iter().flat_map(|child| child.node.entry_turns()).collect(),
        }
    }

    fn weigh(&self, weight: &mut Weight) {
        let header = 2 * size_of::<usize>();
        match self {
            Self::Leaf(leaf) => {
                weight.leaves += 1;
                weight.nodes += header + size_of::<Self>();
                weight.keys += header + leaf.keys.bytes();
                weight.entries += leaf.entries.capacity() * size_of::<Entry>();
                weight.pasts += leaf.entries.iter().map(Entry::past_weight).sum::<usize>();
            }
            Self::Inner(inner) => {
                weight.nodes += 2 * header + size_of::<Self>() + inner.separators.bytes();
                weight.nodes += inner.children.capacity() * size_of::<Child>();
                weight.turns += inner.turns.weight();
                inner.children.iter().for_each(|child| child.node.weigh(weight));
            }
        }
    }
}
