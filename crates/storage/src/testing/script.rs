//! A stream of batches that can be told again from its seed.

use super::{Model, SPACES, Seed};
use crate::{Batch, Error, Op, Range, Space, View};
use bytes::Bytes;
use std::collections::HashSet;

/// Where a script keeps the number of its newest batch: in the last space, which is not counted.
const NUMBER: &[u8] = b"batch";

/// Few bytes make few keys, so that batches meet each other's records; the ends of the byte order are among them.
const ALPHABET: [u8; 4] = [0x00, b'a', 0x7f, 0xff];

/// Seeded batches over [`SPACES`], numbered from 1. Whoever knows the seed knows what an engine holds after
/// any number of them, which is how law S3 is checked, also across processes. Golden files were written from
/// scripts, so what a seed tells never changes.
#[derive(Debug)]
pub struct Script {
    seed: Seed,
    model: Model,
    written: u64,
}

impl Script {
    /// The script of `seed`, before its first batch.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: Seed::new(seed), model: Model::new(SPACES), written: 0 }
    }

    /// The number of the newest batch that was taken.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What an engine holds that was given every batch taken so far.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The next batch.
    pub fn next_batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        let mut touched = HashSet::new();
        for _ in 0..=self.seed.below(12) {
            let space = *self.seed.choose(SPACES.as_slice());
            let key = self.key();
            let is_new =
                touched.insert((space, key.clone())) && !self.model.records(space).contains_key(&key);
            match self.seed.below(3) {
                _ if is_new => batch.insert(space, key, self.value()),
                0 => batch.delete(space, key),
                _ => batch.put(space, key, self.value()),
            }
            self.follow(&batch);
        }
        self.written += 1;
        batch.put(number_space(), NUMBER, self.written.to_be_bytes().to_vec());
        self.follow(&batch);
        batch
    }

    /// Checks that `view` shows what some number of batches of `seed` leave, and answers that number.
    ///
    /// # Errors
    /// The view could not be read.
    ///
    /// # Panics
    /// If it shows anything else: law S3 (or S1) does not hold.
    pub fn check_prefix(seed: u64, view: &dyn View) -> Result<u64, Error> {
        let number = view.get(number_space(), NUMBER)?.map_or(0, |bytes| {
            u64::from_be_bytes(bytes[..].try_into().expect("the script writes eight bytes"))
        });
        let mut script = Self::new(seed);
        (0..number).for_each(|_| drop(script.next_batch()));
        super::checks::assert_shows(view, SPACES, &script.model, "S3: a prefix of the batches, whole");
        Ok(number)
    }

    /// A range between two keys of the script, with any kind of bounds, empty and reversed ones included.
    pub(super) fn check_range(&mut self, check: impl Fn(Range<'_>)) {
        use std::ops::Bound;
        let (low, high) = (self.key(), self.key());
        let kinds = |key| [Bound::Unbounded, Bound::Included(key), Bound::Excluded(key)];
        let start = *self.seed.choose(&kinds(&low[..]));
        let end = *self.seed.choose(&kinds(&high[..]));
        check(Range { start, end });
    }

    fn follow(&mut self, batch: &Batch) {
        batch.ops().last().into_iter().for_each(|op: &Op| self.model.apply(op));
    }

    fn key(&mut self) -> Bytes {
        let length = self.seed.below(5);
        (0..length).map(|_| *self.seed.choose(&ALPHABET)).collect()
    }

    fn value(&mut self) -> Vec<u8> {
        let length = if self.seed.below(50) == 0 { 5_000 } else { self.seed.below(40) };
        self.seed.bytes(length)
    }
}

fn number_space() -> Space {
    *SPACES.as_slice().last().expect("the suite has spaces")
}
