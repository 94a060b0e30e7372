//! Batches: wholeness, order within, the size they leave.

use super::{KEY, META, OWN, Scan, assert_scans_alike, assert_shows, get, write};
use crate::testing::conformance::Stage;
use crate::testing::{Model, SPACES, Script};
use crate::{Batch, Engine, Order, RECORD_OVERHEAD, View};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// 2 MiB: above every block, page and buffer of an engine.
pub(super) const BIG: usize = 2 << 20;

pub(super) fn write_extreme_records(engine: &dyn Engine) {
    write(engine, |batch| {
        batch.insert(KEY, "", "");
        batch.insert(KEY, vec![0xff; 1 << 16], "long key");
        batch.insert(KEY, "big", vec![7u8; BIG]);
        batch.insert(META, "", vec![0u8; BIG]);
        batch.insert(META, vec![0u8; 300], "");
    });
}

pub(super) fn check_extreme_records(view: &dyn View) {
    assert_eq!(get(view, KEY, b""), Some(vec![]));
    assert_eq!(get(view, KEY, &vec![0xff; 1 << 16]), Some(b"long key".to_vec()));
    assert!(get(view, KEY, b"big") == Some(vec![7u8; BIG]));
    assert!(get(view, META, b"") == Some(vec![0u8; BIG]));
    assert_eq!(get(view, META, &[0u8; 300]), Some(vec![]));
    assert_eq!(get(view, META, &[0u8; 299]), None);
    let bytes = (1 << 16) + 8 + 3 + 2 * BIG as u64 + 300;
    assert_eq!(view.size(), bytes + 5 * RECORD_OVERHEAD);
}

pub(super) fn extreme_records(stage: &Stage<'_>) {
    let engine = stage.open();
    write_extreme_records(&*engine);
    check_extreme_records(&*engine.view());
}

pub(super) fn empty_batch_changes_nothing(stage: &Stage<'_>) {
    let engine = stage.open();
    engine.write(Batch::default()).expect("an empty batch is a batch");
    assert_shows(&*engine.view(), SPACES, &Model::new(SPACES), "nothing was written");
}

pub(super) fn later_operations_win(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| {
        batch.insert(KEY, "old", "1");
        batch.insert(KEY, "e", "1");
    });
    write(&*engine, |batch| {
        batch.delete(KEY, "e");
        batch.insert(KEY, "e", "666666");
        batch.insert(KEY, "a", "1");
        batch.put(KEY, "a", "22");
        batch.delete(KEY, "b");
        batch.insert(KEY, "b", "1");
        batch.put(KEY, "c", "1");
        batch.delete(KEY, "c");
        batch.delete(KEY, "old");
        batch.delete(KEY, "old");
        batch.put(KEY, "old", "333");
        batch.insert(KEY, "d", "1");
        batch.delete(KEY, "d");
        batch.put(KEY, "d", "4444");
        batch.put(KEY, "d", "55555");
    });
    let view = engine.view();
    let values =
        [("a", Some("22")), ("b", Some("1")), ("c", None), ("old", Some("333")), ("d", Some("55555"))];
    for (key, value) in values {
        assert_eq!(get(&*view, KEY, key.as_bytes()), value.map(Vec::from), "{key}");
    }
    assert_eq!(view.size(), (1 + 2) + (1 + 1) + (3 + 3) + (1 + 5) + (1 + 6) + 5 * RECORD_OVERHEAD);
}

pub(super) fn size_follows_changes(stage: &Stage<'_>) {
    let engine = stage.open();
    let check = |size: u64, fill: &dyn Fn(&mut Batch)| {
        write(&*engine, fill);
        assert_eq!(engine.view().size(), size);
    };
    check(2 + 3 + RECORD_OVERHEAD, &|batch| batch.insert(KEY, "aa", "111"));
    check(2 + 9 + RECORD_OVERHEAD, &|batch| batch.put(KEY, "aa", "999999999"));
    check(2 + RECORD_OVERHEAD, &|batch| batch.put(KEY, "aa", ""));
    check(2 + RECORD_OVERHEAD, &|batch| batch.delete(KEY, "missing"));
    check(2 + RECORD_OVERHEAD, &|batch| batch.delete(META, "aa"));
    check(2 + 4 + 2 * RECORD_OVERHEAD, &|batch| batch.put(META, "meta", ""));
    check(4 + RECORD_OVERHEAD, &|batch| batch.delete(KEY, "aa"));
    check(0, &|batch| batch.delete(META, "meta"));
}

pub(super) fn uncounted_spaces_weigh_nothing(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| {
        batch.insert(OWN, "applied", "12345678");
        batch.insert(KEY, "k", "v");
    });
    write(&*engine, |batch| batch.put(OWN, "applied", "another length"));
    write(&*engine, |batch| batch.delete(OWN, "missing"));
    assert_eq!(engine.view().size(), 2 + RECORD_OVERHEAD);
    write(&*engine, |batch| batch.delete(OWN, "applied"));
    assert_eq!(engine.view().size(), 2 + RECORD_OVERHEAD);
}

/// Each batch writes its number under every key; a view that shows two numbers saw a part of a batch.
pub(super) fn batches_appear_at_once(stage: &Stage<'_>) {
    const BATCHES: u64 = 400;
    let engine = stage.open();
    let number = |batch: u64| batch.to_be_bytes().to_vec();
    let fill = |value: u64| {
        let mut batch = Batch::default();
        let keys = || (0..20u8).flat_map(|key| SPACES.as_slice().iter().map(move |space| (*space, key)));
        keys().for_each(|(space, key)| batch.put(space, vec![key], number(value)));
        batch
    };
    engine.write(fill(0)).expect("a sound engine writes");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| watch_numbers(&is_done, || engine.view()));
        threads.spawn(|| watch_numbers(&is_done, || engine.view()));
        threads.spawn(|| watch_numbers(&is_done, || engine.persist().expect("a sound engine persists")));
        for batch in 1..=BATCHES {
            engine.write(fill(batch)).expect("a sound engine writes");
            let seen = get(&*engine.view(), META, &[0]);
            assert_eq!(seen, Some(number(batch)), "a batch is visible to the next view");
        }
        is_done.store(true, Ordering::Release);
    });
}

fn watch_numbers(is_done: &AtomicBool, take: impl Fn() -> Arc<dyn View>) {
    let mut newest = 0;
    while !is_done.load(Ordering::Acquire) {
        newest = check_one_number(&*take(), newest);
    }
}

/// Checks that `view` shows the work of one batch, `oldest` or later, and answers which.
fn check_one_number(view: &dyn View, oldest: u64) -> u64 {
    let mut numbers = std::collections::BTreeSet::new();
    for &space in SPACES.as_slice() {
        let records =
            super::visited(view, Scan { space, range: crate::Range::ALL, order: Order::Descending });
        assert_eq!(records.len(), 20, "S1: all records of the batch");
        numbers.extend(records.into_iter().map(|(_, value)| value));
    }
    assert_eq!(numbers.len(), 1, "S1: all from one batch");
    assert_eq!(view.size(), 3 * 20 * (1 + 8 + RECORD_OVERHEAD), "S5: the size belongs to the view");
    let bytes = numbers.pop_first().expect("there is one").try_into().expect("a number has eight bytes");
    let number = u64::from_be_bytes(bytes);
    assert!(number >= oldest, "views of one thread go forward");
    number
}

pub(super) fn random_batches_match_the_model(stage: &Stage<'_>) {
    for seed in 0..4 {
        let engine = stage.open();
        clear(&*engine);
        let mut script = Script::new(seed);
        for _ in 0..150 {
            engine.write(script.next_batch()).expect("a sound engine writes");
        }
        let claim = format!("random batches, seed {seed}");
        let view = engine.view();
        assert_shows(&*view, SPACES, script.model(), &claim);
        let model = script.model().clone();
        for order in [Order::Ascending, Order::Descending].repeat(100) {
            script.check_range(|range| {
                assert_scans_alike(&*view, &model, Scan { space: KEY, range, order }, &claim);
            });
        }
        for &space in SPACES.as_slice() {
            for (key, value) in model.records(space) {
                assert_eq!(get(&*view, space, key).as_deref(), Some(&value[..]), "{claim}");
            }
        }
    }
}

fn clear(engine: &dyn Engine) {
    let model = Model::of(&*engine.view(), SPACES).expect("a sound engine scans");
    engine.write(model.difference(&Model::new(SPACES))).expect("a sound engine writes");
}
