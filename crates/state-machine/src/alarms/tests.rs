use super::*;
use crate::machine::tests::{Scene, delete, put};
use crate::{Outcome, Reply, spaces};
use quorate_mvcc::{Txn, TxnOp};
use quorate_types::{LeaseId, Revision};

const SEVEN: MemberId = MemberId(7);

fn alarm(kind: AlarmKind, member: u64) -> Alarm {
    Alarm { kind, member: MemberId(member) }
}

fn raise(kind: AlarmKind, member: u64) -> Kind {
    Kind::Alarm(AlarmChange::Raise(alarm(kind, member)))
}

fn disarm(kind: AlarmKind, member: u64) -> Kind {
    Kind::Alarm(AlarmChange::Disarm(alarm(kind, member)))
}

fn compact(revision: i64) -> Kind {
    Kind::Compact { revision: Revision(revision) }
}

fn step(kind: Kind) -> TxnOp {
    match kind {
        Kind::Put(put) => TxnOp::Put { change: put.change, with_previous: false },
        Kind::DeleteRange(delete) => TxnOp::DeleteRange { range: delete.range, with_previous: false },
        Kind::Txn(txn) => TxnOp::Txn(txn),
        other => panic!("no step of a transaction: {other:?}"),
    }
}

fn txn(success: Vec<Kind>, failure: Vec<Kind>) -> Kind {
    let branch = |kinds: Vec<Kind>| kinds.into_iter().map(step).collect();
    Kind::Txn(Txn { compares: Vec::new(), success: branch(success), failure: branch(failure) })
}

fn refusals(scene: &mut Scene, kinds: Vec<Kind>) -> Vec<Option<Refusal>> {
    kinds.into_iter().map(|kind| scene.run([kind]).remove(0).result.err()).collect()
}

fn raised(scene: &Scene) -> Vec<Alarm> {
    scene.state.reader().newest().alarms().collect()
}

#[test]
fn an_alarm_is_answered_if_it_was_raised_or_disarmed_and_nothing_else_is() {
    let (full, damaged) = (AlarmKind::NO_SPACE, AlarmKind::CORRUPT);
    let mut scene = Scene::new();
    for (kind, answered) in [
        (raise(AlarmKind::NONE, 7), None),
        (disarm(full, 7), None),
        (raise(full, 7), Some(alarm(full, 7))),
        (raise(full, 7), Some(alarm(full, 7))),
        (raise(damaged, 0), Some(alarm(damaged, 0))),
        (disarm(full, 0), None),
        (disarm(AlarmKind::NONE, 7), None),
        (disarm(full, 7), Some(alarm(full, 7))),
        (raise(AlarmKind(9), 1), Some(alarm(AlarmKind(9), 1))),
    ] {
        let outcome = scene.run([kind.clone()]).remove(0);
        let expected = Outcome { revision: Revision(1), result: Ok(Reply::Alarm(answered)) };
        assert_eq!(outcome, expected, "{kind:?}");
    }
    assert_eq!(raised(&scene), [alarm(damaged, 0), alarm(AlarmKind(9), 1)]);
}

#[test]
fn an_alarm_is_stored_as_etcd_stores_it_and_outlives_a_restart() {
    let mut scene = Scene::new();
    scene.run([raise(AlarmKind::NO_SPACE, 300), raise(AlarmKind::CORRUPT, 0)]);
    let (_, records) = scene.contents().remove(spaces::ALARM.ordinal());
    let keys = [&b"\x08\xac\x02\x10\x01"[..], &b"\x10\x02"[..]];
    assert_eq!(records, keys.map(|key| (Bytes::from_static(key), Bytes::new())));
    let again = Scene::on(scene.engine.clone());
    assert_eq!(raised(&again), [alarm(AlarmKind::NO_SPACE, 300), alarm(AlarmKind::CORRUPT, 0)]);
    scene.run([disarm(AlarmKind::NO_SPACE, 300), disarm(AlarmKind::CORRUPT, 0)]);
    assert!(scene.contents().remove(spaces::ALARM.ordinal()).1.is_empty());
}

#[test]
fn without_space_what_would_take_some_is_refused_and_all_else_is_done() {
    let mut scene = Scene::new();
    let granted = Kind::LeaseGrant { id: LeaseId(7), ttl_seconds: 60 };
    scene.run([granted, put("a", "1"), put("b", "1"), raise(AlarmKind::NO_SPACE, 7)]);
    let refused = vec![
        put("a", "2"),
        txn(vec![put("a", "2")], vec![]),
        txn(vec![], vec![put("a", "2")]),
        txn(vec![txn(vec![], vec![put("a", "2")])], vec![]),
        Kind::LeaseGrant { id: LeaseId(8), ttl_seconds: 60 },
    ];
    assert_eq!(refusals(&mut scene, refused), vec![Some(Refusal::NoSpace); 5]);
    assert_eq!(scene.published(), (vec!["a=1@2".into(), "b=1@3".into()], 3), "A5");
    let revoke = Kind::LeaseRevoke { id: LeaseId(7) };
    let done = vec![delete("a", ""), txn(vec![delete("b", "")], vec![]), compact(4), revoke];
    assert_eq!(refusals(&mut scene, done), [None, None, None, None]);
    assert_eq!(refusals(&mut scene, vec![disarm(AlarmKind::NO_SPACE, 7), put("a", "3")]), [None, None]);
    assert_eq!(scene.published(), (vec!["a=3@6".into()], 6));
}

/// Also where there is no space either.
#[test]
fn with_damage_every_change_of_keys_is_refused() {
    let mut scene = Scene::new();
    let grant = |id| Kind::LeaseGrant { id: LeaseId(id), ttl_seconds: 60 };
    scene.run([grant(7), put("a", "1"), raise(AlarmKind::NO_SPACE, 7), raise(AlarmKind::CORRUPT, SEVEN.0)]);
    let mut kinds = vec![put("a", "2"), delete("a", ""), txn(vec![delete("a", "")], vec![]), compact(2)];
    kinds.extend([grant(8), Kind::LeaseRevoke { id: LeaseId(7) }]);
    kinds.push(Kind::LeaseExpire { ids: vec![LeaseId(7)], term: 1 });
    assert_eq!(refusals(&mut scene, kinds), vec![Some(Refusal::Corrupt); 7]);
    assert_eq!(scene.published(), (vec!["a=1@2".into()], 2), "A5");
}

#[test]
fn an_alarm_counts_from_its_own_place_in_the_log_on() {
    let mut scene = Scene::new();
    let kinds = [put("a", "1"), raise(AlarmKind::NO_SPACE, 7), put("a", "2"), disarm(AlarmKind::NO_SPACE, 7)];
    let outcomes = scene.run(kinds.into_iter().chain([put("a", "3")]));
    let errors: Vec<_> = outcomes.into_iter().map(|outcome| outcome.result.err()).collect();
    assert_eq!(errors, [None, None, Some(Refusal::NoSpace), None, None]);
}

#[test]
fn an_alarm_of_no_known_kind_has_no_effect() {
    let mut scene = Scene::new();
    scene.run([raise(AlarmKind(9), 7)]);
    assert_eq!(refusals(&mut scene, vec![put("a", "1"), delete("a", "")]), [None, None]);
}
