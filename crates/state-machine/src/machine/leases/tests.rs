use super::super::tests::{Scene, delete, put_as};
use super::*;
use crate::command::Kind;
use crate::{Command, Outcome, Payload};
use bytes::Bytes;
use lease::Effect;
use proptest::prelude::*;
use quorate_mvcc::{self as mvcc, Query, Tier, Txn, TxnOp, key_value};
use std::collections::{BTreeMap, BTreeSet};

fn grant(id: i64) -> Kind {
    Kind::LeaseGrant { id: LeaseId(id), ttl_seconds: 60 }
}

fn revoke(id: i64) -> Kind {
    Kind::LeaseRevoke { id: LeaseId(id) }
}

fn expire(ids: &[i64], term: u64) -> Kind {
    Kind::LeaseExpire { ids: ids.iter().copied().map(LeaseId).collect(), term }
}

fn told(outcomes: &[Outcome]) -> Vec<(i64, Option<Refusal>)> {
    outcomes.iter().map(|outcome| (outcome.revision.0, outcome.result.clone().err())).collect()
}

/// The keys of each lease that readers see.
fn hanging(scene: &Scene) -> BTreeMap<i64, Vec<String>> {
    let text = |key: &Bytes| String::from_utf8(key.to_vec()).unwrap();
    let newest = scene.state.reader().newest();
    newest.leases().iter().map(|(id, lease)| (id.0, lease.keys.iter().map(text).collect())).collect()
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn a_revoked_lease_takes_its_keys_in_order_and_in_one_revision() {
    let mut scene = Scene::new();
    scene.run([grant(7), put_as("b", Some("1"), Some(7)), put_as("a", Some("1"), Some(7))]);
    assert_eq!(hanging(&scene), BTreeMap::from([(7, keys(&["a", "b"]))]));
    let envelope = Command { id: 1, user: String::new(), auth_revision: 0, kind: revoke(7) }.encode();
    let entry = scene.entry(Payload::Commands(vec![envelope]));
    let effects = scene.state.apply(&[entry], &mut Vec::new()).unwrap();
    assert_eq!(effects.leases, [Effect::Ended(LeaseId(7))]);
    let gone: Vec<_> = effects.changes[0].changes.iter().map(|change| change.key.clone()).collect();
    assert_eq!(
        (effects.changes.len(), effects.changes[0].revision.0, gone),
        (1, 4, vec!["a".into(), "b".into()])
    );
    assert_eq!((scene.published(), hanging(&scene)), ((vec![], 4), BTreeMap::new()));
}

#[test]
fn a_lease_without_keys_takes_no_revision_and_an_unknown_one_is_refused() {
    let mut scene = Scene::new();
    let outcomes = scene.run([grant(7), grant(7), revoke(7), revoke(7), grant(7)]);
    let (exists, unknown) = (Some(Refusal::LeaseExists), Some(Refusal::LeaseNotFound));
    assert_eq!(told(&outcomes), [(1, None), (1, exists), (1, None), (1, unknown), (1, None)]);
}

#[test]
fn a_put_hangs_its_key_on_the_lease_it_names_and_on_no_other() {
    let mut scene = Scene::new();
    scene.run([grant(7), grant(8), put_as("a", Some("1"), Some(7)), put_as("b", Some("1"), Some(7))]);
    scene.run([put_as("a", Some("2"), Some(8)), put_as("b", Some("2"), Some(0))]);
    assert_eq!(hanging(&scene), BTreeMap::from([(7, vec![]), (8, keys(&["a"]))]));
    scene.run([put_as("a", Some("3"), None)]); // ignore_lease
    assert_eq!(hanging(&scene), BTreeMap::from([(7, vec![]), (8, keys(&["a"]))]));
    scene.run([delete("a", "c"), put_as("b", Some("4"), None)]);
    assert_eq!(hanging(&scene), BTreeMap::from([(7, vec![]), (8, vec![])]));
}

#[test]
fn a_put_on_a_lease_that_does_not_live_is_refused_also_within_a_transaction() {
    let mut scene = Scene::new();
    let change = mvcc::Put { key: "a".into(), value: Some("1".into()), lease: Some(LeaseId(7)) };
    let within = Txn { success: vec![TxnOp::Put { change, with_previous: false }], ..Txn::default() };
    let steps = [put_as("a", Some("1"), Some(7)), Kind::Txn(within.clone()), grant(7), Kind::Txn(within)];
    let refused = Some(Refusal::LeaseNotFound);
    assert_eq!(told(&scene.run(steps)), [(1, refused.clone()), (1, refused), (1, None), (2, None)]);
    assert_eq!(hanging(&scene), BTreeMap::from([(7, keys(&["a"]))]));
}

#[test]
fn leases_that_are_due_end_in_a_revision_each_and_only_by_the_word_of_their_terms_leader() {
    let mut scene = Scene::new();
    scene.run([grant(7), grant(8), put_as("a", Some("1"), Some(7)), put_as("b", Some("1"), Some(8))]);
    assert_eq!(told(&scene.run([expire(&[7, 8], 2)])), [(3, None)], "the entry's term is 1");
    assert_eq!(hanging(&scene).len(), 2);
    assert_eq!(told(&scene.run([expire(&[7, 9, 8, 7], 1)])), [(5, None)]);
    assert_eq!((scene.published(), hanging(&scene)), ((vec![], 5), BTreeMap::new()));
}

#[test]
fn what_is_left_of_a_lease_is_written_down_and_taken_back() {
    let mut scene = Scene::new();
    let left = |scene: &Scene| {
        let reopened = StateMachine::open(scene.engine.clone()).unwrap().reader().newest();
        reopened.leases().get(LeaseId(7)).unwrap().left_seconds()
    };
    scene.run([grant(7), Kind::LeaseCheckpoint(vec![(LeaseId(7), 20), (LeaseId(8), 20)])]);
    assert_eq!(left(&scene), 20);
    scene.run([Kind::LeaseCheckpoint(vec![(LeaseId(7), 0)])]);
    assert_eq!(left(&scene), 60);
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn any_kind() -> impl Strategy<Value = Kind> {
    let (name, id) = (proptest::sample::select(&NAMES[..]), 1..4i64);
    let lease = proptest::option::of(0..4i64);
    let change = (name.clone(), lease.clone()).prop_map(|(key, lease)| {
        let change = mvcc::Put { key: key.into(), value: Some("v".into()), lease: lease.map(LeaseId) };
        TxnOp::Put { change, with_previous: false }
    });
    prop_oneof![
        3 => (name.clone(), lease).prop_map(|(key, lease)| put_as(key, Some("v"), lease)),
        1 => name.clone().prop_map(|key| delete(key, "")),
        1 => Just(delete("a", "c")),
        2 => proptest::collection::vec(change, 1..4)
            .prop_map(|success| Kind::Txn(Txn { success, ..Txn::default() })),
        2 => id.clone().prop_map(grant),
        1 => id.clone().prop_map(revoke),
        1 => proptest::collection::vec(id, 0..3).prop_map(|ids| expire(&ids, 1)),
    ]
}

/// What the records say: the live keys that name each lease.
fn named(scene: &Scene) -> BTreeMap<i64, BTreeSet<String>> {
    let newest = scene.state.reader().newest();
    let all = Query::newest(KeyRange::From(Bytes::from_static(b"\0")));
    let mut named: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for record in newest.range(&all, Tier::Disk).unwrap().records {
        let record = key_value(record).unwrap();
        if record.lease != 0 {
            named.entry(record.lease).or_default().insert(String::from_utf8(record.key.to_vec()).unwrap());
        }
    }
    named
}

proptest! {
    #[test]
    fn a_leases_keys_are_those_that_name_it_also_after_a_restart(
        batches in proptest::collection::vec(proptest::collection::vec(any_kind(), 1..5), 1..12)
    ) {
        let mut scene = Scene::new();
        let (mut begun, mut ended) = (0, 0);
        for batch in batches {
            let envelopes = batch.into_iter()
                .map(|kind| Command { id: 1, user: String::new(), auth_revision: 0, kind }.encode());
            let entry = scene.entry(Payload::Commands(envelopes.collect()));
            for effect in scene.state.apply(&[entry], &mut Vec::new()).unwrap().leases {
                if matches!(effect, Effect::Granted { .. }) { begun += 1 } else { ended += 1 }
            }
            let hangs: BTreeMap<i64, BTreeSet<String>> = hanging(&scene)
                .into_iter()
                .filter(|(_, keys)| !keys.is_empty())
                .map(|(id, keys)| (id, keys.into_iter().collect()))
                .collect();
            prop_assert_eq!(&hangs, &named(&scene), "L2");
            prop_assert_eq!(hanging(&scene).len(), begun - ended, "each beginning and end is told");
            let reopened = Scene::on(scene.engine.clone());
            prop_assert_eq!(hanging(&reopened), hanging(&scene), "L3");
        }
    }
}
