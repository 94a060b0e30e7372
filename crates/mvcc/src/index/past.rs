//! What a key was before its newest version: places of records, oldest first.
//!
//! A key that is written all the time must not have its history copied by each write: the newest places stand in a
//! short exact list, the others in sealed chunks that clones share. Sealed chunks join like the digits of a binary counter
//! up to `CHUNK`, so there are few of them.

use super::Gone;
use crate::RecordKey;
use quorate_types::Revision;
use std::sync::Arc;

/// Where a record is, and whether it is a tombstone: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) main: Revision,
    sub: u32,
    pub(super) is_tombstone: bool,
}

/// See the module. Never empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    sealed: Option<Arc<Vec<Arc<[Place]>>>>,
    open: Vec<Place>,
}

/// So many places are copied by a write to a key at most.
const OPEN: usize = 32;
const CHUNK: usize = 4096;

impl Place {
    pub(super) fn new(at: RecordKey, is_tombstone: bool) -> Self {
        let sub = u32::try_from(at.sub).expect("I5: a transaction has fewer than 2^32 changes");
        Self { main: at.main, sub, is_tombstone }
    }

    pub(super) fn at(self) -> RecordKey {
        RecordKey { main: self.main, sub: i64::from(self.sub) }
    }

    pub(super) fn gone(self) -> Gone {
        Gone { at: self.at(), is_tombstone: self.is_tombstone }
    }
}

impl Past {
    pub(super) fn push(&mut self, place: Place) {
        if self.open.len() == OPEN {
            let full = std::mem::take(&mut self.open);
            self.seal(full);
        }
        self.open.reserve_exact(1);
        self.open.push(place);
    }

    fn seal(&mut self, mut chunk: Vec<Place>) {
        let sealed = Arc::make_mut(self.sealed.get_or_insert_default());
        while let Some(last) = sealed.pop_if(|last| last.len() <= chunk.len() && last.len() < CHUNK) {
            chunk.splice(0..0, last.iter().copied());
        }
        sealed.push(chunk.into());
    }

    pub(super) fn len(&self) -> usize {
        self.chunks().map(<[Place]>::len).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Place> {
        self.chunks().flatten().copied()
    }

    /// How many places are at `at` or before. Cost: two binary searches, and one step a chunk.
    pub(super) fn until(&self, at: Revision) -> usize {
        if self.open.first().is_some_and(|first| first.main <= at) {
            return self.len() - self.open.len() + self.open.partition_point(|place| place.main <= at);
        }
        let Some((last, before)) = self.begun(at).split_last() else { return 0 };
        before.iter().map(|chunk| chunk.len()).sum::<usize>() + last.partition_point(|place| place.main <= at)
    }

    /// The newest place at `at` or before. Cost: two binary searches.
    pub(super) fn newest(&self, at: Revision) -> Option<Place> {
        let chunk = match self.open.first() {
            Some(first) if first.main <= at => self.open.as_slice(),
            _ => self.begun(at).last()?.as_ref(),
        };
        chunk[..chunk.partition_point(|place| place.main <= at)].last().copied()
    }

    /// What is left without the `count` oldest, which go to `gone`; nothing if nothing is left.
    pub(super) fn without_oldest(&self, mut count: usize, gone: &mut Vec<Gone>) -> Option<Self> {
        gone.extend(self.iter().take(count).map(Place::gone));
        let mut sealed = Vec::new();
        for chunk in self.sealed() {
            match chunk.get(count..) {
                Some([]) | None => {}
                Some(_) if count == 0 => sealed.push(chunk.clone()),
                Some(kept) => sealed.push(kept.into()),
            }
            count = count.saturating_sub(chunk.len());
        }
        let open = self.open.get(count..).unwrap_or_default().to_vec();
        let sealed = (!sealed.is_empty()).then(|| Arc::new(sealed));
        (sealed.is_some() || !open.is_empty()).then_some(Self { sealed, open })
    }

    fn sealed(&self) -> &[Arc<[Place]>] {
        self.sealed.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The sealed chunks that begin at `at` or before.
    fn begun(&self, at: Revision) -> &[Arc<[Place]>] {
        let sealed = self.sealed();
        &sealed[..sealed.partition_point(|chunk| chunk[0].main <= at)]
    }

    fn chunks(&self) -> impl Iterator<Item = &[Place]> {
        self.sealed().iter().map(AsRef::as_ref).chain(std::iter::once(self.open.as_slice()))
    }

    /// The bytes that it takes, for measuring.
    #[cfg(test)]
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + 16 + self.len() * size_of::<Place>() + self.sealed().len() * 32
    }
}
