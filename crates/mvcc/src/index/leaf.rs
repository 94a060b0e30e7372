//! The last floor of the tree: some keys in a row, and what is known of each.

use super::keys::Keys;
use super::past::{Past, Place};
use super::turns::Turn;
use super::{Gone, Live, Row};
use quorate_types::{LeaseId, Revision};
use std::sync::Arc;

/// More keys than this part.
pub(super) const LEAF: usize = 32;
/// More bytes of keys than this part too, so that a put never copies many long keys.
const LEAF_BYTES: usize = 16 << 10;

/// See the module. `entries` are those of `keys`, place by place (law I2).
#[derive(Debug, Clone, Default)]
pub(super) struct Leaf {
    pub(super) keys: Keys,
    pub(super) entries: Vec<Entry>,
}

/// One key: 48 bytes.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) newest: Place,
    /// Of the life that `newest` is of; nothing if that is a tombstone.
    created: Revision,
    version: i64,
    lease: LeaseId,
    past: Option<Arc<Past>>,
}

/// What a write did to its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) before: Option<Live>,
    pub(super) turn: Option<Turn>,
    /// The lowest floor at which something of the key can be pruned.
    pub(super) stale: Revision,
}

impl Leaf {
    /// Makes `entry` the newest of `key`.
    pub(super) fn write(&mut self, key: &[u8], entry: Entry) -> Change {
        let (lives, main) = (entry.lives(), entry.newest.main);
        let (before, stale) = match self.keys.find(key) {
            Ok(place) => {
                let old = &mut self.entries[place];
                (old.replace(&entry), old.stale())
            }
            Err(place) => {
                let stale = entry.stale();
                self.keys = self.keys.with(place, key);
                self.entries.reserve_exact(1);
                self.entries.insert(place, entry);
                (None, stale)
            }
        };
        let turn = (lives != before.is_some()).then_some(Turn { main, is_birth: lives });
        Change { before, turn, stale }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<(usize, &Entry)> {
        let place = self.keys.find(key).ok()?;
        Some((place, &self.entries[place]))
    }

    /// The key at `place` as it was at `at`, or as it is, if it lived then.
    pub(super) fn row(&self, place: usize, at: Option<Revision>) -> Option<Row<'_>> {
        let entry = &self.entries[place];
        let key = self.keys.get(place);
        match at {
            Some(at) if at < entry.newest.main => {
                let older = entry.past.as_ref()?.newest(at).filter(|older| !older.is_tombstone)?;
                Some(Row { key, at: older.at(), live: None })
            }
            _ => entry.live().map(|live| Row { key, at: live.at, live: Some(live) }),
        }
    }

    /// How many of its first `end` keys lived at `at`, or live now.
    pub(super) fn alive(&self, end: usize, at: Option<Revision>) -> usize {
        self.entries[..end].iter().filter(|entry| entry.lived(at)).count()
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() > LEAF || (self.entries.len() > 1 && self.keys.bytes() > LEAF_BYTES)
    }

    /// Whether the two could well be one.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let bytes = self.keys.bytes() + other.keys.bytes();
        (self.entries.len() + other.entries.len()) * 4 <= LEAF * 3 && bytes * 2 <= LEAF_BYTES
    }

    /// Gives away the keys from `place` on; answers what separates them.
    pub(super) fn part(&mut self, place: usize) -> (Vec<u8>, Self) {
        let separator = self.keys.separator(place);
        let right = Self { keys: self.keys.only(|at| at >= place), entries: self.entries.split_off(place) };
        self.keys = self.keys.only(|at| at < place);
        self.entries.shrink_to_fit();
        (separator, right)
    }

    pub(super) fn join(&mut self, right: &Self) {
        self.keys = self.keys.joined(None, &right.keys);
        self.entries.reserve_exact(right.entries.len());
        self.entries.extend_from_slice(&right.entries);
    }

    /// Drops the keys of which `keeps` says no.
    pub(super) fn keep(&mut self, keeps: &[bool]) {
        self.keys = self.keys.only(|place| keeps[place]);
        let mut places = keeps.iter();
        self.entries.retain(|_| places.next().copied().unwrap_or(false));
        self.entries.shrink_to_fit();
    }
}

impl Entry {
    pub(super) fn put(live: Live) -> Self {
        let Live { at, created, version, lease } = live;
        Self { newest: Place::new(at, false), created, version, lease, past: None }
    }

    pub(super) fn tombstone(newest: Place) -> Self {
        Self { newest, created: Revision(0), version: 0, lease: LeaseId::NONE, past: None }
    }

    /// Makes `newer` the newest and what it was past; answers what it was.
    fn replace(&mut self, newer: &Self) -> Option<Live> {
        assert!(self.newest.at() < newer.newest.at(), "I1: changes come in the order of their revisions");
        let before = self.live();
        let mut past = self.past.take();
        Arc::make_mut(past.get_or_insert_default()).push(self.newest);
        *self = Self { past, ..*newer };
        before
    }

    pub(super) fn live(&self) -> Option<Live> {
        let Self { newest, created, version, lease, .. } = *self;
        self.lives().then(|| Live { at: newest.at(), created, version, lease })
    }

    pub(super) fn lives(&self) -> bool {
        !self.newest.is_tombstone
    }

    fn lived(&self, at: Option<Revision>) -> bool {
        match at {
            Some(at) if at < self.newest.main => {
                let since_before = self.lives() && self.created <= at;
                since_before
                    || self
                        .past
                        .as_ref()
                        .and_then(|past| past.newest(at))
                        .is_some_and(|was| !was.is_tombstone)
            }
            _ => self.lives(),
        }
    }

    /// The revision of its last birth or death.
    pub(super) fn turned(&self) -> Revision {
        if self.lives() { self.created } else { self.newest.main }
    }

    /// All its turns, oldest first.
    pub(super) fn turns(&self) -> impl Iterator<Item = Turn> {
        let mut lived = false;
        self.places().filter_map(move |place| {
            let is_birth = !place.is_tombstone;
            let turns = std::mem::replace(&mut lived, is_birth) != is_birth;
            turns.then_some(Turn { main: place.main, is_birth })
        })
    }

    /// The lowest floor at which something of it can be pruned.
    pub(super) fn stale(&self) -> Revision {
        let mut places = self.places();
        let oldest = places.next().expect("a key has a version");
        let superseded = places.next().map_or(Revision(i64::MAX), |second| second.main);
        // A tombstone of the floor itself stays: as in etcd.
        if oldest.is_tombstone { superseded.min(oldest.main.next()) } else { superseded }
    }

    /// How many of its oldest places nobody needs who reads at `floor` or later.
    pub(super) fn prunable(&self, floor: Revision) -> usize {
        let past = self.past.as_ref();
        let (older, needed) = if self.newest.main <= floor {
            (past.map_or(0, |past| past.len()), Some(self.newest))
        } else {
            let until = past.map_or(0, |past| past.until(floor));
            (until.saturating_sub(1), past.and_then(|past| past.newest(floor)))
        };
        let is_over = needed.is_some_and(|place| place.is_tombstone && place.main < floor);
        older + usize::from(is_over)
    }

    /// Forgets its `count` oldest places; whether anything is left.
    pub(super) fn forget(&mut self, count: usize, gone: &mut Vec<Gone>) -> bool {
        let older = self.past.as_ref().map_or(0, |past| past.len());
        let past = self.past.take();
        self.past = past.and_then(|past| past.without_oldest(count.min(older), gone)).map(Arc::new);
        let is_left = count <= older;
        if !is_left {
            gone.push(self.newest.gone());
        }
        is_left
    }

    /// All its places, oldest first.
    fn places(&self) -> impl Iterator<Item = Place> {
        self.past.iter().flat_map(|past| past.iter()).chain(std::iter::once(self.newest))
    }

    /// The bytes that its past takes, for measuring.
    #[cfg(test)]
    pub(super) fn past_weight(&self) -> usize {
        self.past.as_ref().map_or(0, |past| past.weight())
    }
}
