//! A state from another member takes the place of the one that was (law A6).

use super::super::tests::{Scene, any_kind, delete, describe, membership, put, put_as};
use super::*;
use crate::command::Kind;
use crate::spaces::{FORMAT, QUORATE};
use crate::{Alarm, AlarmChange, AlarmKind, Published};
use proptest::prelude::*;
use quorate_storage::testing::{Call, Effect, FaultyEngine, Model};
use quorate_storage::{Batch, SpaceSet};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{LeaseId, MemberId};

/// A state with something of everything.
fn rich() -> Scene {
    let mut source = Scene::new();
    source.apply(membership(&[7]));
    source.run([put("a", "1"), put("b", "2"), delete("a", ""), describe(7, "seven")]);
    source.run([
        Kind::LeaseGrant { id: LeaseId(5), ttl_seconds: 60 },
        put_as("leased", Some("v"), Some(5)),
        Kind::Alarm(AlarmChange::Raise(Alarm { member: MemberId(7), kind: AlarmKind::NO_SPACE })),
        Kind::SetClusterVersion(ClusterVersion { major: 3, minor: 7 }),
    ]);
    source
}

fn prepared(target: &Scene, source: &Scene) -> Prepared {
    Prepared::copy(target.engine.as_ref(), source.engine.view().as_ref()).unwrap()
}

fn install(target: &mut Scene, source: &Scene) -> Installed {
    let prepared = prepared(target, source);
    let installed = target.state.install(prepared).unwrap();
    if installed != Installed::Stale {
        target.index = source.index;
    }
    installed
}

/// What readers see beside the keys.
fn beside(state: &Published) -> String {
    let leases: Vec<_> = state.leases().iter().map(|(id, lease)| (id, lease.keys.clone())).collect();
    let (members, alarms): (Vec<_>, Vec<_>) = (state.members().collect(), state.alarms().collect());
    format!(
        "{leases:?} {members:?} {alarms:?} {:?} {:?} {:?} {}",
        state.cluster_version(),
        state.compacted(),
        state.applied(),
        state.size()
    )
}

#[test]
fn a_newer_state_replaces_everything_and_is_published_at_once() {
    let mut source = rich();
    let mut target = Scene::new();
    target.run([put("z", "9"), put("b", "0"), Kind::LeaseGrant { id: LeaseId(4), ttl_seconds: 9 }]);
    let (reader, before, old) = (target.state.reader(), target.published(), target.state.reader().newest());
    let prepared = prepared(&target, &source);
    assert_eq!(prepared.applied(), source.state.applied());
    assert_eq!(prepared.membership(), source.state.membership());
    assert_eq!(target.published(), before, "to prepare a state changes nothing");
    let revision = source.state.reader().newest().revision();
    let effects = Effects { replaced: Some(revision), ..Effects::default() };
    assert!(!effects.is_empty());
    assert_eq!(target.state.install(prepared).unwrap(), Installed::Done(effects));
    assert_eq!(target.contents(), source.contents());
    assert_eq!(target.published(), source.published());
    assert_eq!(
        beside(&reader.newest()),
        beside(&source.state.reader().newest()),
        "readers from before see it too"
    );
    assert_eq!((old.revision().0, old.leases().len()), (before.1, 1), "who reads the old one goes on");
    target.index = source.index;
    let more = || [put("b", "3"), Kind::LeaseRevoke { id: LeaseId(5) }];
    assert_eq!(target.run(more()), source.run(more()));
    assert_eq!(target.contents(), source.contents());
}

#[test]
fn the_applied_log_id_never_goes_back() {
    let source = rich();
    let mut target = Scene::new();
    while target.index < source.index {
        target.run([put("own", "1")]);
    }
    let before = (target.published(), target.contents());
    assert_eq!(install(&mut target, &source), Installed::Stale, "as new");
    target.run([put("own", "2")]);
    assert_eq!(install(&mut target, &source), Installed::Stale, "older");
    target = Scene { index: target.index, ..Scene::on(target.engine) };
    assert_ne!((target.published(), target.contents()), before);
    assert_eq!(target.published().0, [format!("own=2@{}", source.index + 2)]);
    let empty = Scene::new();
    assert_eq!(install(&mut target, &empty), Installed::Stale, "a state that has applied nothing");
}

#[test]
fn a_state_of_a_newer_format_is_refused_and_changes_nothing() {
    let source = MemoryEngine::volatile(spaces::ALL);
    let mut batch = Batch::default();
    batch.put(QUORATE, FORMAT, &[0, 0, 0, 2][..]);
    source.write(batch).unwrap();
    let mut target = Scene::new();
    target.run([put("z", "9")]);
    let before = (target.published(), target.contents());
    let fault = Prepared::copy(target.engine.as_ref(), source.view().as_ref()).err();
    assert!(matches!(fault, Some(Fault::FormatVersion { found: 2, known: 1 })), "{fault:?}");
    assert_eq!((target.published(), target.contents()), before);
    target.run([put("z", "10")]);
}

/// The costly part may be done on any thread.
#[test]
fn a_prepared_state_can_be_handed_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Prepared>();
}

fn faulty() -> Arc<FaultyEngine> {
    Arc::new(FaultyEngine::new(Arc::new(MemoryEngine::volatile(spaces::ALL)), spaces::ALL))
}

/// The records of `engine`, whose spaces are all there are.
fn records(engine: &dyn Engine) -> Batch {
    const ALL: SpaceSet = spaces::ALL;
    Model::new(ALL).difference(&Model::of(engine.view().as_ref(), ALL).unwrap())
}

#[test]
fn a_swap_that_fails_publishes_nothing_and_leaves_one_state_whole() {
    let source = rich();
    for effect in [Effect::None, Effect::Full] {
        let engine = faulty();
        let mut target = Scene::on(engine.clone());
        target.run([put("z", "9")]);
        drop(engine.persist().unwrap());
        let (before, old) = (target.published(), records(engine.as_ref()));
        let prepared = prepared(&target, &source);
        engine.fail_after(0, Call::Swap, effect);
        let fault = target.state.install(prepared).err();
        assert!(
            matches!(fault, Some(Fault::Storage { action: "swap in a received state", .. })),
            "{fault:?}"
        );
        assert_eq!(target.published(), before, "A4");
        engine.crash(0).unwrap();
        let new = records(source.engine.as_ref());
        assert_eq!(records(engine.as_ref()), if effect == Effect::Full { new } else { old });
        StateMachine::open(engine).unwrap();
    }
}

#[test]
fn a_crash_before_the_swap_leaves_the_old_state_and_after_it_the_new() {
    let source = rich();
    for is_installed in [false, true] {
        let engine = faulty();
        let mut target = Scene::on(engine.clone());
        target.run([put("z", "9")]);
        drop(engine.persist().unwrap());
        let old = target.published();
        let prepared = prepared(&target, &source);
        if is_installed {
            assert_ne!(target.state.install(prepared).unwrap(), Installed::Stale);
        } else {
            target.run([put("z", "10")]);
        }
        engine.crash(0).unwrap();
        let again = Scene::on(engine);
        assert_eq!(again.published(), if is_installed { source.published() } else { old });
    }
}

proptest! {
    /// A member that was given a state now and then holds what one holds that has applied everything.
    #[test]
    fn the_state_does_not_depend_on_what_was_installed(
        kinds in prop::collection::vec(any_kind(), 1..40),
        steps in prop::collection::vec(0..4u8, 40),
    ) {
        let (mut steady, mut lazy) = (Scene::new(), Scene::new());
        for (kind, step) in kinds.into_iter().zip(steps) {
            let outcome = steady.run([kind.clone()]);
            match step {
                // It is down, or far away.
                0 | 1 => {}
                2 => {
                    let revision = steady.state.reader().newest().revision();
                    let effects = Effects { replaced: Some(revision), ..Effects::default() };
                    prop_assert_eq!(install(&mut lazy, &steady), Installed::Done(effects));
                }
                _ if lazy.index + 1 == steady.index => prop_assert_eq!(lazy.run([kind]), outcome),
                _ => prop_assert_ne!(install(&mut lazy, &steady), Installed::Stale),
            }
            if lazy.index == steady.index {
                prop_assert_eq!(lazy.published(), steady.published());
                prop_assert_eq!(beside(&lazy.state.reader().newest()), beside(&steady.state.reader().newest()));
                prop_assert_eq!(lazy.contents(), steady.contents());
            }
            let again = Scene::on(lazy.engine.clone());
            prop_assert_eq!(again.published(), lazy.published());
        }
    }
}
