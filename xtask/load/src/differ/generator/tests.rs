use std::collections::BTreeSet;

use super::*;

const ALL: Parts = Parts { leases: true, watches: true };
const NEWER: (Etcd, Parts) = (Etcd::V37, ALL);
const OLDER: (Etcd, Parts) = (Etcd::V35, ALL);

fn names(tree: &Tree, found: &mut BTreeSet<(&'static str, &'static str)>) {
    for (field, value) in &tree.fields {
        found.insert((tree.kind.name, field.name));
        if let Value::Tree(within) = value {
            names(within, found);
        }
    }
}

#[test]
fn a_seed_gives_one_history_and_another_seed_another() {
    let of = |seed| Generator::new(seed, NEWER).history(200);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn every_call_and_every_field_of_every_request_is_made() {
    let history = Generator::new(1, NEWER).history(20_000);
    let mut found = BTreeSet::new();
    history.iter().for_each(|op| names(&op.request, &mut found));
    let mut kinds: Vec<&crate::differ::schema::Kind> = Vec::new();
    for call in crate::differ::schema::CALLS {
        assert!(history.iter().any(|op| std::ptr::eq(op.call, *call)), "{}", call.word);
        kinds.push(call.request);
    }
    kinds.extend([&crate::differ::schema::REQUEST_OP, &crate::differ::schema::COMPARE]);
    for kind in kinds {
        for field in kind.fields {
            assert!(found.contains(&(kind.name, field.name)), "{} {}", kind.name, field.name);
        }
    }
}

#[test]
fn without_a_part_nothing_of_it_is_there() {
    let history = Generator::new(1, (Etcd::V37, Parts::default())).history(5_000);
    let words: BTreeSet<&str> = history.iter().map(|op| op.call.word).collect();
    assert_eq!(
        words.into_iter().collect::<Vec<_>>(),
        ["compact", "delete", "put", "range", "range-stream", "txn"]
    );
}

/// It dies of them.
#[test]
fn an_unknown_sort_target_is_never_sent_to_etcd_3_5() {
    fn targets(tree: &Tree, found: &mut BTreeSet<i64>) {
        found.insert(tree.number("sort_target"));
        let within = tree.fields.iter().filter_map(|(_, value)| match value {
            Value::Tree(within) => Some(within),
            _ => None,
        });
        within.for_each(|within| targets(within, found));
    }
    let of = |parts| {
        let history = Generator::new(3, parts).history(20_000);
        assert_eq!(history.iter().any(|op| op.call.word == "range-stream"), parts == NEWER);
        let mut found = BTreeSet::new();
        history.iter().for_each(|op| targets(&op.request, &mut found));
        found.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(of(OLDER), [0, 1, 2, 3, 4]);
    assert_eq!(of(NEWER), [-1, 0, 1, 2, 3, 4, 5, 100]);
}
