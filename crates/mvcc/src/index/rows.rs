//! Walking a range in key order.

use super::Row;
use super::leaf::Leaf;
use super::node::{Inner, Node};
use quorate_types::{KeyRange, Revision};

/// The keys of a range that lived at a revision, or that live now.
pub(super) struct Rows<'a> {
    /// The nodes above `leaf`, each with the place of the child that leads to it.
    above: Vec<(&'a Inner, usize)>,
    leaf: &'a Leaf,
    /// The keys of `leaf` still to come.
    places: std::ops::Range<usize>,
    /// Whether the range ends within `leaf`.
    is_last: bool,
    until: Until<'a>,
    at: Option<Revision>,
}

#[derive(Clone, Copy)]
enum Until<'a> {
    Only,
    Below(&'a [u8]),
    End,
}

impl<'a> Rows<'a> {
    pub(super) fn new(root: &'a Node, range: &'a KeyRange, at: Option<Revision>) -> Self {
        let (start, until) = match range {
            KeyRange::Single(key) => (key, Until::Only),
            KeyRange::HalfOpen { start, end } => (start, Until::Below(end)),
            KeyRange::From(start) => (start, Until::End),
        };
        let mut above = Vec::new();
        let mut node = root;
        let leaf = loop {
            match node {
                Node::Leaf(leaf) => break leaf,
                Node::Inner(inner) => {
                    let place = inner.child_of(start);
                    above.push((inner, place));
                    node = &inner.children[place].node;
                }
            }
        };
        let mut rows = Self { above, leaf, places: 0..0, is_last: false, until, at };
        rows.enter(leaf, leaf.keys.find(start));
        rows
    }

    fn enter(&mut self, leaf: &'a Leaf, found: Result<usize, usize>) {
        let start = found.unwrap_or_else(|place| place);
        let end = match self.until {
            Until::Only => start + usize::from(found.is_ok()),
            Until::Below(end) => leaf.keys.below(end),
            Until::End => leaf.keys.len(),
        };
        self.is_last = matches!(self.until, Until::Only) || end < leaf.keys.len();
        self.leaf = leaf;
        self.places = start..end;
    }

    /// The next leaf in which a key lives; what is empty at the moment of the read is passed by as high up as it is known.
    fn next_leaf(&mut self) -> Option<&'a Leaf> {
        loop {
            let (inner, place) = self.above.last_mut()?;
            *place = place.wrapping_add(1);
            let later = &inner.children[*place..];
            let Some(ahead) = later.iter().position(|child| child.alive(self.at) > 0) else {
                self.above.pop();
                continue;
            };
            *place += ahead;
            match &*inner.children[*place].node {
                Node::Leaf(leaf) => return Some(leaf),
                // One before its first child.
                Node::Inner(below) => self.above.push((below, usize::MAX)),
            }
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        loop {
            let leaf = self.leaf;
            if let Some(row) = self.places.find_map(|place| leaf.row(place, self.at)) {
                return Some(row);
            }
            if self.is_last {
                return None;
            }
            let Some(leaf) = self.next_leaf() else {
                self.is_last = true;
                return None;
            };
            self.enter(leaf, Err(0));
        }
    }
}
