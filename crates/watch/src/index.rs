//! Who watches a key: by the key itself, and by the ranges around it.

mod intervals;

use crate::crowd::{CrowdId, StreamId};
use bytes::Bytes;
use intervals::Intervals;
pub(crate) use intervals::mixed;
use quorate_types::KeyRange;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Crowds by what they watch.
///
/// Cost of a look-up: one hash, and O(log n) for each distinct range found. Never iterated, so that the hash's chance
/// decides nothing.
#[derive(Debug, Default)]
pub(crate) struct Index {
    exact: HashMap<Bytes, Watching, foldhash::fast::RandomState>,
    ranges: Intervals<Watching>,
}

/// The crowds that watch the same, ordered, so that those of one stream are together.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    crowds: Vec<(StreamId, CrowdId)>,
}

impl Watching {
    fn insert(&mut self, stream: StreamId, crowd: CrowdId) {
        let Err(position) = self.crowds.binary_search(&(stream, crowd)) else { return };
        self.crowds.insert(position, (stream, crowd));
    }

    /// True if nobody is left.
    fn remove(&mut self, stream: StreamId, crowd: CrowdId) -> bool {
        if let Ok(position) = self.crowds.binary_search(&(stream, crowd)) {
            self.crowds.remove(position);
        }
        self.crowds.is_empty()
    }

    fn of(&self, stream: StreamId) -> impl Iterator<Item = CrowdId> {
        let begin = self.crowds.partition_point(|(other, _)| *other < stream);
        self.crowds[begin..].iter().take_while(move |(other, _)| *other == stream).map(|(_, crowd)| *crowd)
    }
}

impl Index {
    pub(crate) fn insert(&mut self, range: &KeyRange, stream: StreamId, crowd: CrowdId) {
        match bounds(range) {
            None => self.exact.entry(only(range)).or_default().insert(stream, crowd),
            Some((start, end)) => self.ranges.entry(start, end).insert(stream, crowd),
        }
    }

    pub(crate) fn remove(&mut self, range: &KeyRange, stream: StreamId, crowd: CrowdId) {
        match bounds(range) {
            None => {
                if let Entry::Occupied(mut watching) = self.exact.entry(only(range))
                    && watching.get_mut().remove(stream, crowd)
                {
                    watching.remove();
                }
            }
            Some((start, end)) => {
                if self.ranges.entry(start.clone(), end.clone()).remove(stream, crowd) {
                    self.ranges.remove(&start, end.as_ref());
                }
            }
        }
    }

    /// Visits every crowd that watches `key`.
    pub(crate) fn visit(&self, key: &[u8], mut found: impl FnMut(CrowdId)) {
        if let Some(watching) = self.exact.get(key) {
            watching.crowds.iter().for_each(|(_, crowd)| found(*crowd));
        }
        self.ranges.stab(key, &mut |watching| watching.crowds.iter().for_each(|(_, crowd)| found(*crowd)));
    }

    /// The crowds of `stream` that watch exactly `key`.
    pub(crate) fn exact(&self, key: &[u8], stream: StreamId) -> impl Iterator<Item = CrowdId> {
        self.exact.get(key).into_iter().flat_map(move |watching| watching.of(stream))
    }
}

/// Where a range that is no single key begins and ends.
fn bounds(range: &KeyRange) -> Option<(Bytes, Option<Bytes>)> {
    match range {
        KeyRange::Single(_) => None,
        KeyRange::HalfOpen { start, end } => Some((start.clone(), Some(end.clone()))),
        KeyRange::From(start) => Some((start.clone(), None)),
    }
}

fn only(range: &KeyRange) -> Bytes {
    match range {
        KeyRange::Single(key) | KeyRange::From(key) | KeyRange::HalfOpen { start: key, .. } => key.clone(),
    }
}

#[cfg(test)]
mod tests;
