//! How many keys below a node lived, at any revision since the floor.
//!
//! A turn is a key's birth or its death; an update of a living key is none. A node's turns come in the order of their
//! revisions, four bytes each, in chunks that clones share.

use quorate_types::Revision;
use std::sync::Arc;

/// One birth or death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) main: Revision,
    pub(super) is_birth: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    sealed: Arc<Vec<Arc<Chunk>>>,
    open: Arc<Chunk>,
}

/// Turns in a row.
#[derive(Debug, Clone)]
struct Chunk {
    /// How many lived before them. May be negative within a transaction.
    before: i64,
    /// The revision of the first.
    first: Revision,
    /// Revision above `first`, times two, plus one for a birth.
    steps: Vec<u32>,
}

const CHUNK: usize = 512;
const STEP_MAX: i64 = (u32::MAX >> 1) as i64;

impl Turns {
    /// `turns` in order, after which `live` keys live.
    pub(super) fn new(live: usize, turns: &[Turn]) -> Self {
        let births = turns.iter().filter(|turn| turn.is_birth).count();
        let before = signed(live) - (2 * signed(births) - signed(turns.len()));
        let mut new = Self::from_chunk(Chunk::empty(before));
        for turn in turns {
            new.push(*turn);
        }
        Arc::make_mut(&mut new.open).steps.shrink_to_fit();
        new
    }

    fn from_chunk(open: Chunk) -> Self {
        Self { sealed: Arc::default(), open: Arc::new(open) }
    }

    pub(super) fn push(&mut self, turn: Turn) {
        assert!(self.newest() <= turn.main, "I1: changes come in the order of their revisions");
        if self.open.is_full(turn.main) {
            let next = Chunk::empty(self.open.alive(Revision(i64::MAX)));
            let full = std::mem::replace(&mut self.open, Arc::new(next));
            Arc::make_mut(&mut self.sealed).push(full);
        }
        Arc::make_mut(&mut self.open).push(turn);
    }

    /// How many lived at `at`. Cost: two binary searches and a sum over part of a chunk.
    pub(super) fn alive(&self, at: Revision) -> usize {
        if self.open.starts_by(at) {
            return unsigned(self.open.alive(at));
        }
        match self.sealed[..self.sealed.partition_point(|chunk| chunk.first <= at)].last() {
            Some(begun) => unsigned(begun.alive(at)),
            None => unsigned(self.sealed.first().unwrap_or(&self.open).before),
        }
    }

    /// The revision of the oldest; the last of all if there is none.
    pub(super) fn oldest(&self) -> Revision {
        self.chunks().next().and_then(Chunk::oldest).unwrap_or(Revision(i64::MAX))
    }

    /// The revision of the newest; 0 if there is none.
    pub(super) fn newest(&self) -> Revision {
        let newest = self.open.newest().or_else(|| self.sealed.last()?.newest());
        newest.unwrap_or(Revision(0))
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Turn> {
        self.chunks().flat_map(Chunk::iter)
    }

    /// Forgets those at or below `floor`.
    pub(super) fn forget(&mut self, floor: Revision) {
        if self.oldest() > floor {
            return;
        }
        let over = self.sealed.partition_point(|chunk| chunk.newest() <= Some(floor));
        let sealed = Arc::make_mut(&mut self.sealed);
        sealed.drain(..over);
        let first = sealed.first_mut().unwrap_or(&mut self.open);
        *first = Arc::new(first.after(floor));
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.sealed.iter().map(AsRef::as_ref).chain(std::iter::once(self.open.as_ref()))
    }

    /// The bytes that they take, for measuring.
    #[cfg(test)]
    pub(super) fn weight(&self) -> usize {
        self.chunks().map(|chunk| 64 + chunk.steps.capacity() * size_of::<u32>()).sum::<usize>() + 64
    }
}

impl Chunk {
    fn empty(before: i64) -> Self {
        Self { before, first: Revision(i64::MAX), steps: Vec::new() }
    }

    fn is_full(&self, next: Revision) -> bool {
        self.steps.len() == CHUNK || (!self.steps.is_empty() && next.0 - self.first.0 > STEP_MAX)
    }

    fn push(&mut self, turn: Turn) {
        if self.steps.is_empty() {
            self.first = turn.main;
        }
        let above = u32::try_from(turn.main.0 - self.first.0).expect("within STEP_MAX: see is_full");
        if self.steps.len() == self.steps.capacity() {
            // There is a list in every inner node: doubling would cost more memory than it saves time.
            self.steps.reserve_exact((self.steps.len() / 8).max(4));
        }
        self.steps.push(above << 1 | u32::from(turn.is_birth));
    }

    fn starts_by(&self, at: Revision) -> bool {
        !self.steps.is_empty() && self.first <= at
    }

    /// How many of its steps are at or before `at`.
    fn until(&self, at: Revision) -> usize {
        self.steps.partition_point(|&step| self.main(step) <= at)
    }

    fn alive(&self, at: Revision) -> i64 {
        let passed = &self.steps[..self.until(at)];
        let births: u32 = passed.iter().map(|step| step & 1).sum();
        self.before + 2 * i64::from(births) - signed(passed.len())
    }

    fn after(&self, floor: Revision) -> Self {
        let mut kept = Self::empty(self.alive(floor));
        let turns = self.iter().skip(self.until(floor));
        kept.steps.reserve_exact(self.steps.len() - self.until(floor));
        turns.for_each(|turn| kept.push(turn));
        kept
    }

    fn oldest(&self) -> Option<Revision> {
        self.steps.first().map(|&step| self.main(step))
    }

    fn newest(&self) -> Option<Revision> {
        self.steps.last().map(|&step| self.main(step))
    }

    fn main(&self, step: u32) -> Revision {
        Revision(self.first.0 + i64::from(step >> 1))
    }

    fn iter(&self) -> impl Iterator<Item = Turn> {
        self.steps.iter().map(|&step| Turn { main: self.main(step), is_birth: step & 1 == 1 })
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("memory holds fewer than 2^63 keys")
}

fn unsigned(alive: i64) -> usize {
    usize::try_from(alive).expect("I3: deaths follow births")
}
