use super::*;
use crate::query::{Filter, Order as SortOrder, Query, Sort, Target};
use crate::scene::{KEY, META, SPACES, Scene, range, shown};
use crate::{Deleted, Put, Refusal, Tier, key_value};
use proptest::prelude::*;
use quorate_proto::mvccpb::KeyValue;
use quorate_storage::{Batch, Engine};
use quorate_storage_memory::MemoryEngine;
use quorate_types::LeaseId;
use std::collections::BTreeMap;

fn numbers(record: &KeyValue) -> (i64, i64, i64) {
    (record.create_revision, record.mod_revision, record.version)
}

#[test]
fn an_empty_store_is_at_revision_one_and_the_first_write_gets_two() {
    let mut scene = Scene::new();
    assert_eq!(scene.store.revision(), Revision(1));
    scene.put("a", "1");
    assert_eq!(numbers(&scene.get("a").unwrap()), (2, 2, 1));
}

#[test]
fn versions_count_from_creation_and_a_delete_resets_them() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    scene.put("a", "1");
    assert_eq!(numbers(&scene.get("a").unwrap()), (2, 3, 2));
    assert_eq!(scene.delete("a", "").count, 1);
    assert_eq!(scene.get("a"), None);
    scene.put("a", "2");
    assert_eq!(numbers(&scene.get("a").unwrap()), (5, 5, 1));
}

#[test]
fn a_delete_that_matches_nothing_takes_no_revision() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    assert_eq!(scene.delete("b", "z"), Deleted::default());
    assert_eq!(scene.store.revision(), Revision(2));
}

#[test]
fn deletes_of_one_transaction_share_a_revision_and_count_sub_in_key_order() {
    let mut scene = Scene::new();
    ["b", "a", "c"].iter().for_each(|key| scene.put(key, "1"));
    let deleted = scene.delete("a", "\0");
    assert_eq!(deleted.count, 3);
    assert_eq!(deleted.records.into_iter().map(shown).collect::<Vec<_>>(), ["a=1", "b=1", "c=1"]);
    let mut tombstones = Vec::new();
    let view = scene.engine.view();
    view.scan(KEY, Range::ALL, Order::Ascending, &mut |key, record| {
        let (at, is_tombstone) = RecordKey::decode(key).unwrap();
        if is_tombstone {
            let record = key_value(bytes::Bytes::copy_from_slice(record)).unwrap();
            tombstones.push((at.main.0, at.sub, record.key));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(tombstones, [(5, 0, "a".into()), (5, 1, "b".into()), (5, 2, "c".into())]);
}

#[test]
fn what_is_to_be_kept_of_a_key_must_be_there() {
    let mut scene = Scene::new();
    for (value, lease) in [(None, Some(0)), (Some("1"), None), (None, None)] {
        let refused = scene.put_with("a", value, lease).unwrap_err();
        assert!(matches!(refused, ReadError::Refused(Refusal::KeyNotFound)), "{refused:?}");
    }
    assert_eq!(scene.store.revision(), Revision(1), "a refusal changes nothing");
    scene.put_with("a", Some("1"), Some(9)).unwrap();
    scene.put_with("a", None, Some(0)).unwrap();
    assert_eq!((scene.get("a").unwrap().value, scene.get("a").unwrap().lease), ("1".into(), 0));
    scene.put_with("a", Some("2"), Some(9)).unwrap();
    scene.put_with("a", Some("3"), None).unwrap();
    assert_eq!((scene.get("a").unwrap().value, scene.get("a").unwrap().lease), ("3".into(), 9));
}

#[test]
fn later_changes_of_a_batch_read_what_earlier_ones_wrote() {
    let mut scene = Scene::new();
    let mut overlay = Overlay::new(scene.engine.view());
    for value in ["1", "2"] {
        let mut writing = scene.store.begin(&mut overlay);
        let before = writing.record(b"a").unwrap();
        assert_eq!(before.is_some(), value == "2");
        let put = Put { key: "a".into(), value: Some(value.into()), lease: Some(LeaseId::NONE) };
        writing.put(&put).unwrap();
        let _ = writing.end();
    }
    let mut writing = scene.store.begin(&mut overlay);
    let deleted = writing.delete_range(&range("a", ""), true).unwrap();
    assert_eq!(deleted.records.into_iter().map(shown).collect::<Vec<_>>(), ["a=2"]);
    let _ = writing.end();
    scene.engine.write(overlay.into_batch()).unwrap();
    assert_eq!(scene.get("a"), None);
}

#[test]
fn limit_count_and_more() {
    let mut scene = Scene::new();
    ["a", "b", "c"].iter().for_each(|key| scene.put(key, "1"));
    let query = |limit| Query { limit, ..Query::newest(range("a", "\0")) };
    for (limit, returned, more) in
        [(None, 3, false), (Some(3), 3, false), (Some(2), 2, true), (Some(9), 3, false)]
    {
        let found = scene.find(&query(limit)).unwrap();
        assert_eq!((found.records.len(), found.more, found.count), (returned, more, 3), "{limit:?}");
    }
    let count_only = Query { count_only: true, limit: Some(1), ..Query::newest(range("a", "c")) };
    let found = scene.find(&count_only).unwrap();
    assert_eq!((found.records.len(), found.more, found.count), (0, false, 2));
}

#[test]
fn the_limit_comes_before_a_sort_without_an_order_and_after_any_other() {
    let mut scene = Scene::new();
    [("a", "3"), ("b", "2"), ("c", "1")].iter().for_each(|(key, value)| scene.put(key, value));
    let show = |target, order| {
        let sort = Some(Sort { target, order });
        scene.show(&Query { sort, limit: Some(2), ..Query::newest(range("a", "\0")) })
    };
    let lines = |records: &[&str]| (records.iter().map(ToString::to_string).collect::<Vec<_>>(), true);
    assert_eq!(show(Target::Value, SortOrder::Ascending), lines(&["c=1", "b=2"]));
    assert_eq!(show(Target::Value, SortOrder::Descending), lines(&["a=3", "b=2"]));
    // Two and one more are taken in key order, all three here; then sorted; then cut.
    assert_eq!(show(Target::Value, SortOrder::Unnamed), lines(&["c=1", "b=2"]));
    assert_eq!(show(Target::Key, SortOrder::Descending), lines(&["c=1", "b=2"]));
    assert_eq!(show(Target::Modified, SortOrder::Descending), lines(&["c=1", "b=2"]));
    let first_two = Query {
        sort: Some(Sort { target: Target::Value, order: SortOrder::Unnamed }),
        limit: Some(1),
        ..Query::newest(range("a", "\0"))
    };
    assert_eq!(scene.show(&first_two), lines(&["b=2"]), "of a and b, the smaller value");
}

#[test]
fn filters_are_inclusive_and_do_not_change_the_count() {
    let mut scene = Scene::new();
    ["a", "b", "c"].iter().for_each(|key| scene.put(key, "1")); // created at 2, 3, 4
    scene.put("a", "2"); // modified at 5
    let show = |filter| {
        let query = Query { filter, ..Query::newest(range("a", "\0")) };
        assert_eq!(scene.find(&query).unwrap().count, 3);
        scene.show(&query).0
    };
    let none = Filter::default();
    assert_eq!(show(Filter { modified_min: Some(Revision(4)), ..none }), ["a=2", "c=1"]);
    assert_eq!(show(Filter { modified_max: Some(Revision(3)), ..none }), ["b=1"]);
    assert_eq!(show(Filter { created_min: Some(Revision(3)), ..none }), ["b=1", "c=1"]);
    assert_eq!(show(Filter { created_max: Some(Revision(2)), ..none }), ["a=2"]);
}

#[test]
fn keys_only_leaves_out_value_and_lease_unless_it_sorts_by_value() {
    let mut scene = Scene::new();
    scene.put_with("a", Some("1"), Some(9)).unwrap();
    let record = |sort| {
        let query = Query { keys_only: true, sort, ..Query::newest(range("a", "")) };
        key_value(scene.find(&query).unwrap().records.remove(0)).unwrap()
    };
    let by_value = Some(Sort { target: Target::Value, order: SortOrder::Ascending });
    assert_eq!((record(None).value.len(), record(None).lease), (0, 0));
    assert_eq!((record(by_value).value.len(), record(by_value).lease), (0, 9));
    assert_eq!(numbers(&record(None)), (2, 2, 1));
}

#[test]
fn a_snapshot_stays_as_it_is() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    let (snapshot, view) = (scene.store.snapshot(), scene.engine.view());
    scene.put("a", "2");
    scene.delete("a", "");
    let found = snapshot.range(view.as_ref(), &Query::newest(range("a", "")), Tier::Memory).unwrap();
    assert_eq!(found.records.into_iter().map(shown).collect::<Vec<_>>(), ["a=1"]);
}

#[test]
fn records_that_are_none_are_refused_not_skipped() {
    let good = RecordKey { main: Revision(2), sub: 0 }.live().to_vec();
    for (key, value) in [(b"junk".to_vec(), vec![]), (good, vec![0xff, 0xff, 0xff])] {
        let engine = MemoryEngine::volatile(SPACES);
        let mut batch = Batch::default();
        batch.insert(KEY, key, value);
        engine.write(batch).unwrap();
        assert!(matches!(Store::open(KEY, META, engine.view().as_ref()), Err(ReadError::Corrupt(_))));
    }
}

/// What a client would do, on few keys.
#[derive(Debug, Clone)]
enum Act {
    Put(u8, u8),
    Delete(u8, u8),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..8u8, any::<u8>()).prop_map(|(key, value)| Act::Put(key, value)),
        3 => (0..8u8, 0..9u8).prop_map(|(from, to)| Act::Delete(from, to)),
        1 => Just(Act::Restart),
    ]
}

fn name(key: u8) -> String {
    format!("k{key}")
}

proptest! {
    /// Against a plain map: the same keys, values, versions and revisions, before and after a restart.
    #[test]
    fn the_store_does_what_a_map_would(acts in prop::collection::vec(act(), 1..60)) {
        let mut scene = Scene::new();
        let mut model: BTreeMap<String, (String, i64, i64, i64)> = BTreeMap::new();
        let mut revision = 1;
        for act in acts {
            match act {
                Act::Put(key, value) => {
                    revision += 1;
                    scene.put(&name(key), &value.to_string());
                    let entry = model.entry(name(key)).or_insert((String::new(), revision, 0, 0));
                    *entry = (value.to_string(), entry.1, revision, entry.3 + 1);
                }
                Act::Delete(from, to) => {
                    let doomed: Vec<_> = (from..to).map(name).filter(|key| model.contains_key(key)).collect();
                    prop_assert_eq!(scene.delete(&name(from), &name(to)).count, doomed.len());
                    revision += i64::from(!doomed.is_empty());
                    doomed.iter().for_each(|key| drop(model.remove(key)));
                }
                Act::Restart => scene.store = Store::open(KEY, META, scene.engine.view().as_ref()).unwrap(),
            }
            prop_assert_eq!(scene.store.revision(), Revision(revision));
        }
        for key in (0..8).map(name) {
            let found = scene.get(&key).map(|record| {
                let value = String::from_utf8(record.value.to_vec()).unwrap();
                (value, record.create_revision, record.mod_revision, record.version)
            });
            prop_assert_eq!(found, model.get(&key).cloned());
        }
        prop_assert_eq!(scene.store.snapshot().key_count(), model.len());
    }
}
