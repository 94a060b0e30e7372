//! From user key to the places of its versions, in memory.

use crate::RecordKey;
use bytes::Bytes;
use imbl::OrdMap;
use quorate_types::{KeyRange, LeaseId, Revision};
use std::ops::Bound;

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

/// A key as the index holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedKey<'a>(&'a [u8]);

/// One key as it was at the moment asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How far a pass of [`Index::prune`] came.
#[derive(Debug, Clone, Default)]
pub(crate) struct PruneCursor {
    after: Option<Bytes>,
}

/// All versions of all keys, in key order. A clone is constant time and stays as it is (law M4).
///
/// A stand-in: the tree with sums replaces it. `count` visits the range.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    keys: OrdMap<Bytes, Entry>,
    live: usize,
}

/// One key's versions.
#[derive(Debug, Clone, Default)]
struct Entry {
    newest: Option<Live>,
    /// Everything before `newest`, oldest first. Without `newest` the last one is a tombstone.
    past: Vec<Gone>,
}

impl<'a> PackedKey<'a> {
    /// `key` in one piece.
    pub(crate) fn whole(key: &'a [u8]) -> Self {
        Self(key)
    }

    /// The key in one piece. Cost: one allocation.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl Index {
    /// The key as it is now, if it lives.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Live> {
        self.keys.get(key)?.newest
    }

    /// The key as it was at `at`, if it lived.
    pub(crate) fn get_at(&self, key: &[u8], at: Revision) -> Option<Row<'_>> {
        let (key, entry) = self.keys.get_key_value(key)?;
        entry.at(key, Some(at))
    }

    /// A new version of a key.
    pub(crate) fn put(&mut self, key: &[u8], live: Live) {
        let entry = self.keys.entry(Bytes::copy_from_slice(key)).or_default();
        match entry.newest.replace(live) {
            Some(before) => entry.past.push(Gone { at: before.at, is_tombstone: false }),
            None => self.live += 1,
        }
    }

    /// The end of a key; answers what it was. A key that does not live gets a tombstone all the same: a load finds
    /// such.
    pub(crate) fn delete(&mut self, key: &[u8], tombstone: RecordKey) -> Option<Live> {
        let entry = self.keys.entry(Bytes::copy_from_slice(key)).or_default();
        let before = entry.newest.take();
        if let Some(before) = before {
            self.live -= 1;
            entry.past.push(Gone { at: before.at, is_tombstone: false });
        }
        entry.past.push(Gone { at: tombstone, is_tombstone: true });
        before
    }

    /// The keys of `range` that lived at `at`, or that live now, smallest first.
    pub(crate) fn range<'a>(
        &'a self,
        range: &'a KeyRange,
        at: Option<Revision>,
    ) -> impl Iterator<Item = Row<'a>> + 'a {
        // An ordered map may panic on bounds that cross; `bounds` never gives such.
        self.keys.range::<_, [u8]>(range.bounds()).filter_map(move |(key, entry)| entry.at(key, at))
    }

    /// How many keys [`Index::range`] gives.
    pub(crate) fn count(&self, range: &KeyRange, at: Option<Revision>) -> usize {
        match range {
            KeyRange::From(start) if at.is_none() && start.as_ref() <= b"\0".as_slice() => self.live,
            _ => self.range(range, at).count(),
        }
    }

    /// How many keys live.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Forgets some of what cannot be read at `floor` or later: of each key every version older than the newest at or
    /// below `floor`, and that one too if it is a tombstone, unless it is of `floor` itself (etcd keeps those). Adds
    /// what it forgot to `gone`; false once the pass is through.
    pub(crate) fn prune(
        &mut self,
        floor: Revision,
        cursor: &mut PruneCursor,
        budget: usize,
        gone: &mut Vec<Gone>,
    ) -> bool {
        let start = match &cursor.after {
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Unbounded,
        };
        let some = self.keys.range((start, Bound::Unbounded)).take(budget.max(1));
        let keys: Vec<Bytes> = some.map(|(key, _)| key.clone()).collect();
        for key in &keys {
            let entry = self.keys.get_mut(key).expect("it was there a line above");
            entry.prune(floor, gone);
            if entry.newest.is_none() && entry.past.is_empty() {
                self.keys.remove(key);
            }
        }
        cursor.after = keys.last().cloned();
        cursor.after.is_some()
    }
}

impl Entry {
    fn at<'a>(&self, key: &'a Bytes, at: Option<Revision>) -> Option<Row<'a>> {
        let key = PackedKey::whole(key);
        let is_then = |place: RecordKey| at.is_none_or(|at| place.main <= at);
        if let Some(live) = self.newest.filter(|live| is_then(live.at)) {
            return Some(Row { key, at: live.at, live: Some(live) });
        }
        let past = self.past.iter().rev().find(|past| is_then(past.at))?;
        (!past.is_tombstone).then_some(Row { key, at: past.at, live: None })
    }

    fn prune(&mut self, floor: Revision, gone: &mut Vec<Gone>) {
        let newest_is_old = self.newest.is_some_and(|live| live.at.main <= floor);
        let old = self.past.iter().take_while(|past| past.at.main <= floor).count();
        let last_is_needed = match self.past.get(old.wrapping_sub(1)) {
            Some(_) if newest_is_old => false,
            Some(last) => !last.is_tombstone || last.at.main == floor,
            None => false,
        };
        gone.extend(self.past.drain(..old - usize::from(last_is_needed)));
    }
}
