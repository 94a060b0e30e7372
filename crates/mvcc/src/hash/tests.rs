use super::*;
use crate::scene::{KEY, Scene, put, range};
use quorate_storage::Engine;

fn hashing_to_the_end(scene: &Scene, mut hashing: Hashing) -> u32 {
    let (snapshot, view) = (scene.store.snapshot(), scene.engine.view());
    while hashing.step(&snapshot, view.as_ref()).unwrap() {}
    hashing.sum()
}

fn hash(scene: &Scene, revision: i64) -> u32 {
    hashing_to_the_end(scene, scene.store.snapshot().hashing(Revision(revision)).unwrap())
}

fn hashes<const N: usize>(scene: &Scene, revisions: [i64; N]) -> [u32; N] {
    revisions.map(|revision| hash(scene, revision))
}

/// The checksum of exactly these stored records.
fn hash_of(records: &[(Bytes, Bytes)]) -> u32 {
    let records = records.iter().flat_map(|(place, record)| [place, record]);
    records.fold(crc32c::crc32c(b"key"), |sum, bytes| crc32c::crc32c_append(sum, bytes))
}

fn prune_all(scene: &mut Scene) {
    while scene.prune(1) {}
}

/// What the checksums are before, during and after pruning, which must be the same.
fn while_pruning<const N: usize>(scene: &mut Scene, revisions: [i64; N]) -> [u32; N] {
    let before = hashes(scene, revisions);
    while scene.prune(1) {
        assert_eq!(hashes(scene, revisions), before, "A2");
    }
    assert_eq!(hashes(scene, revisions), before, "A2");
    before
}

/// `a` 1, `b` 2, `a` 3, `b` gone, and `c` and `d` at once: revisions 2 to 6.
fn scene() -> Scene {
    let mut scene = Scene::new();
    [("a", "1"), ("b", "2"), ("a", "3")].into_iter().for_each(|(key, value)| scene.put(key, value));
    scene.delete("b", "");
    let both = |writing: &mut crate::Writing<'_>| {
        writing.put(&put("c", Some("1"), Some(0)))?;
        writing.put(&put("d", Some("2"), Some(0)))
    };
    scene.write(both).unwrap();
    scene
}

/// All numbers are what etcd 3.5.1 answers after the same requests.
#[test]
fn the_checksums_are_etcds() {
    assert_eq!(hash(&Scene::new(), 0), 1_084_519_789);
    let mut scene = scene();
    let plain = [1_915_754_133, 2_587_454_935, 1_827_592_406, 2_069_675_932, 1_125_682_900, 1_915_754_133];
    assert_eq!(hashes(&scene, [0, 2, 3, 4, 5, 6]), plain);
    scene.compact(4).unwrap();
    assert_eq!(while_pruning(&mut scene, [0, 5, 6]), [3_704_050_344, 1_468_967_122, 3_704_050_344]);
    scene.put("a", "9");
    // At 7 the `a` of revision 4 counts no more, though revision 4 can be read.
    assert_eq!(hashes(&scene, [0, 6, 7]), [4_234_996_536, 3_704_050_344, 4_234_996_536]);
    scene.compact(5).unwrap();
    assert_eq!(while_pruning(&mut scene, [0, 6]), [4_101_366_051, 1_747_056_989], "a tombstone of 5");
    scene.delete("a", "\0");
    assert_eq!(hashes(&scene, [0, 7]), [980_438_078, 4_101_366_051]);
    scene.compact(7).unwrap();
    // No key lives at 8: then what compaction kept counts.
    assert_eq!(while_pruning(&mut scene, [0, 8]), [2_599_873_728; 2]);
    scene.compact(8).unwrap();
    assert_eq!(while_pruning(&mut scene, [0]), [1_084_519_789]);
    scene.put("z", "1");
    assert_eq!(hash(&scene, 0), 3_419_164_979);
}

#[test]
fn at_the_compacted_revision_what_lived_there_counts_and_no_tombstone() {
    let mut scene = scene();
    scene.compact(5).unwrap();
    let hash = while_pruning(&mut scene, [5])[0];
    let stored = scene.stored(KEY);
    let places: Vec<_> = stored.iter().map(|(place, _)| RecordKey::decode(place).unwrap()).collect();
    let at = |main, sub| RecordKey { main: Revision(main), sub };
    assert_eq!(places, [(at(4, 0), false), (at(5, 0), true), (at(6, 0), false), (at(6, 1), false)]);
    assert_eq!(hash, hash_of(&stored[..1]));
}

/// etcd loses such a key when it is compacted there; here it lives on, so it counts.
#[test]
fn a_key_deleted_and_created_again_in_the_compacted_revision_counts_once() {
    let mut scene = scene();
    let again = |writing: &mut crate::Writing<'_>| {
        writing.delete_range(&range("a", "\0"), false)?;
        writing.put(&put("a", Some("4"), Some(0)))
    };
    scene.write(again).unwrap();
    scene.compact(7).unwrap();
    let hash = while_pruning(&mut scene, [7])[0];
    let stored = scene.stored(KEY);
    let created = stored.iter().position(|(place, _)| !RecordKey::decode(place).unwrap().1).unwrap();
    assert_eq!(hash, hash_of(&stored[created..]));
    assert_eq!(stored.len() - created, 1);
    assert_eq!(scene.all_at(7), ["a=4"]);
    scene.put("b", "1");
    let stored = scene.stored(KEY);
    assert_eq!(hashes(&scene, [0, 7]), [hash_of(&stored[created..]), hash]);
}

#[test]
fn what_is_compacted_or_still_to_come_has_no_checksum() {
    let mut scene = scene();
    scene.compact(4).unwrap();
    let refusal = |revision| scene.store.snapshot().hashing(Revision(revision)).err();
    let (oldest, newest) = (Revision(4), Revision(6));
    assert_eq!(refusal(3), Some(Refusal::Compacted { asked: Revision(3), oldest }));
    assert_eq!(refusal(7), Some(Refusal::Future { asked: Revision(7), newest }));
    assert_eq!((refusal(4), refusal(6), refusal(0)), (None, None, None));
    assert_eq!(hash(&scene, -5), 1_084_519_789, "nothing happened before the first revision");
}

#[test]
fn a_checksum_is_of_the_moment_it_was_begun_in() {
    let mut scene = Scene::new();
    (0..STEP_RECORDS + 5).for_each(|number| scene.put(&format!("{number:04}"), "1"));
    let whole = hash(&scene, 0);
    let (snapshot, view) = (scene.store.snapshot(), scene.engine.view());
    let mut hashing = snapshot.hashing(Revision(0)).unwrap();
    assert!(hashing.step(&snapshot, view.as_ref()).unwrap(), "a step is bounded");
    scene.delete("0", "\0");
    scene.compact(scene.store.revision().0).unwrap();
    prune_all(&mut scene);
    assert!(!hashing.step(&snapshot, view.as_ref()).unwrap());
    assert_eq!((hashing.sum(), hashing.through()), (whole, snapshot.revision()), "M6");
    assert!(!hashing.step(&snapshot, view.as_ref()).unwrap());
    assert_eq!(hashing.sum(), whole);
}

#[test]
fn the_checksum_of_all_has_what_can_be_read_and_does_not_depend_on_pruning() {
    let mut scene = scene();
    scene.compact(4).unwrap();
    let all = |scene: &Scene| hashing_to_the_end(scene, scene.store.snapshot().hashing_all(7));
    let before = all(&scene);
    prune_all(&mut scene);
    assert_eq!(all(&scene), before, "A2");
    scene.put("a", "9");
    let stored = scene.stored(KEY);
    let of_all = stored.iter().flat_map(|(place, record)| [place, record]);
    assert_eq!(all(&scene), of_all.fold(7, |sum, bytes| crc32c::crc32c_append(sum, bytes)));
}
