use super::*;
use crate::scene::{KEY, META, Scene, at, bytes, range, refusal, shown};
use crate::{Query, Store};
use quorate_proto::mvccpb::KeyValue;
use quorate_storage::{Batch, Engine};

/// `a` and `b` put at 2 and 3, `a` again at 4, both deleted at 5.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.put("a", "1");
    scene.put("b", "1");
    scene.put("a", "2");
    scene.delete("a", "\0");
    scene
}

fn changes(scene: &Scene, from: i64, through: i64, enough: usize) -> Result<Vec<Changes>, ReadError> {
    let mut visited = Vec::new();
    let view = scene.engine.view();
    scene.store.snapshot().changes(view.as_ref(), Revision(from), Revision(through), &mut |changes| {
        visited.push(changes);
        if visited.len() == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(visited)
}

fn before(scene: &Scene, key: &str, revision: i64) -> Option<String> {
    let view = scene.engine.view();
    let record = scene.store.snapshot().record_before(view.as_ref(), key.as_bytes(), Revision(revision));
    record.unwrap().map(shown)
}

#[test]
fn the_past_tells_what_watchers_were_told() {
    let scene = scene();
    assert_eq!(scene.told.len(), 4);
    for from in -1..6 {
        for through in 0..8 {
            let expected: Vec<_> = scene
                .told
                .iter()
                .filter(|told| (from..=through).contains(&told.revision.0))
                .cloned()
                .collect();
            assert_eq!(changes(&scene, from, through, 9).unwrap(), expected, "{from}..={through}");
        }
    }
    assert_eq!(changes(&scene, 0, i64::MAX, 9).unwrap().len(), 4);
}

#[test]
fn a_visitor_that_has_enough_is_left_alone() {
    let scene = scene();
    for enough in 1..=4 {
        assert_eq!(changes(&scene, 2, 5, enough).unwrap(), scene.told[..enough]);
    }
}

#[test]
fn the_change_of_a_delete_has_key_and_revision_and_that_of_a_put_the_record() {
    let scene = scene();
    let told = |changes: &Change| crate::key_value(changes.record.clone()).unwrap();
    let deletes = &scene.told[3].changes;
    for (change, key) in deletes.iter().zip(["a", "b"]) {
        assert_eq!((change.kind, &change.key), (ChangeKind::Delete, &bytes(key)));
        assert_eq!(told(change), KeyValue { key: bytes(key), mod_revision: 5, ..KeyValue::default() });
    }
    let put = &scene.told[2].changes[0];
    assert_eq!((put.kind, &put.key), (ChangeKind::Put, &bytes("a")));
    assert_eq!(shown(put.record.clone()), "a=2");
    let stored = scene.stored(KEY);
    assert_eq!(put.record, stored[2].1);
}

#[test]
fn a_put_is_told_with_the_very_bytes_that_are_stored() {
    let scene = scene();
    let view = scene.engine.view();
    let stored = view.get(KEY, &RecordKey::first(Revision(2)).live()).unwrap().unwrap();
    assert_eq!(stored.as_ptr(), scene.told[0].changes[0].record.as_ptr());
}

#[test]
fn history_begins_at_the_compacted_revision() {
    let mut scene = scene();
    scene.compact(4).unwrap();
    while scene.prune(1) {}
    let refused = refusal(changes(&scene, 3, 9, 9));
    assert_eq!(refused, Refusal::Compacted { asked: Revision(3), oldest: Revision(4) });
    assert_eq!(changes(&scene, 4, 9, 9).unwrap(), scene.told[2..]);
}

#[test]
fn the_record_before_is_that_of_the_revision_before() {
    let mut scene = scene();
    let expected = [("a", 2, None), ("a", 3, Some("a=1")), ("a", 4, Some("a=1")), ("a", 5, Some("a=2"))];
    for (key, revision, record) in expected {
        assert_eq!(before(&scene, key, revision).as_deref(), record, "{key} {revision}");
    }
    for revision in [i64::MIN, -1, 0, 1, 6, 7, i64::MAX] {
        assert_eq!(before(&scene, "a", revision), None, "{revision}");
    }
    scene.compact(4).unwrap();
    assert_eq!(before(&scene, "a", 4), None, "compacted");
    assert_eq!(before(&scene, "a", 5).as_deref(), Some("a=2"));
}

/// Made by etcd's `--bump-revision`.
#[test]
fn an_empty_record_is_a_revision_and_no_change() {
    let mut scene = scene();
    let mut batch = Batch::default();
    batch.insert(KEY, Bytes::copy_from_slice(&RecordKey::first(Revision(1000)).live()), Bytes::new());
    scene.engine.write(batch).unwrap();
    scene.store = Store::open(KEY, META, scene.engine.view().as_ref()).unwrap();
    assert_eq!(scene.store.revision(), Revision(1000));
    assert_eq!(changes(&scene, 2, 1000, 9).unwrap(), scene.told);
    scene.put("c", "1");
    assert_eq!(scene.find(&at(1001, Query::newest(range("c", "")))).unwrap().count, 1);
}

#[test]
fn a_record_that_is_none_is_no_history() {
    let scene = scene();
    let mut batch = Batch::default();
    batch.put(KEY, Bytes::copy_from_slice(&RecordKey::first(Revision(4)).live()), &b"\xff"[..]);
    scene.engine.write(batch).unwrap();
    assert!(matches!(changes(&scene, 2, 5, 9), Err(ReadError::Corrupt(_))));
}
