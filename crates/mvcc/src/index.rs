//! From user key to its newest record, in memory.

use crate::RecordKey;
use bytes::Bytes;
use imbl::OrdMap;
use quorate_types::{KeyRange, LeaseId, Revision};

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

/// The live keys in order. A clone is constant time and stays as it is (law M4).
///
/// `count` visits the range: issue 3 gives the tree its sums.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    keys: OrdMap<Bytes, Live>,
}

impl Index {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Live> {
        self.keys.get(key)
    }

    pub(crate) fn insert(&mut self, key: Bytes, live: Live) {
        self.keys.insert(key, live);
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Live> {
        self.keys.remove(key)
    }

    /// The live keys of `range`, smallest first.
    pub(crate) fn range<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = (&'a Bytes, &'a Live)> {
        // An ordered map may panic on bounds that cross; `bounds` never gives such.
        self.keys.range::<_, [u8]>(range.bounds())
    }

    pub(crate) fn count(&self, range: &KeyRange) -> usize {
        match range {
            KeyRange::Single(key) => usize::from(self.keys.contains_key(key.as_ref())),
            KeyRange::From(start) if start.as_ref() <= b"\0".as_slice() => self.keys.len(),
            _ => self.range(range).count(),
        }
    }
}
