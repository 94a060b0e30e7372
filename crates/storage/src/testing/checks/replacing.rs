//! States that take the place of the engine's own: beside it until the swap, whole from then on.

use super::{KEY, META, OWN, assert_shows, get};
use crate::testing::conformance::Stage;
use crate::testing::{Model, SPACES, Script, Seed, Uniform};
use crate::{Engine, Error, Order, RECORD_OVERHEAD, Range, Replacement, Successor};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A replacement with all records of `model`.
fn filled(engine: &dyn Engine, model: &Model) -> Box<dyn Replacement> {
    let mut replacement = engine.begin_replacement().expect("a sound engine has room");
    for &space in SPACES.as_slice() {
        for (key, value) in model.records(space) {
            replacement.add(space, key, value).expect("records in order are taken");
        }
    }
    replacement
}

fn finished(engine: &dyn Engine, model: &Model) -> Successor {
    filled(engine, model).finish().expect("a sound engine finishes")
}

fn replace(engine: &dyn Engine, model: &Model) {
    finished(engine, model).swap().expect("a sound engine swaps");
}

/// What `batches` batches of the script of `seed` leave, and the script after them.
fn script(seed: u64, batches: u64) -> Script {
    let mut script = Script::new(seed);
    (0..batches).for_each(|_| drop(script.next_batch()));
    script
}

/// An engine with such a state.
fn engine_with(stage: &Stage<'_>, seed: u64, batches: u64) -> Arc<dyn Engine> {
    let engine = stage.open();
    go_on(&*engine, &mut Script::new(seed), batches);
    engine
}

fn go_on(engine: &dyn Engine, script: &mut Script, batches: u64) {
    (0..batches).for_each(|_| engine.write(script.next_batch()).expect("a sound engine writes"));
}

pub(super) fn a_replacement_is_beside(stage: &Stage<'_>) {
    let engine = stage.open();
    let mut old = Script::new(1);
    go_on(&*engine, &mut old, 20);
    let new = script(2, 30);
    let half_built = filled(&*engine, new.model());
    go_on(&*engine, &mut old, 10);
    assert_shows(&*engine.view(), SPACES, old.model(), "S6: while it is filled");
    let successor = half_built.finish().expect("a sound engine finishes");
    drop(engine.persist().expect("a sound engine persists"));
    go_on(&*engine, &mut old, 10);
    assert_shows(&*engine.view(), SPACES, old.model(), "S6: once it is finished");
    assert_shows(&**successor.view(), SPACES, new.model(), "a successor shows what was added");
    drop(successor);
    assert_shows(&*engine.view(), SPACES, old.model(), "S6: once it was given up");
    go_on(&*engine, &mut old, 1);
    drop(engine.persist().expect("a sound engine persists"));
    assert_shows(&*engine.view(), SPACES, old.model(), "S6: it goes on");
}

pub(super) fn a_swap_is_whole(stage: &Stage<'_>) {
    let engine = stage.open();
    let mut previous = Script::new(1);
    go_on(&*engine, &mut previous, 25);
    for seed in 2..6 {
        let mut new = script(seed, seed * 9);
        let before = engine.view();
        replace(&*engine, new.model());
        assert_shows(&*engine.view(), SPACES, new.model(), "S7: nothing of the old state is left");
        go_on(&*engine, &mut new, 10);
        assert_shows(&*engine.view(), SPACES, new.model(), "S7: what is written goes to the new state");
        let durable = engine.persist().expect("a sound engine persists");
        assert_shows(&*durable, SPACES, new.model(), "S7: so does what is persisted");
        assert_shows(&*before, SPACES, previous.model(), "S2: a view from before the swap");
        previous = new;
    }
}

pub(super) fn a_view_of_a_successor_stays(stage: &Stage<'_>) {
    let engine = engine_with(stage, 1, 5);
    let mut new = script(2, 20);
    let at_swap = new.model().clone();
    let successor = finished(&*engine, &at_swap);
    let view = successor.view().clone();
    successor.swap().expect("a sound engine swaps");
    go_on(&*engine, &mut new, 20);
    replace(&*engine, script(3, 3).model());
    drop(engine.persist().expect("a sound engine persists"));
    assert_shows(&*view, SPACES, &at_swap, "S2: the view of a successor");
}

pub(super) fn records_come_in_order(stage: &Stage<'_>) {
    let engine = stage.open();
    let mut replacement = engine.begin_replacement().expect("a sound engine has room");
    assert_eq!(replacement.last(), None);
    replacement.add(META, b"b", b"1").expect("the first record may be any");
    for (space, key) in [(META, "b"), (META, "a"), (META, ""), (KEY, "z")] {
        let refused = replacement.add(space, key.as_bytes(), b"2");
        assert!(matches!(refused, Err(Error::Unordered { .. })), "{key:?} after b: {refused:?}");
        assert_eq!(replacement.last(), Some((META, &b"b"[..])), "what was refused was not added");
    }
    replacement.add(META, b"\xff", b"3").expect("it goes on after a refusal");
    replacement.add(OWN, b"", b"4").expect("it goes on in a later space");
    assert_eq!(replacement.last(), Some((OWN, &b""[..])));
    replacement.finish().expect("a sound engine finishes").swap().expect("a sound engine swaps");
    let view = engine.view();
    let found = [(META, "b"), (META, "a"), (KEY, "z"), (OWN, "")]
        .map(|(space, key)| get(&*view, space, key.as_bytes()));
    assert_eq!(found, [Some(b"1".to_vec()), None, None, Some(b"4".to_vec())]);
    assert_eq!(view.size(), 4 + 2 * RECORD_OVERHEAD);
}

pub(super) fn a_state_may_be_empty(stage: &Stage<'_>) {
    let engine = engine_with(stage, 1, 20);
    let mut script = Script::new(2);
    replace(&*engine, script.model());
    assert_shows(&*engine.view(), SPACES, script.model(), "S7: nothing was added");
    go_on(&*engine, &mut script, 10);
    assert_shows(&*engine.view(), SPACES, script.model(), "S7: it goes on from nothing");
}

/// Larger than whatever an engine gathers before it writes, so that a state is made of many pieces.
pub(super) fn a_state_of_many_pieces(stage: &Stage<'_>) {
    const RECORDS: u32 = 40_000;
    let engine = engine_with(stage, 1, 20);
    let mut replacement = engine.begin_replacement().expect("a sound engine has room");
    let value = |number: u32| vec![number as u8; 500 + number as usize % 1_000];
    for number in 0..RECORDS {
        replacement.add(KEY, &number.to_be_bytes(), &value(number)).expect("records in order are taken");
    }
    replacement.add(META, b"", &vec![9; super::writing::BIG]).expect("records in order are taken");
    replacement.add(META, &vec![9; 1 << 16], b"").expect("records in order are taken");
    replacement.finish().expect("a sound engine finishes").swap().expect("a sound engine swaps");
    let (mut next, view) = (0u32, engine.view());
    view.scan(KEY, Range::ALL, Order::Ascending, &mut |key, found| {
        assert!(key == next.to_be_bytes() && found == value(next), "record {next}");
        next += 1;
        ControlFlow::Continue(())
    })
    .expect("a sound engine scans");
    assert_eq!(next, RECORDS);
    assert_eq!(get(&*view, META, b""), Some(vec![9; super::writing::BIG]));
    assert_eq!(get(&*view, META, &vec![9; 1 << 16]), Some(vec![]));
    let values: u64 = (0..RECORDS).map(|number| value(number).len() as u64 + 4).sum();
    let expected =
        values + (super::writing::BIG + (1 << 16)) as u64 + u64::from(RECORDS + 2) * RECORD_OVERHEAD;
    assert_eq!(view.size(), expected, "S5: the size of a replacement");
}

pub(super) fn several_may_be_under_way(stage: &Stage<'_>) {
    let engine = engine_with(stage, 1, 20);
    let (first, second, third) = (script(2, 12), script(3, 25), script(4, 7));
    let (one, two) = (filled(&*engine, first.model()), finished(&*engine, second.model()));
    replace(&*engine, third.model());
    two.swap().expect("a sound engine swaps");
    assert_shows(&*engine.view(), SPACES, second.model(), "S7: the last to be swapped in counts");
    let one = one.finish().expect("a sound engine finishes");
    assert_shows(&*engine.view(), SPACES, second.model(), "S6: one is beside the other");
    one.swap().expect("a sound engine swaps");
    assert_shows(&*engine.view(), SPACES, first.model(), "S7: the last to be swapped in counts");
}

/// Readers and `persist` on other threads while state follows state: all records of one view name the same state.
pub(super) fn swaps_appear_at_once(stage: &Stage<'_>) {
    const STATES: u64 = 12;
    let engine = stage.open();
    replace(&*engine, &Uniform::model(0));
    let (is_over, newest) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|threads| {
        let read = || {
            while !is_over.load(Ordering::Relaxed) {
                let at_least = newest.load(Ordering::SeqCst);
                let state = Uniform::number(&*engine.view()).expect("a sound engine scans");
                assert!(state >= Some(at_least), "S7: state {state:?} after {at_least} had been swapped in");
            }
        };
        let persist = || {
            while !is_over.load(Ordering::Relaxed) {
                drop(engine.persist().expect("a sound engine persists"));
            }
        };
        let threads = [threads.spawn(read), threads.spawn(read), threads.spawn(persist)];
        for state in 1..=STATES {
            replace(&*engine, &Uniform::model(state));
            newest.store(state, Ordering::SeqCst);
            Uniform::go_on(&*engine, state).expect("a sound engine writes");
        }
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().expect("a reader saw a mixture"));
    });
}

/// Where a process died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Filling,
    Finished,
    Swapped,
    Written,
    Persisted,
}

pub(super) fn a_crash_leaves_one_state_or_the_other(stage: &Stage<'_>) {
    use Death::*;
    for (seed, death) in [Filling, Finished, Swapped, Written, Persisted, Filling].into_iter().enumerate() {
        let seed = 10 + seed as u64;
        let mut old = script(seed, 20);
        let engine = stage.open();
        replace(&*engine, old.model());
        go_on(&*engine, &mut old, 5);
        drop(engine.persist().expect("a sound engine persists"));
        let mut new = script(seed + 100, 30);
        let mut half_built = Some(filled(&*engine, new.model()));
        let finish = |half_built: Box<dyn Replacement>| half_built.finish().expect("a sound engine finishes");
        let mut successor = half_built.take_if(|_| death != Filling).map(finish);
        if matches!(death, Swapped | Written | Persisted) {
            successor.take().expect("it was finished").swap().expect("a sound engine swaps");
        }
        if matches!(death, Written | Persisted) {
            go_on(&*engine, &mut new, 5);
        }
        if death == Persisted {
            drop(engine.persist().expect("a sound engine persists"));
        }
        drop((half_built, successor, engine));
        let view = stage.open().view();
        match death {
            Filling | Finished => assert_shows(&*view, SPACES, old.model(), "S6: a crash before the swap"),
            Swapped => assert_shows(&*view, SPACES, new.model(), "S7: a crash after the swap"),
            Written | Persisted => {
                let kept = Script::check_prefix(seed + 100, &*view).expect("a sound engine reads");
                let least = if death == Persisted { 35 } else { 30 };
                assert!((least..=35).contains(&kept), "S3, S7: {kept} batches after {death:?}");
            }
        }
    }
}

/// Writes, persists, swaps and crashes in a random order.
pub(super) fn random_swaps_keep_every_law(stage: &Stage<'_>) {
    let mut chance = Seed::new(77);
    let (mut seed, mut persisted, mut seeds) = (500, 0, 500);
    for _ in 0..8 {
        let engine = stage.open();
        let kept = Script::check_prefix(seed, &*engine.view()).expect("a sound engine reads");
        assert!(kept >= persisted, "S3: batch {persisted} was persisted, {kept} is the newest there");
        let mut current = script(seed, kept);
        persisted = kept;
        for _ in 0..chance.below(30) {
            match chance.below(12) {
                0 => {
                    drop(engine.persist().expect("a sound engine persists"));
                    persisted = current.written();
                }
                1 => {
                    seeds += 1;
                    let next = script(seeds, chance.below(60) as u64);
                    let successor = finished(&*engine, next.model());
                    go_on(&*engine, &mut current, chance.below(3) as u64);
                    if chance.below(3) > 0 {
                        successor.swap().expect("a sound engine swaps");
                        (seed, persisted, current) = (seeds, next.written(), next);
                    }
                }
                _ => go_on(&*engine, &mut current, 1),
            }
            assert_shows(&*engine.view(), SPACES, current.model(), "what was written and swapped in");
        }
    }
}
