use crate::scene::{KEY, LEASE, Scene, at, range, refusal, view};
use crate::{Filter, Found, Order, Query, ReadError, Refusal, Sort, Target, Tier, key_value};
use quorate_storage::{Batch, Engine};
use quorate_types::Revision;

/// `a` to `c` put at 2 to 4 in reverse order of their values, `a` again at 5 with a lease, all deleted at 6, `a` again
/// at 7.
fn scene() -> Scene {
    let mut scene = Scene::new();
    [("a", "3"), ("b", "2"), ("c", "1")].iter().for_each(|(key, value)| scene.put(key, value));
    scene.put_with("a", Some("0"), Some(LEASE.0)).unwrap();
    scene.delete("a", "\0");
    scene.put("a", "9");
    scene
}

fn all() -> Query {
    Query::newest(range("a", "\0"))
}

fn front(scene: &Scene, query: &Query) -> Result<Found, ReadError> {
    scene.store.snapshot().range(view(scene).as_ref(), query, Tier::Memory)
}

#[test]
fn every_revision_since_the_first_can_be_read() {
    let scene = scene();
    for (revision, expected) in [
        (1, &[][..]),
        (2, &["a=3"]),
        (3, &["a=3", "b=2"]),
        (4, &["a=3", "b=2", "c=1"]),
        (5, &["a=0", "b=2", "c=1"]),
        (6, &[]),
        (7, &["a=9"]),
        (0, &["a=9"]),
    ] {
        assert_eq!(scene.all_at(revision), expected, "{revision}");
        let count_only = Query { count_only: true, ..at(revision, all()) };
        assert_eq!(scene.find(&count_only).unwrap().count, expected.len(), "{revision}");
        for (key, value) in [("a", "9"), ("a", "3"), ("b", "2"), ("c", "1")] {
            let found = scene.show(&at(revision, Query::newest(range(key, "")))).0;
            let pair = format!("{key}={value}");
            assert_eq!(found.contains(&pair), expected.contains(&pair.as_str()), "{pair} at {revision}");
        }
    }
    let future = Refusal::Future { asked: Revision(8), newest: Revision(7) };
    assert_eq!(refusal(scene.find(&at(8, all()))), future);
}

#[test]
fn limits_sorts_and_filters_are_the_same_in_the_past() {
    let scene = scene();
    let sorted = |target, order| Query { sort: Some(Sort { target, order }), limit: Some(2), ..at(5, all()) };
    let none = Filter::default();
    let filtered = |filter| Query { filter, ..at(5, all()) };
    let (two, four) = (Some(Revision(2)), Some(Revision(4)));
    for (query, expected, more) in [
        (Query { limit: Some(2), ..at(5, all()) }, &["a=0", "b=2"][..], true),
        (sorted(Target::Key, Order::Descending), &["c=1", "b=2"], true),
        (sorted(Target::Version, Order::Descending), &["a=0", "b=2"], true),
        (sorted(Target::Created, Order::Descending), &["c=1", "b=2"], true),
        (sorted(Target::Modified, Order::Ascending), &["b=2", "c=1"], true),
        (sorted(Target::Value, Order::Ascending), &["a=0", "c=1"], true),
        (filtered(Filter { modified_min: four, ..none }), &["a=0", "c=1"], false),
        (filtered(Filter { modified_max: four, ..none }), &["b=2", "c=1"], false),
        (filtered(Filter { created_min: four, ..none }), &["c=1"], false),
        (filtered(Filter { created_max: two, ..none }), &["a=0"], false),
    ] {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(scene.show(&query), (expected, more), "{query:?}");
        assert_eq!(scene.find(&query).unwrap().count, 3, "{query:?}");
    }
}

#[test]
fn keys_only_in_the_past_has_every_number_but_the_lease() {
    let scene = scene();
    let first = |sort| {
        let query = Query { keys_only: true, limit: Some(1), sort, ..at(5, all()) };
        let record = key_value(scene.find(&query).unwrap().records.remove(0)).unwrap();
        assert_eq!((record.key.as_ref(), record.value.len()), (&b"a"[..], 0));
        assert_eq!((record.create_revision, record.mod_revision, record.version), (2, 5, 2));
        record.lease
    };
    let by = |target| Some(Sort { target, order: Order::Ascending });
    assert_eq!((first(None), first(by(Target::Created)), first(by(Target::Value))), (0, 0, LEASE.0));
}

#[test]
fn what_is_equal_stays_in_key_order() {
    let mut scene = Scene::new();
    ["b", "a", "c"].iter().for_each(|key| scene.put(key, "1"));
    for order in [Order::Ascending, Order::Descending] {
        for target in [Target::Version, Target::Value] {
            let query = Query { sort: Some(Sort { target, order }), ..all() };
            assert_eq!(scene.show(&query).0, ["a=1", "b=1", "c=1"], "{target:?} {order:?}");
        }
    }
}

/// 4001 keys, each but the first under revision 1 + its number.
fn many() -> Scene {
    let mut scene = Scene::new();
    (1..=4001).for_each(|number| scene.put(&format!("k{number:04}"), "1"));
    scene
}

#[test]
fn a_front_thread_gives_up_on_too_many_keys() {
    let scene = many();
    let needs_disk = |query: &Query| {
        assert!(scene.find(query).is_ok(), "elsewhere it is answered: {query:?}");
        match front(&scene, query) {
            Ok(_) => false,
            Err(ReadError::NeedsDisk) => true,
            Err(other) => panic!("{other:?}"),
        }
    };
    let query = |end, limit| Query { limit, ..Query::newest(range("k", end)) };
    let tail = |revision| Filter { modified_min: Some(Revision(revision)), ..Filter::default() };
    let down = Some(Sort { target: Target::Created, order: Order::Descending });
    for (query, expected) in [
        (query("k1001", None), false),
        (query("k1002", None), true),
        (query("z", Some(1000)), false),
        (query("z", Some(1001)), true),
        (Query { count_only: true, ..query("z", None) }, false),
        (Query { keys_only: true, ..query("k1001", None) }, false),
        (Query { keys_only: true, ..query("k1002", None) }, true),
        // Few are found, but many were looked at.
        (Query { filter: tail(4000), ..query("k4001", None) }, false),
        (Query { filter: tail(4000), ..query("k4002", None) }, true),
        (Query { sort: down, ..query("k4001", Some(1)) }, false),
        (Query { sort: down, ..query("k4002", Some(1)) }, true),
    ] {
        assert_eq!(needs_disk(&query), expected, "{query:?}");
    }
}

#[test]
fn a_front_thread_reads_no_more_records_of_the_past_than_it_may_return() {
    let mut scene = Scene::new();
    for _ in 0..2 {
        (1..=1001).for_each(|number| scene.put(&format!("k{number:04}"), "1"));
    }
    let by = |target| Some(Sort { target, order: Order::Descending });
    let query = |end, target| {
        let newest = Query::newest(range("k", end));
        Query { sort: by(target), limit: Some(1), ..at(1002, newest) }
    };
    for target in [Target::Created, Target::Version] {
        assert!(front(&scene, &query("k1001", target)).is_ok());
        let refused = front(&scene, &query("k1002", target));
        assert!(matches!(refused, Err(ReadError::NeedsDisk)), "{refused:?}");
    }
    assert!(front(&scene, &query("k1002", Target::Modified)).is_ok(), "places are enough");
}

#[test]
fn a_front_thread_gives_up_on_too_many_bytes_but_not_on_one_record() {
    let mut scene = Scene::new();
    scene.put("a", &"x".repeat(2 << 20));
    assert_eq!(front(&scene, &all()).unwrap().records.len(), 1);
    scene.put("b", "1");
    assert!(matches!(front(&scene, &all()), Err(ReadError::NeedsDisk)));
    assert_eq!(front(&scene, &Query { keys_only: true, ..all() }).unwrap().records.len(), 2);
}

#[test]
fn a_record_that_the_index_names_and_the_engine_lacks_is_a_fault() {
    let scene = scene();
    let (at, mut batch) = (crate::RecordKey::first(Revision(7)), Batch::default());
    batch.delete(KEY, bytes::Bytes::copy_from_slice(&at.live()));
    scene.engine.write(batch).unwrap();
    let found = scene.find(&all());
    assert!(matches!(found, Err(ReadError::Corrupt(place)) if place == at), "{found:?}");
}
