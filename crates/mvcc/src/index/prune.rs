//! Forgetting what nobody may read any more, a few records at a time.
//!
//! A step goes down to where the last one stopped and on from there; what has nothing to prune is not visited. Nodes that
//! became empty go, neighbours that became small join.

use super::Gone;
use super::leaf::Leaf;
use super::node::{Inner, Node};
use quorate_types::Revision;
use std::sync::Arc;

/// One step.
pub(super) struct Pruning<'a> {
    pub(super) floor: Revision,
    /// How many places and nodes more.
    pub(super) left: usize,
    pub(super) gone: &'a mut Vec<Gone>,
}

impl Pruning<'_> {
    /// Prunes the keys of `node` from `from` on; answers the key to go on with, if it had to stop.
    pub(super) fn node(&mut self, node: &mut Arc<Node>, from: &[u8]) -> Option<Vec<u8>> {
        let stopped = match Arc::make_mut(node) {
            Node::Leaf(leaf) => self.leaf(leaf, from),
            Node::Inner(inner) => self.inner(inner, from),
        };
        // Charged afterwards, so that every step gets as far as one leaf.
        self.left = self.left.saturating_sub(1);
        stopped
    }

    fn leaf(&mut self, leaf: &mut Leaf, from: &[u8]) -> Option<Vec<u8>> {
        let mut keeps = vec![true; leaf.entries.len()];
        let mut stopped = None;
        for (place, keeps) in keeps.iter_mut().enumerate().skip(leaf.keys.below(from)) {
            let prunable = leaf.entries[place].prunable(self.floor);
            let count = prunable.min(self.left);
            if count > 0 {
                *keeps = leaf.entries[place].forget(count, self.gone);
                self.left -= count;
            }
            if count < prunable {
                stopped = Some(leaf.keys.get(place).to_vec());
                break;
            }
        }
        if keeps.contains(&false) {
            leaf.keep(&keeps);
        }
        stopped
    }

    fn inner(&mut self, inner: &mut Inner, from: &[u8]) -> Option<Vec<u8>> {
        inner.turns.forget(self.floor);
        let (mut place, mut start) = (inner.child_of(from), from);
        while let Some(child) = inner.children.get_mut(place) {
            if child.stale > self.floor {
                (place, start) = (place + 1, &[]);
                continue;
            }
            if self.left == 0 {
                return Some(if place == 0 {
                    from.to_vec()
                } else {
                    inner.separators.get(place - 1).to_vec()
                });
            }
            let len = child.node.len();
            let stopped = self.node(&mut child.node, start);
            child.sum_up();
            if child.node.len() < len {
                place = self.shrink(inner, place);
            }
            if stopped.is_some() {
                return stopped;
            }
            // Seen again from its start: it may have joined with the next one, which nobody has seen.
            start = &[];
        }
        None
    }

    /// Joins the child at `place`, which has lost some, with its neighbours if it can; answers where to go on.
    fn shrink(&self, inner: &mut Inner, place: usize) -> usize {
        if inner.children[place].node.len() == 0 {
            inner.remove(place);
            return place;
        }
        inner.join(place, self.floor);
        if place > 0 && inner.join(place - 1, self.floor) { place - 1 } else { place }
    }
}
