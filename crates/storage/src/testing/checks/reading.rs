//! Views: order, bounds, separation, stillness.

use super::{KEY, META, OWN, Scan, assert_scans_alike, get, visited, write};
use crate::testing::conformance::Stage;
use crate::testing::{Model, SPACES};
use crate::{Order, Range};
use std::ops::{Bound, ControlFlow};

/// Keys at the edges of the byte order, and a key that is the prefix of another.
const KEYS: [&[u8]; 12] = [
    b"",
    b"\x00",
    b"\x00\x00",
    b"\x00\xff",
    b"a",
    b"a\x00",
    b"aa",
    b"a\xff",
    b"b",
    b"\x7f",
    b"\x80",
    b"\xff\xff",
];

pub(super) fn empty_engine_holds_nothing(stage: &Stage<'_>) {
    let view = stage.open().view();
    for &space in SPACES.as_slice() {
        assert!(visited(&*view, Scan { space, range: Range::ALL, order: Order::Descending }).is_empty());
        assert_eq!(get(&*view, space, b""), None);
    }
    assert_eq!(view.size(), 0);
}

pub(super) fn keys_are_ordered_as_unsigned_bytes(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| KEYS.iter().rev().for_each(|key| batch.insert(KEY, *key, *key)));
    let keys = |order| -> Vec<Vec<u8>> {
        let records = visited(&*engine.view(), Scan { space: KEY, range: Range::ALL, order });
        records.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(Order::Ascending), KEYS);
    let reversed: Vec<_> = KEYS.iter().rev().copied().collect();
    assert_eq!(keys(Order::Descending), reversed);
}

/// Every pair of bounds over every pair of keys, there or not, the right way round or not.
pub(super) fn scans_honour_every_bound(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| KEYS.iter().step_by(2).for_each(|key| batch.insert(KEY, *key, *key)));
    let view = engine.view();
    let model = Model::of(&*view, SPACES).expect("a sound engine scans");
    let kinds = |key| [Bound::Unbounded, Bound::Included(key), Bound::Excluded(key)];
    for start in KEYS.into_iter().flat_map(kinds) {
        for end in KEYS.into_iter().flat_map(kinds) {
            for order in [Order::Ascending, Order::Descending] {
                let scan = Scan { space: KEY, range: Range { start, end }, order };
                assert_scans_alike(&*view, &model, scan, "every bound");
            }
        }
    }
}

pub(super) fn scan_stops_when_told(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| KEYS.iter().for_each(|key| batch.insert(KEY, *key, *key)));
    for (order, last) in [(Order::Ascending, KEYS[2]), (Order::Descending, KEYS[9])] {
        let mut seen = Vec::new();
        let outcome = engine.view().scan(KEY, Range::ALL, order, &mut |key, _| {
            seen.push(key.to_vec());
            if seen.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        outcome.expect("a sound engine scans");
        assert_eq!(seen.len(), 3, "a visitor that broke is not called again");
        assert_eq!(seen[2], last);
    }
}

pub(super) fn spaces_are_separate(stage: &Stage<'_>) {
    use crate::{Space, SpaceSet};
    const NAMES: [&str; 20] = [
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        "h",
        "i",
        "j",
        "k",
        "l",
        "m",
        "n",
        "o",
        "authUsers",
        "members",
        "members_removed",
        "r",
        "s",
    ];
    const fn spaces() -> [Space; 20] {
        let mut spaces = [Space::new(0, "a"); 20];
        let mut ordinal = 0;
        while ordinal < 20 {
            spaces[ordinal] = Space::new(ordinal as u8, NAMES[ordinal]);
            ordinal += 1;
        }
        spaces
    }
    static MANY: [Space; 20] = spaces();
    let engine = stage.try_open(SpaceSet::new(&MANY)).expect("any names will do");
    write(&*engine, |batch| {
        for space in MANY {
            batch.insert(space, "same", space.name());
            batch.insert(space, space.name(), "");
        }
    });
    write(&*engine, |batch| batch.delete(MANY[7], "same"));
    let view = engine.view();
    for space in MANY {
        let value = (space != MANY[7]).then(|| space.name().as_bytes().to_vec());
        assert_eq!(get(&*view, space, b"same"), value, "{}", space.name());
        let records = visited(&*view, Scan { space, range: Range::ALL, order: Order::Ascending });
        assert_eq!(records.len(), 1 + usize::from(space != MANY[7]), "{}", space.name());
    }
}

pub(super) fn views_stay_fixed(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| (0..=255u8).for_each(|byte| batch.insert(KEY, vec![byte], vec![byte; 9])));
    let before = engine.view();
    write(&*engine, |batch| {
        (0..128u8).for_each(|byte| batch.delete(KEY, vec![byte * 2]));
        (0..128u8).for_each(|byte| batch.put(KEY, vec![byte * 2 + 1], "other"));
        batch.insert(META, "new", "record");
    });
    engine.persist().expect("a sound engine persists");
    write(&*engine, |batch| batch.put(OWN, "later", "still"));
    assert_eq!(before.size(), 256 * (1 + 9 + crate::RECORD_OVERHEAD), "S2: nor does its size");
    for byte in 0..=255u8 {
        assert_eq!(get(&*before, KEY, &[byte]), Some(vec![byte; 9]));
    }
    assert_eq!(get(&*before, META, b"new"), None);
    assert_eq!(get(&*before, OWN, b"later"), None);
    assert_eq!(get(&*engine.view(), META, b"new"), Some(b"record".to_vec()));
    assert_eq!(
        visited(&*before, Scan { space: KEY, range: Range::ALL, order: Order::Descending }).len(),
        256
    );
}

pub(super) fn views_outlive_the_handle(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| batch.insert(KEY, "a", "1"));
    let view = engine.view();
    drop(engine);
    assert_eq!(get(&*view, KEY, b"a"), Some(b"1".to_vec()));
    assert_eq!(view.size(), 1 + 1 + crate::RECORD_OVERHEAD);
}
