//! Ranges of keys, found by a key within.
//!
//! A treap ordered by (start, end), each node knowing the greatest end below it. The crates for this want numbers or
//! `Copy` bounds, or cannot be changed once built. Priorities come from a counter through a mixing function: no chance, and
//! no order of insertions that a client could choose makes it deep.

use bytes::Bytes;
use std::cmp::Ordering;

/// Values by half-open range; no end is "to the end".
#[derive(Debug)]
pub(crate) struct Intervals<T> {
    nodes: Vec<Node<T>>,
    free: Vec<u32>,
    root: Link,
    inserted: u64,
}

type Link = Option<u32>;

#[derive(Debug)]
struct Node<T> {
    start: Bytes,
    end: Option<Bytes>,
    /// The greatest end in this subtree.
    reach: Option<Bytes>,
    priority: u64,
    left: Link,
    right: Link,
    value: T,
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: None, inserted: 0 }
    }
}

impl<T: Default> Intervals<T> {
    /// The value of a range, made if there is none. Cost: O(log n).
    pub(crate) fn entry(&mut self, start: Bytes, end: Option<Bytes>) -> &mut T {
        let position = match self.find(&start, end.as_ref()) {
            Some(position) => position,
            None => {
                let node = self.add(start, end);
                let root = self.root.take();
                self.root = Some(self.insert(root, node));
                node
            }
        };
        &mut self.node_mut(position).value
    }

    /// Forgets a range. Cost: O(log n).
    pub(crate) fn remove(&mut self, start: &Bytes, end: Option<&Bytes>) {
        let root = self.root.take();
        self.root = self.cut(root, start, end);
    }

    /// Visits the value of every range that `key` lies in. Cost: O(log n) for each.
    pub(crate) fn stab(&self, key: &[u8], found: &mut dyn FnMut(&T)) {
        self.stab_below(self.root, key, found);
    }

    fn stab_below(&self, link: Link, key: &[u8], found: &mut dyn FnMut(&T)) {
        let Some(position) = link else { return };
        let node = self.node(position);
        if !ends_after(node.reach.as_ref(), key) {
            return;
        }
        self.stab_below(node.left, key, found);
        if node.start <= key {
            if ends_after(node.end.as_ref(), key) {
                found(&node.value);
            }
            self.stab_below(node.right, key, found);
        }
    }

    fn find(&self, start: &Bytes, end: Option<&Bytes>) -> Link {
        let mut link = self.root;
        while let Some(position) = link {
            let node = self.node(position);
            link = match order((start, end), (&node.start, node.end.as_ref())) {
                Ordering::Equal => return Some(position),
                Ordering::Less => node.left,
                Ordering::Greater => node.right,
            };
        }
        None
    }

    fn add(&mut self, start: Bytes, end: Option<Bytes>) -> u32 {
        self.inserted += 1;
        let node = Node {
            start,
            reach: end.clone(),
            end,
            priority: mixed(self.inserted),
            left: None,
            right: None,
            value: T::default(),
        };
        if let Some(position) = self.free.pop() {
            self.nodes[position as usize] = node;
            return position;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("fewer ranges than fit memory")
    }

    /// Puts `node` into the subtree at `link`; returns its new top.
    fn insert(&mut self, link: Link, node: u32) -> u32 {
        let Some(top) = link else { return node };
        if self.node(node).priority > self.node(top).priority {
            let (left, right) = self.split(Some(top), node);
            (self.node_mut(node).left, self.node_mut(node).right) = (left, right);
            self.update(node);
            return node;
        }
        if self.is_before(node, top) {
            let left = self.node(top).left;
            self.node_mut(top).left = Some(self.insert(left, node));
        } else {
            let right = self.node(top).right;
            self.node_mut(top).right = Some(self.insert(right, node));
        }
        self.update(top);
        top
    }

    /// What of the subtree comes before `node`, and what after.
    fn split(&mut self, link: Link, node: u32) -> (Link, Link) {
        let Some(top) = link else { return (None, None) };
        if self.is_before(top, node) {
            let (left, right) = self.split(self.node(top).right, node);
            self.node_mut(top).right = left;
            self.update(top);
            (Some(top), right)
        } else {
            let (left, right) = self.split(self.node(top).left, node);
            self.node_mut(top).left = right;
            self.update(top);
            (left, Some(top))
        }
    }

    fn cut(&mut self, link: Link, start: &Bytes, end: Option<&Bytes>) -> Link {
        let top = link?;
        let node = self.node(top);
        match order((start, end), (&node.start, node.end.as_ref())) {
            Ordering::Equal => {
                let (left, right) = (node.left, node.right);
                self.release(top);
                return self.merge(left, right);
            }
            Ordering::Less => {
                let left = node.left;
                self.node_mut(top).left = self.cut(left, start, end);
            }
            Ordering::Greater => {
                let right = node.right;
                self.node_mut(top).right = self.cut(right, start, end);
            }
        }
        self.update(top);
        Some(top)
    }

    fn release(&mut self, position: u32) {
        let node = self.node_mut(position);
        node.value = T::default();
        (node.start, node.end, node.reach) = (Bytes::new(), None, None);
        self.free.push(position);
    }

    fn merge(&mut self, left: Link, right: Link) -> Link {
        let (Some(first), Some(second)) = (left, right) else { return left.or(right) };
        if self.node(first).priority > self.node(second).priority {
            let middle = self.node(first).right;
            self.node_mut(first).right = self.merge(middle, right);
            self.update(first);
            left
        } else {
            let middle = self.node(second).left;
            self.node_mut(second).left = self.merge(left, middle);
            self.update(second);
            right
        }
    }

    fn update(&mut self, position: u32) {
        let node = self.node(position);
        let mut reach = node.end.clone();
        for below in [node.left, node.right].into_iter().flatten() {
            let other = &self.node(below).reach;
            if reach.is_some() && (other.is_none() || *other > reach) {
                reach.clone_from(other);
            }
        }
        self.node_mut(position).reach = reach;
    }

    fn is_before(&self, one: u32, other: u32) -> bool {
        let (one, other) = (self.node(one), self.node(other));
        order((&one.start, one.end.as_ref()), (&other.start, other.end.as_ref())).is_lt()
    }

    fn node(&self, position: u32) -> &Node<T> {
        &self.nodes[position as usize]
    }

    fn node_mut(&mut self, position: u32) -> &mut Node<T> {
        &mut self.nodes[position as usize]
    }
}

/// By start, then by end; no end is the greatest.
fn order(one: (&Bytes, Option<&Bytes>), other: (&Bytes, Option<&Bytes>)) -> Ordering {
    let ends = match (one.1, other.1) {
        (Some(one), Some(other)) => one.cmp(other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    };
    one.0.cmp(other.0).then(ends)
}

fn ends_after(end: Option<&Bytes>, key: &[u8]) -> bool {
    end.is_none_or(|end| end.as_ref() > key)
}

/// Spreads consecutive numbers over all 64 bits (the finaliser of SplitMix64).
pub(crate) fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
