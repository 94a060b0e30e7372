//! The tree: nodes that clones share, and how a write goes down and its sums come up.

use super::keys::Keys;
use super::leaf::{Change, Entry, Leaf};
use super::turns::{Turn, Turns};
use quorate_types::Revision;
use std::sync::Arc;

/// More children than this part.
pub(super) const INNER: usize = 32;

/// A part of the tree: the keys between two separators.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Leaf(Leaf),
    Inner(Inner),
}

/// A node above others. `separators[i]` is above every key of child `i` and not above any of child `i + 1`.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    pub(super) separators: Keys,
    pub(super) children: Vec<Child>,
    pub(super) turns: Turns,
}

/// A node, and what its parent knows of it without going there (law I4).
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) node: Arc<Node>,
    /// How many of its keys live.
    pub(super) live: usize,
    /// Not below the revision of the last birth or death in it.
    pub(super) turned: Revision,
    /// Not above the lowest floor at which something in it can be pruned.
    pub(super) stale: Revision,
}

/// The right half of a node that became too large.
pub(super) struct Half {
    separator: Vec<u8>,
    right: Arc<Node>,
}

impl Default for Node {
    fn default() -> Self {
        Self::Leaf(Leaf::default())
    }
}

impl Node {
    /// Makes `entry` the newest of `key`. Cost: copies the shared nodes on the way.
    pub(super) fn write(&mut self, key: &[u8], entry: Entry, floor: Revision) -> (Change, Option<Half>) {
        match self {
            Self::Leaf(leaf) => {
                let change = leaf.write(key, entry);
                (change, leaf.is_full().then(|| leaf.halve(key)))
            }
            Self::Inner(inner) => {
                let change = inner.write(key, entry, floor);
                (change, (inner.children.len() > INNER).then(|| inner.halve(key, floor)))
            }
        }
    }

    /// A root over what was the root and its right half.
    pub(super) fn above(left: Arc<Self>, half: Half, floor: Revision) -> Self {
        let children = vec![Child::of(left), Child::of(half.right)];
        Self::Inner(Inner::new(Keys::default().with(0, &half.separator), children, floor))
    }

    /// The root to be had from `root` after keys were taken away.
    pub(super) fn lowered(mut root: Arc<Self>) -> Arc<Self> {
        while let Self::Inner(inner) = &*root {
            match inner.children.as_slice() {
                [] => return Arc::default(),
                [only] => root = only.node.clone(),
                _ => break,
            }
        }
        root
    }

    /// The leaf that would hold `key`.
    pub(super) fn leaf_of(&self, key: &[u8]) -> &Leaf {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf,
                Self::Inner(inner) => node = &inner.children[inner.child_of(key)].node,
            }
        }
    }

    /// How many keys or children stand in it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.entries.len(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(left), Self::Leaf(right)) => left.fits(right),
            _ => (self.len() + other.len()) * 4 <= INNER * 3,
        }
    }

    /// How many of its keys below `end` lived at `at`, or live now.
    pub(super) fn alive_below(&self, end: &[u8], at: Option<Revision>) -> usize {
        let (mut node, mut alive) = (self, 0);
        loop {
            match node {
                Self::Leaf(leaf) => return alive + leaf.alive(leaf.keys.below(end), at),
                Self::Inner(inner) => {
                    let place = inner.child_of(end);
                    alive += inner.children[..place].iter().map(|child| child.alive(at)).sum::<usize>();
                    node = &inner.children[place].node;
                }
            }
        }
    }

    /// How many of its keys lived at `at`, or live now. Constant but for a leaf's past.
    pub(super) fn alive(&self, at: Option<Revision>) -> usize {
        match (self, at) {
            (Self::Leaf(leaf), at) => leaf.alive(leaf.entries.len(), at),
            (Self::Inner(inner), Some(at)) => inner.turns.alive(at),
            (Self::Inner(inner), None) => inner.live(),
        }
    }

    /// Its births and deaths, not in order.
    fn each_turn(&self, visit: &mut dyn FnMut(Turn)) {
        match self {
            Self::Leaf(leaf) => leaf.entries.iter().flat_map(Entry::turns).for_each(visit),
            Self::Inner(inner) => inner.turns.iter().for_each(visit),
        }
    }
}

impl Child {
    pub(super) fn of(node: Arc<Node>) -> Self {
        let mut child = Self { node, live: 0, turned: Revision(0), stale: Revision(i64::MAX) };
        child.sum_up();
        child
    }

    /// Looks again at all that the node says. Cost: visits a leaf's keys, or a node's children.
    pub(super) fn sum_up(&mut self) {
        let never = Revision(i64::MAX);
        (self.live, self.turned, self.stale) = match &*self.node {
            Node::Leaf(leaf) => (
                leaf.alive(leaf.entries.len(), None),
                leaf.entries.iter().map(Entry::turned).max().unwrap_or(Revision(0)),
                leaf.entries.iter().map(Entry::stale).min().unwrap_or(never),
            ),
            Node::Inner(inner) => (
                inner.live(),
                inner.children.iter().map(|child| child.turned).max().unwrap_or(Revision(0)),
                inner
                    .children
                    .iter()
                    .map(|child| child.stale)
                    .min()
                    .unwrap_or(never)
                    .min(inner.turns.oldest()),
            ),
        };
    }

    /// How many of its keys lived at `at`, or live now.
    pub(super) fn alive(&self, at: Option<Revision>) -> usize {
        match at {
            Some(at) if at < self.turned => self.node.alive(Some(at)),
            _ => self.live,
        }
    }

    pub(super) fn note(&mut self, change: &Change) {
        self.stale = self.stale.min(change.stale);
        let Some(turn) = change.turn else { return };
        self.turned = turn.main;
        if matches!(*self.node, Node::Inner(_)) {
            // The turn stands in a list now, from which it is to go one day.
            self.stale = self.stale.min(turn.main);
        }
        if turn.is_birth {
            self.live += 1;
        } else {
            self.live -= 1;
        }
    }
}

impl Leaf {
    fn halve(&mut self, key: &[u8]) -> Half {
        let is_last = self.keys.below(key) + 1 == self.entries.len();
        let (separator, right) = self.part(middle(self.entries.len(), is_last));
        Half { separator, right: Arc::new(Node::Leaf(right)) }
    }
}

impl Inner {
    /// `children` between `separators`. Cost: sorts all turns above `floor` below it, which is a merge.
    pub(super) fn new(separators: Keys, children: Vec<Child>, floor: Revision) -> Self {
        let mut turns = Vec::new();
        for child in &children {
            child.node.each_turn(&mut |turn| {
                if turn.main > floor {
                    turns.push(turn);
                }
            });
        }
        turns.sort();
        let live = children.iter().map(|child| child.live).sum();
        Self { separators, children, turns: Turns::new(live, &turns) }
    }

    /// The place of the child that would hold `key`.
    pub(super) fn child_of(&self, key: &[u8]) -> usize {
        self.separators.find(key).map_or_else(|place| place, |place| place + 1)
    }

    pub(super) fn live(&self) -> usize {
        self.children.iter().map(|child| child.live).sum()
    }

    fn write(&mut self, key: &[u8], entry: Entry, floor: Revision) -> Change {
        let place = self.child_of(key);
        let child = &mut self.children[place];
        let (change, half) = Arc::make_mut(&mut child.node).write(key, entry, floor);
        if let Some(turn) = change.turn {
            self.turns.push(turn);
        }
        match half {
            None => child.note(&change),
            Some(Half { separator, right }) => {
                child.sum_up();
                self.separators = self.separators.with(place, &separator);
                self.children.insert(place + 1, Child::of(right));
            }
        }
        change
    }

    fn halve(&mut self, key: &[u8], floor: Revision) -> Half {
        let is_last = self.child_of(key) + 1 == self.children.len();
        let place = middle(self.children.len(), is_last);
        let separator = self.separators.get(place - 1).to_vec();
        let separators = self.separators.only(|at| at >= place);
        let right = Self::new(separators, self.children.split_off(place), floor);
        let left = self.separators.only(|at| at < place - 1);
        self.children.shrink_to_fit();
        *self = Self::new(left, std::mem::take(&mut self.children), floor);
        Half { separator, right: Arc::new(Node::Inner(right)) }
    }
}

impl Inner {
    /// Takes out the child at `place`, which has no keys.
    pub(super) fn remove(&mut self, place: usize) {
        self.children.remove(place);
        let separator = place.saturating_sub(1);
        self.separators = self.separators.only(|at| at != separator);
    }

    /// Joins the child at `place` and the next one if they make one node of the usual size; whether it did.
    pub(super) fn join(&mut self, place: usize, floor: Revision) -> bool {
        let Some([left, right]) = self.children.get_mut(place..place + 2) else { return false };
        if !left.node.fits(&right.node) {
            return false;
        }
        let separator = self.separators.get(place).to_vec();
        let right = self.children.remove(place + 1);
        let left = &mut self.children[place];
        match (Arc::make_mut(&mut left.node), &*right.node) {
            (Node::Leaf(left), Node::Leaf(right)) => left.join(right),
            (Node::Inner(left), Node::Inner(right)) => left.absorb(&separator, right, floor),
            _ => unreachable!("I2: children of one node are of one height"),
        }
        left.sum_up();
        self.separators = self.separators.only(|at| at != place);
        true
    }

    fn absorb(&mut self, separator: &[u8], right: &Self, floor: Revision) {
        let mut children = std::mem::take(&mut self.children);
        children.extend_from_slice(&right.children);
        let separators = self.separators.joined(Some(separator), &right.separators);
        *self = Self::new(separators, children, floor);
    }
}

/// Where to part `len` things. Keys that come in order leave full nodes behind.
fn middle(len: usize, is_last: bool) -> usize {
    if is_last { len - (len / 8).max(1) } else { len / 2 }
}
