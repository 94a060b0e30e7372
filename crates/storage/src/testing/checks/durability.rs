//! What is there after the engine was dropped, which to the suite is a crash.

use super::{KEY, META, OWN, assert_shows, get, write};
use crate::testing::conformance::Stage;
use crate::testing::{Model, SPACES, Script, Seed};
use crate::{Error, Space, SpaceSet, Unusable};

pub(super) fn persisted_state_returns(stage: &Stage<'_>) {
    let mut script = Script::new(1);
    for _ in 0..3 {
        let engine = stage.open();
        (0..20).for_each(|_| engine.write(script.next_batch()).expect("a sound engine writes"));
        drop(engine.persist().expect("a sound engine persists"));
        drop(engine);
        assert_shows(&*stage.open().view(), SPACES, script.model(), "S3: all that was persisted");
    }
}

/// Crashes at a random distance from the last `persist`, and goes on from what is left.
pub(super) fn crash_leaves_a_prefix(stage: &Stage<'_>) {
    let mut chance = Seed::new(9);
    for seed in 0..6 {
        clear(stage);
        let engine = stage.open();
        let mut script = Script::new(seed);
        let mut persisted = 0;
        for _ in 0..chance.below(60) {
            engine.write(script.next_batch()).expect("a sound engine writes");
            if chance.below(8) == 0 {
                drop(engine.persist().expect("a sound engine persists"));
                persisted = script.written();
            }
        }
        drop(engine);
        let kept = Script::check_prefix(seed, &*stage.open().view()).expect("a sound engine reads");
        assert!(kept >= persisted, "S3: batch {persisted} was persisted, {kept} is the newest there");
    }
}

fn clear(stage: &Stage<'_>) {
    let engine = stage.open();
    let model = Model::of(&*engine.view(), SPACES).expect("a sound engine scans");
    engine.write(model.difference(&Model::new(SPACES))).expect("a sound engine writes");
    drop(engine.persist().expect("a sound engine persists"));
}

pub(super) fn persist_returns_the_durable_view(stage: &Stage<'_>) {
    let mut script = Script::new(2);
    let engine = stage.open();
    (0..30).for_each(|_| engine.write(script.next_batch()).expect("a sound engine writes"));
    let durable = engine.persist().expect("a sound engine persists");
    let at_persist = script.model().clone();
    (0..30).for_each(|_| engine.write(script.next_batch()).expect("a sound engine writes"));
    assert_shows(&*durable, SPACES, &at_persist, "S2: the view that persist returned");
    drop((durable, engine));
    let kept = Script::check_prefix(2, &*stage.open().view()).expect("a sound engine reads");
    assert!((30..=60).contains(&kept), "S3: at least what persist covered, found {kept}");
}

pub(super) fn persist_may_repeat(stage: &Stage<'_>) {
    let engine = stage.open();
    drop(engine.persist().expect("nothing to persist is no error"));
    write(&*engine, |batch| batch.insert(KEY, "a", "1"));
    for _ in 0..3 {
        let view = engine.persist().expect("a sound engine persists");
        assert_eq!(get(&*view, KEY, b"a"), Some(b"1".to_vec()));
    }
    drop(engine);
    assert_eq!(get(&*stage.open().view(), KEY, b"a"), Some(b"1".to_vec()));
}

pub(super) fn size_survives_crashes(stage: &Stage<'_>) {
    for round in 0..5u8 {
        let engine = stage.open();
        write(&*engine, |batch| {
            batch.put(KEY, "replaced", vec![round; 100 + usize::from(round)]);
            batch.insert(META, vec![round], vec![round; 10]);
            batch.put(OWN, "round", vec![round; 7]);
        });
        drop(engine.persist().expect("a sound engine persists"));
        write(&*engine, |batch| batch.put(KEY, "not persisted", vec![round; 33 * usize::from(round)]));
        drop(engine);
        let view = stage.open().view();
        let model = Model::of(&*view, SPACES).expect("a sound engine scans");
        assert_shows(&*view, SPACES, &model, "S5: the size is that of what is there");
    }
}

pub(super) fn extreme_records_survive(stage: &Stage<'_>) {
    let engine = stage.open();
    super::writing::write_extreme_records(&*engine);
    drop(engine.persist().expect("a sound engine persists"));
    drop(engine);
    super::writing::check_extreme_records(&*stage.open().view());
}

pub(super) fn cold_reads_are_right(stage: &Stage<'_>) {
    let engine = stage.open();
    write(&*engine, |batch| {
        (0..2_000u32).for_each(|n| batch.insert(KEY, n.to_be_bytes().to_vec(), vec![n as u8; 200]));
    });
    drop(engine.persist().expect("a sound engine persists"));
    drop(engine);
    let engine = stage.open();
    write(&*engine, |batch| {
        (0..2_000u32).step_by(3).for_each(|n| batch.delete(KEY, n.to_be_bytes().to_vec()));
        (1..2_000u32).step_by(3).for_each(|n| batch.put(KEY, n.to_be_bytes().to_vec(), "new"));
    });
    let view = engine.view();
    for n in 0..2_000u32 {
        let expected = [None, Some(b"new".to_vec()), Some(vec![n as u8; 200])][n as usize % 3].clone();
        assert_eq!(get(&*view, KEY, &n.to_be_bytes()), expected);
        assert_eq!(get(&*view, META, &n.to_be_bytes()), None);
    }
}

pub(super) fn new_space_starts_empty(stage: &Stage<'_>) {
    const FEWER: SpaceSet = SpaceSet::new(&[Space::new(0, "key")]);
    let engine = stage.try_open(FEWER).expect("any set will do");
    write(&*engine, |batch| batch.insert(FEWER.as_slice()[0], "a", "1"));
    drop(engine.persist().expect("a sound engine persists"));
    drop(engine);
    let engine = stage.open();
    assert_eq!(get(&*engine.view(), KEY, b"a"), Some(b"1".to_vec()));
    assert_eq!(get(&*engine.view(), META, b"a"), None);
    write(&*engine, |batch| batch.insert(META, "a", "2"));
    drop(engine.persist().expect("a sound engine persists"));
    drop(engine);
    assert_eq!(get(&*stage.open().view(), META, b"a"), Some(b"2".to_vec()));
}

pub(super) fn unknown_space_is_refused(stage: &Stage<'_>) {
    const FEWER: SpaceSet =
        SpaceSet::new(&[Space::new(0, "key"), Space::new(1, "meta"), Space::new(2, "lease")]);
    let engine = stage.open();
    write(&*engine, |batch| batch.insert(OWN, "a", "1"));
    drop(engine.persist().expect("a sound engine persists"));
    drop(engine);
    let Err(Error::Unusable { why, .. }) = stage.try_open(FEWER) else {
        panic!("a space that the caller does not know must be refused");
    };
    assert_eq!(why, Unusable::UnknownSpace { name: "quorate".to_owned() });
    assert_eq!(get(&*stage.open().view(), OWN, b"a"), Some(b"1".to_vec()), "the refusal changed nothing");
}

pub(super) fn directory_is_locked(stage: &Stage<'_>) {
    let engine = stage.open();
    let Err(Error::Unusable { why, .. }) = stage.try_open(SPACES) else {
        panic!("a second engine on one directory must be refused");
    };
    assert_eq!(why, Unusable::Locked);
    drop(engine);
    drop(stage.open());
}
