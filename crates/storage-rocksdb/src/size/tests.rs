use super::*;
use quorate_storage::testing::SPACES;
use std::cell::Cell;

const KEY: Space = SPACES.as_slice()[0];
const OWN: Space = SPACES.as_slice()[3];

/// The change of the size, and the look-ups it took; the database holds `old` with a value of 10 bytes.
fn check(fill: impl FnOnce(&mut Batch), expected: (i64, u32)) {
    let look_ups = Cell::new(0);
    let stored = |_, key: &[u8]| {
        look_ups.set(look_ups.get() + 1);
        Ok((key == b"old").then_some(10))
    };
    let mut batch = Batch::default();
    fill(&mut batch);
    let size = after(1_000_000, &batch, stored).unwrap() as i64;
    assert_eq!((size - 1_000_000, look_ups.get()), expected);
}

#[test]
fn inserts_and_uncounted_spaces_look_nothing_up() {
    check(|batch| batch.insert(KEY, "new", "1234"), (3 + 4 + 128, 0));
    check(|batch| batch.put(OWN, "old", "1234"), (0, 0));
    check(|batch| batch.delete(OWN, "old"), (0, 0));
}

#[test]
fn each_key_is_looked_up_once() {
    check(|batch| batch.put(KEY, "old", "1234"), (4 - 10, 1));
    check(|batch| batch.delete(KEY, "old"), (-(3 + 10 + 128), 1));
    check(|batch| batch.delete(KEY, "gone"), (0, 1));
    let twice = |batch: &mut Batch| {
        batch.delete(KEY, "old");
        batch.put(KEY, "old", "12");
        batch.put(KEY, "old", "123");
    };
    check(twice, (3 - 10, 1));
}

#[test]
fn what_the_batch_inserted_is_not_looked_up() {
    let inserted = |batch: &mut Batch| {
        batch.insert(KEY, "new", "1234");
        batch.put(KEY, "new", "12");
    };
    check(inserted, (3 + 2 + 128, 0));
}
