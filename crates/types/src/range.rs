//! Which keys are meant.

use bytes::Bytes;
use std::ops::Bound;

/// A set of keys, decoded from the wire's `(key, range_end)` pair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyRange {
    /// One key.
    Single(Bytes),
    /// Every key from `start` up to, but not including, `end`.
    HalfOpen {
        /// The smallest key.
        start: Bytes,
        /// The first key past the range. At or below `start` the range is empty, which is no error.
        end: Bytes,
    },
    /// Every key from `start` on.
    From(Bytes),
}

impl KeyRange {
    /// What `key` and `range_end` mean: an empty end is a single key, one zero byte is "to the end".
    #[must_use]
    pub fn from_wire(key: Bytes, range_end: Bytes) -> Self {
        match range_end.as_ref() {
            [] => Self::Single(key),
            [0] => Self::From(key),
            _ => Self::HalfOpen { start: key, end: range_end },
        }
    }

    /// Whether `key` is meant.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            Self::Single(only) => key == only,
            Self::HalfOpen { start, end } => start <= key && key < end,
            Self::From(start) => start <= key,
        }
    }

    /// Whether no key at all is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::HalfOpen { start, end } if end <= start)
    }

    /// The range as bounds for an ordered map. An empty range gives bounds that a map accepts and that hold nothing.
    #[must_use]
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        match self {
            Self::Single(only) => (Bound::Included(only.as_ref()), Bound::Included(only.as_ref())),
            Self::HalfOpen { start, .. } if self.is_empty() => {
                (Bound::Included(start.as_ref()), Bound::Excluded(start.as_ref()))
            }
            Self::HalfOpen { start, end } => (Bound::Included(start.as_ref()), Bound::Excluded(end.as_ref())),
            Self::From(start) => (Bound::Included(start.as_ref()), Bound::Unbounded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(key: &'static str, end: &'static str) -> KeyRange {
        KeyRange::from_wire(key.into(), end.into())
    }

    #[test]
    fn the_wire_encodes_four_kinds_of_range() {
        for (key, end, inside, outside) in [
            ("b", "", &["b"][..], &["a", "ba", "c"][..]),
            ("b", "d", &["b", "bz", "c"], &["a", "d", "e"]),
            ("b", "\0", &["b", "zzz"], &["a", ""]),
            ("\0", "\0", &["\0", "a"], &[""]),
            ("b", "b", &[], &["a", "b", "c"]),
            ("d", "b", &[], &["b", "c", "d"]),
        ] {
            let range = range(key, end);
            assert!(inside.iter().all(|key| range.contains(key.as_bytes())), "{range:?}");
            assert!(!outside.iter().any(|key| range.contains(key.as_bytes())), "{range:?}");
        }
    }

    #[test]
    fn bounds_select_what_contains_says() {
        let keys: std::collections::BTreeSet<&[u8]> = ["a", "b", "bb", "c", "d"].map(str::as_bytes).into();
        for (key, end) in [("b", ""), ("b", "d"), ("b", "\0"), ("d", "b"), ("b", "b")] {
            let range = range(key, end);
            let selected: Vec<_> = keys.range::<[u8], _>(range.bounds()).copied().collect();
            let expected: Vec<_> = keys.iter().copied().filter(|key| range.contains(key)).collect();
            assert_eq!(selected, expected, "{range:?}");
        }
    }
}
