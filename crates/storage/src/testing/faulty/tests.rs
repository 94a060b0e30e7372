use super::*;
use crate::testing::{Disk, ModelEngine, SPACES, conformance_volatile};
use crate::{Space, Successor};

const KEY: Space = SPACES.as_slice()[0];

fn engine() -> FaultyEngine {
    FaultyEngine::new(Arc::new(ModelEngine::open(&Disk::default(), SPACES)), SPACES)
}

fn put(engine: &FaultyEngine, key: &'static str) -> Result<(), Error> {
    let mut batch = Batch::default();
    batch.put(KEY, key, "value");
    engine.write(batch)
}

fn keys(engine: &FaultyEngine) -> String {
    let model = Model::of(&*engine.view(), SPACES).unwrap();
    let keys = model.records(KEY).keys().map(|key| String::from_utf8_lossy(key).into_owned());
    keys.collect::<Vec<_>>().join(" ")
}

#[test]
fn without_a_plan_it_is_the_engine_below() {
    conformance_volatile(|spaces| {
        Arc::new(FaultyEngine::new(Arc::new(ModelEngine::open(&Disk::default(), spaces)), spaces))
    });
}

#[test]
fn the_named_write_fails_and_every_call_after_it() {
    let engine = engine();
    engine.fail_after(1, Call::Write, Effect::None);
    put(&engine, "a").unwrap();
    put(&engine, "b").unwrap_err();
    put(&engine, "c").unwrap_err();
    assert!(engine.persist().is_err());
    assert_eq!(keys(&engine), "a");
}

#[test]
fn a_failed_write_may_have_happened() {
    let engine = engine();
    engine.fail_after(0, Call::Write, Effect::Full);
    put(&engine, "a").unwrap_err();
    assert_eq!((keys(&engine).as_str(), engine.unpersisted()), ("a", 1));
    engine.crash(0).unwrap();
    assert_eq!(keys(&engine), "");
}

#[test]
fn a_failed_persist_may_have_happened() {
    for (effect, left) in [(Effect::None, ""), (Effect::Full, "a")] {
        let engine = engine();
        engine.fail_after(0, Call::Persist, effect);
        put(&engine, "a").unwrap();
        assert!(engine.persist().is_err());
        engine.crash(0).unwrap();
        assert_eq!(keys(&engine), left);
    }
}

#[test]
fn a_crash_keeps_what_was_persisted_and_as_much_more_as_it_is_told() {
    for (kept, left) in [(0, "a"), (1, "a b"), (2, "a b c"), (9, "a b c")] {
        let engine = engine();
        put(&engine, "a").unwrap();
        drop(engine.persist().unwrap());
        put(&engine, "b").unwrap();
        put(&engine, "c").unwrap();
        engine.crash(kept).unwrap();
        assert_eq!(keys(&engine), left);
        put(&engine, "z").unwrap();
    }
}

#[test]
fn faults_of_one_call_do_not_wait_for_the_other() {
    let engine = engine();
    engine.fail_after(1, Call::Persist, Effect::None);
    drop(engine.persist().unwrap());
    put(&engine, "a").unwrap();
    assert!(engine.persist().is_err());
}

/// A replacement that holds the one key `new`.
fn finished(engine: &FaultyEngine) -> Result<Successor, Error> {
    let mut replacement = engine.begin_replacement()?;
    replacement.add(KEY, b"new", b"value")?;
    replacement.finish()
}

#[test]
fn a_failed_replacement_leaves_the_engine_as_it_was() {
    for effect in [Effect::None, Effect::Full] {
        for call in [Call::Add, Call::Finish] {
            let engine = engine();
            put(&engine, "old").unwrap();
            engine.fail_after(0, call, effect);
            finished(&engine).unwrap_err();
            put(&engine, "later").unwrap();
            drop(engine.persist().unwrap());
            assert_eq!(keys(&engine), "later old");
            finished(&engine).unwrap().swap().unwrap();
            assert_eq!((keys(&engine).as_str(), engine.unpersisted()), ("new", 0));
        }
    }
}

#[test]
fn a_replacement_that_failed_stays_failed() {
    let engine = engine();
    engine.fail_after(1, Call::Add, Effect::None);
    let mut replacement = engine.begin_replacement().unwrap();
    replacement.add(KEY, b"a", b"").unwrap();
    replacement.add(KEY, b"b", b"").unwrap_err();
    replacement.add(KEY, b"c", b"").unwrap_err();
    assert_eq!(replacement.last(), None);
    replacement.finish().unwrap_err();
}

#[test]
fn a_failed_swap_may_have_happened_and_puts_the_engine_in_doubt() {
    for (effect, left) in [(Effect::None, "old"), (Effect::Full, "new")] {
        let engine = engine();
        put(&engine, "old").unwrap();
        drop(engine.persist().unwrap());
        engine.fail_after(0, Call::Swap, effect);
        finished(&engine).unwrap().swap().unwrap_err();
        put(&engine, "later").unwrap_err();
        assert!(engine.persist().is_err());
        engine.crash(0).unwrap();
        assert_eq!(keys(&engine), left);
        put(&engine, "later").unwrap();
    }
}

#[test]
fn a_crash_takes_what_was_not_swapped_in_and_keeps_what_was() {
    let engine = engine();
    put(&engine, "old").unwrap();
    drop(engine.persist().unwrap());
    let (half_built, successor) = (engine.begin_replacement().unwrap(), finished(&engine).unwrap());
    put(&engine, "lost").unwrap();
    engine.crash(0).unwrap();
    assert!(half_built.finish().is_err() && successor.swap().is_err());
    assert_eq!(keys(&engine), "old");
    finished(&engine).unwrap().swap().unwrap();
    put(&engine, "kept").unwrap();
    put(&engine, "lost").unwrap();
    engine.crash(1).unwrap();
    assert_eq!(keys(&engine), "kept new");
}
