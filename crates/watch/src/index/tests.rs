use super::*;

/// A few keys, so that ranges meet.
fn key(chance: u64) -> Bytes {
    Bytes::from(format!("{:02}", chance % 40))
}

fn range(chance: u64) -> KeyRange {
    let (start, end) = (key(chance >> 8), key(chance >> 16));
    match chance % 4 {
        0 => KeyRange::Single(start),
        1 => KeyRange::From(start),
        _ => KeyRange::HalfOpen { start, end },
    }
}

#[test]
fn the_index_finds_whom_a_list_of_ranges_finds() {
    for seed in 0..40 {
        let mut chance = mixed(seed);
        let (mut index, mut model) = (Index::default(), Vec::<(KeyRange, StreamId, CrowdId)>::new());
        for step in 0..300 {
            chance = mixed(chance);
            if chance % 5 < 3 || model.is_empty() {
                let range = range(chance >> 8);
                if range.is_empty() {
                    continue;
                }
                let entry = (range, StreamId(chance >> 40 & 3), CrowdId(step));
                index.insert(&entry.0, entry.1, entry.2);
                model.push(entry);
            } else {
                let place = usize::try_from(chance >> 8).unwrap() % model.len();
                let (range, stream, crowd) = model.swap_remove(place);
                index.remove(&range, stream, crowd);
            }
            check(&index, &model, &key(chance >> 50), seed);
        }
        for (range, stream, crowd) in std::mem::take(&mut model) {
            index.remove(&range, stream, crowd);
        }
        (0..40).for_each(|number| check(&index, &model, &key(number), seed));
        assert!(index.exact.is_empty(), "seed {seed}");
    }
}

fn check(index: &Index, model: &[(KeyRange, StreamId, CrowdId)], key: &Bytes, seed: u64) {
    let mut found = Vec::new();
    index.visit(key, |crowd| found.push(crowd));
    found.sort();
    let mut expected: Vec<_> =
        model.iter().filter(|(range, ..)| range.contains(key)).map(|(.., crowd)| *crowd).collect();
    expected.sort();
    assert_eq!(found, expected, "seed {seed}, key {key:?}");
    for stream in (0..4).map(StreamId) {
        let found: Vec<_> = index.exact(key, stream).collect();
        let single = KeyRange::Single(key.clone());
        let mut expected: Vec<_> = model
            .iter()
            .filter(|(range, owner, _)| *range == single && *owner == stream)
            .map(|(.., crowd)| *crowd)
            .collect();
        expected.sort();
        assert_eq!(found, expected, "seed {seed}, key {key:?}, {stream:?}");
    }
}
