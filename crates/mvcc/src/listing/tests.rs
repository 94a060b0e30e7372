use super::*;
use crate::scene::{KEY, Scene, at, range, view};
use crate::{Order, Sort, Target};
use quorate_storage::Engine;
use quorate_types::Revision;

/// Ten keys, each with a value of 100 bytes, and one of them put again.
fn scene() -> Scene {
    let mut scene = Scene::new();
    (0..10).for_each(|number| scene.put(&format!("k{number}"), &number.to_string().repeat(100)));
    scene.put("k3", &"x".repeat(100));
    scene
}

fn list(scene: &Scene, query: &Query, here_bytes_max: usize) -> Listing {
    scene.store.snapshot().list(view(scene).as_ref(), query, here_bytes_max).unwrap()
}

#[test]
fn a_listing_reads_as_the_range_does_wherever_its_records_are() {
    let scene = scene();
    let all = Query::newest(range("k", "l"));
    let sort = Some(Sort { target: Target::Value, order: Order::Descending });
    for query in [
        all.clone(),
        Query { limit: Some(4), ..all.clone() },
        Query { sort, ..all.clone() },
        Query { keys_only: true, ..all.clone() },
        Query { count_only: true, ..all.clone() },
        at(6, all),
    ] {
        let found = scene.find(&query).unwrap();
        for here_bytes_max in [0, 1, 250, usize::MAX] {
            let listing = list(&scene, &query, here_bytes_max);
            assert_eq!((listing.more, listing.count), (found.more, found.count));
            let here: usize =
                listing.records.iter().filter(|listed| is_here(listed)).map(Listed::length).sum();
            assert!(query.keys_only || here <= here_bytes_max, "{here} of {here_bytes_max}");
            let read = |listed| scene.store.snapshot().listed(view(&scene).as_ref(), listed).unwrap();
            let records: Vec<Bytes> = listing.records.iter().map(read).collect();
            assert_eq!(records, found.records);
            assert!(listing.records.iter().map(Listed::length).eq(records.iter().map(Bytes::len)));
        }
        assert_eq!(list(&scene, &query, usize::MAX).found(), Ok(found));
    }
}

fn is_here(listed: &Listed) -> bool {
    matches!(listed, Listed::Here(_))
}

#[test]
fn what_was_listed_is_there_for_as_long_as_its_moment_is_held() {
    let mut scene = scene();
    let (snapshot, held) = (scene.store.snapshot(), view(&scene));
    let query = Query::newest(range("k", "l"));
    let listing = snapshot.list(held.as_ref(), &query, 0).unwrap();
    let expected = scene.find(&query).unwrap().records;
    scene.delete("k", "l");
    scene.compact(scene.store.snapshot().revision().0).unwrap();
    while scene.prune(usize::MAX) {}
    assert_eq!(scene.engine.view().get(KEY, &listing_place(&listing).live()).unwrap(), None, "it is gone");
    let records = listing.records.iter().map(|listed| snapshot.listed(held.as_ref(), listed).unwrap());
    assert_eq!(records.collect::<Vec<_>>(), expected);
    assert_eq!(snapshot.revision(), Revision(12));
}

fn listing_place(listing: &Listing) -> RecordKey {
    match listing.records[0] {
        Listed::There { place, .. } => place,
        Listed::Here(_) => panic!("nothing is kept here"),
    }
}
