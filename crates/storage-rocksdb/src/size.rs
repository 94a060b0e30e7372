//! How a batch changes the size of the records (law S5).

use quorate_storage::{Batch, Error, Op, RECORD_OVERHEAD, Space};
use std::collections::HashMap;

/// The size after `batch`, if it was `size` before; `stored` tells the length of the value under a key.
///
/// Cost: one look-up for each key of a counted space that the batch puts or deletes; inserts are free.
pub(crate) fn after(
    size: u64,
    batch: &Batch,
    stored: impl Fn(Space, &[u8]) -> Result<Option<u64>, Error>,
) -> Result<u64, Error> {
    let counted = batch.ops().iter().filter(|op| space(op).is_counted());
    let mut earlier = Earlier::new(batch, stored);
    // Added and taken are kept apart: a batch may take more than it has added so far.
    let (mut added, mut taken) = (0, 0);
    for op in counted {
        let (key, value) = match op {
            Op::Insert { key, value, .. } | Op::Put { key, value, .. } => (key, Some(value.len() as u64)),
            Op::Delete { key, .. } => (key, None),
        };
        let weight = |value_bytes: u64| key.len() as u64 + value_bytes + RECORD_OVERHEAD;
        taken += earlier.replace(op, key, value)?.map_or(0, weight);
        added += value.map_or(0, weight);
    }
    Ok((size + added).checked_sub(taken).expect("S5: what is taken away was counted before"))
}

/// The value lengths that the operations of one batch meet: from the batch itself, else from the database.
struct Earlier<'a, F> {
    stored: F,
    /// Left empty by a batch of inserts only, which meet nothing.
    in_batch: HashMap<(usize, &'a [u8]), Option<u64>>,
    is_insert_only: bool,
}

impl<'a, F: Fn(Space, &[u8]) -> Result<Option<u64>, Error>> Earlier<'a, F> {
    fn new(batch: &Batch, stored: F) -> Self {
        let is_free = |op: &Op| matches!(op, Op::Insert { .. }) || !space(op).is_counted();
        Self { stored, in_batch: HashMap::new(), is_insert_only: batch.ops().iter().all(is_free) }
    }

    /// The length that `value` replaces.
    fn replace(&mut self, op: &Op, key: &'a [u8], value: Option<u64>) -> Result<Option<u64>, Error> {
        if self.is_insert_only {
            return Ok(None);
        }
        let in_batch = self.in_batch.insert((space(op).ordinal(), key), value);
        match (in_batch, op) {
            (Some(earlier), _) => Ok(earlier),
            (None, Op::Insert { .. }) => Ok(None),
            (None, Op::Put { space, .. } | Op::Delete { space, .. }) => (self.stored)(*space, key),
        }
    }
}

fn space(op: &Op) -> Space {
    match op {
        Op::Insert { space, .. } | Op::Put { space, .. } | Op::Delete { space, .. } => *space,
    }
}

#[cfg(test)]
mod tests;
