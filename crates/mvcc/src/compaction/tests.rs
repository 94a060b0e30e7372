use super::*;
use crate::scene::{KEY, META, Scene, at, range, refusal};
use crate::{Query, Tier};
use quorate_storage::Engine;

/// Keys `a` to `c` put once each, at 2 to 4, then `a` again at 5, and `b` deleted at 6.
fn scene() -> Scene {
    let mut scene = Scene::new();
    ["a", "b", "c"].iter().for_each(|key| scene.put(key, "1"));
    scene.put("a", "2");
    scene.delete("b", "");
    scene
}

/// The places stored, as `main.sub`, with a `t` for tombstones.
fn places(scene: &Scene) -> Vec<String> {
    let place = |(key, _): (Bytes, Bytes)| {
        let (at, is_tombstone) = RecordKey::decode(&key).unwrap();
        format!("{}.{}{}", at.main, at.sub, if is_tombstone { "t" } else { "" })
    };
    scene.stored(KEY).into_iter().map(place).collect()
}

fn prune_all(scene: &mut Scene) {
    while scene.prune(1) {}
}

#[test]
fn the_first_compaction_may_be_at_zero_and_the_second_may_not() {
    let mut scene = Scene::new();
    assert_eq!(scene.store.compacted(), None);
    assert_eq!(scene.compact(0), Ok(()));
    assert_eq!(scene.store.compacted(), Some(Revision(0)));
    let compacted = Refusal::Compacted { asked: Revision(0), oldest: Revision(0) };
    assert_eq!(scene.compact(0), Err(compacted));
}

#[test]
fn a_compaction_is_between_the_last_one_and_now() {
    let mut scene = scene();
    let compacted =
        |asked, oldest| Err(Refusal::Compacted { asked: Revision(asked), oldest: Revision(oldest) });
    assert_eq!(scene.compact(-1), compacted(-1, -1));
    assert_eq!(scene.compact(7), Err(Refusal::Future { asked: Revision(7), newest: Revision(6) }));
    assert_eq!(scene.compact(4), Ok(()));
    assert_eq!(scene.compact(4), compacted(4, 4));
    assert_eq!(scene.compact(3), compacted(3, 4));
    assert_eq!(scene.compact(6), Ok(()));
    assert_eq!(scene.store.revision(), Revision(6), "it is no change");
}

#[test]
fn what_is_below_the_floor_is_refused_at_once_and_the_floor_can_be_read() {
    let mut scene = scene();
    scene.compact(4).unwrap();
    for pruned in [false, true] {
        let refused = refusal(scene.find(&at(3, Query::newest(range("a", "")))));
        assert_eq!(refused, Refusal::Compacted { asked: Revision(3), oldest: Revision(4) });
        let count_only = Query { count_only: true, ..Query::newest(range("a", "")) };
        let refused = refusal(scene.find(&at(1, count_only)));
        assert_eq!(refused, Refusal::Compacted { asked: Revision(1), oldest: Revision(4) });
        assert_eq!(scene.all_at(4), ["a=1", "b=1", "c=1"]);
        assert_eq!(scene.all_at(5), ["a=2", "b=1", "c=1"]);
        assert_eq!(scene.all_at(6), ["a=2", "c=1"]);
        if !pruned {
            prune_all(&mut scene);
        }
    }
}

#[test]
fn pruning_keeps_the_newest_at_the_floor_and_a_tombstone_of_the_floor_itself() {
    for (floor, kept) in [
        (4, &["2.0", "3.0", "4.0", "5.0", "6.0t"][..]),
        (5, &["3.0", "4.0", "5.0", "6.0t"]),
        (6, &["4.0", "5.0", "6.0t"]),
    ] {
        let mut scene = scene();
        scene.compact(floor).unwrap();
        prune_all(&mut scene);
        assert_eq!(places(&scene), kept, "{floor}");
    }
    let mut scene = scene();
    scene.put("d", "1");
    scene.compact(6).unwrap();
    prune_all(&mut scene);
    scene.compact(7).unwrap();
    prune_all(&mut scene);
    assert_eq!(places(&scene), ["4.0", "5.0", "7.0"], "the next compaction takes the tombstone");
}

#[test]
fn a_tombstone_that_was_kept_goes_with_the_next_compaction_after_a_restart_too() {
    let mut scene = scene();
    scene.put("d", "1");
    scene.compact(6).unwrap();
    prune_all(&mut scene);
    scene.restart();
    assert_eq!(scene.all_at(6), ["a=2", "c=1"]);
    scene.compact(7).unwrap();
    prune_all(&mut scene);
    assert_eq!(places(&scene), ["4.0", "5.0", "7.0"]);
}

#[test]
fn where_compaction_stands_is_stored_as_etcd_does() {
    let mut scene = scene();
    let five = Bytes::from_static(b"\0\0\0\0\0\0\0\x05_\0\0\0\0\0\0\0\0");
    let scheduled = (Bytes::from_static(b"scheduledCompactRev"), five.clone());
    let finished = (Bytes::from_static(b"finishedCompactRev"), five);
    assert!(!scene.store.is_pruning());
    scene.compact(5).unwrap();
    assert_eq!(scene.stored(META), std::slice::from_ref(&scheduled));
    assert!(scene.store.is_pruning());
    prune_all(&mut scene);
    assert_eq!(scene.stored(META), [finished, scheduled]);
    assert!(!scene.store.is_pruning());
    assert!(!scene.prune(1), "there is nothing left to do");
}

#[test]
fn a_compaction_that_was_not_through_goes_on_after_a_restart() {
    let mut scene = scene();
    scene.compact(6).unwrap();
    scene.restart();
    assert!(scene.prune(1), "two records are to go");
    scene.restart();
    assert!(scene.store.is_pruning());
    assert_eq!(scene.store.compacted(), Some(Revision(6)));
    prune_all(&mut scene);
    assert_eq!(places(&scene), ["4.0", "5.0", "6.0t"]);
    scene.restart();
    assert!(!scene.store.is_pruning());
    assert_eq!(scene.store.compacted(), Some(Revision(6)));
}

#[test]
fn a_compaction_while_another_is_pruned_waits_for_its_turn() {
    let mut scene = scene();
    ["3", "4"].iter().for_each(|value| scene.put("a", value));
    scene.compact(7).unwrap();
    assert!(scene.prune(1), "four records are to go");
    scene.compact(8).unwrap();
    assert_eq!(scene.store.compacted(), Some(Revision(8)), "it counts at once");
    refusal(scene.find(&at(7, Query::newest(range("a", "")))));
    prune_all(&mut scene);
    assert_eq!(places(&scene), ["4.0", "8.0"]);
    scene.restart();
    assert!(!scene.store.is_pruning());
}

#[test]
fn revisions_survive_when_all_that_was_written_is_gone() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    scene.delete("a", "");
    scene.put("b", "1");
    scene.delete("b", "");
    scene.compact(5).unwrap();
    prune_all(&mut scene);
    scene.put("c", "1");
    scene.delete("c", "");
    scene.compact(7).unwrap();
    prune_all(&mut scene);
    assert_eq!(places(&scene), ["7.0t"]);
    let mut batch = Batch::default();
    batch.delete(KEY, Bytes::copy_from_slice(&RecordKey::first(Revision(7)).tombstone()));
    scene.engine.write(batch).unwrap();
    scene.restart();
    assert_eq!(scene.store.revision(), Revision(7));
}

/// Law M6.
#[test]
fn a_snapshot_stays_whole_whatever_is_pruned() {
    let mut scene = scene();
    let (snapshot, view) = (scene.store.snapshot(), scene.engine.view());
    scene.compact(6).unwrap();
    prune_all(&mut scene);
    for (revision, count) in [(2, 1), (3, 2), (4, 3), (5, 3), (6, 2)] {
        let query = at(revision, Query::newest(range("a", "\0")));
        let found = snapshot.range(view.as_ref(), &query, Tier::Memory).unwrap();
        assert_eq!((found.count, found.records.len()), (count, count), "{revision}");
    }
    assert_eq!((snapshot.compacted(), scene.store.snapshot().compacted()), (None, Some(Revision(6))));
}

#[test]
fn what_is_no_revision_is_refused_not_skipped() {
    for key in [SCHEDULED, FINISHED] {
        let scene = Scene::new();
        let mut batch = Batch::default();
        batch.put(META, key, &b"5"[..]);
        scene.engine.write(batch).unwrap();
        let opened = Store::open(KEY, META, scene.engine.view().as_ref());
        assert!(matches!(opened, Err(ReadError::Corrupt(_))), "{opened:?}");
    }
}
