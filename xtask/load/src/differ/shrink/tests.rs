//! Two servers that are functions: a map of keys, and the same with a planted mistake.

use std::collections::BTreeMap;

use super::*;
use crate::differ::Etcd;
use crate::differ::compare::{self, Answer, Both};
use crate::differ::generator::{Generator, Parts};
use crate::differ::schema::{PUT_RESPONSE, RANGE_RESPONSE};
use crate::differ::text;

/// Knows puts of a key and reads of one; the wrong one forgets a `prev_kv` that was written with a lease.
#[derive(Default)]
struct Fake {
    is_wrong: bool,
    keys: BTreeMap<Vec<u8>, Tree>,
}

impl Fake {
    fn answer(&mut self, op: &Op) -> Answer {
        let key = op.request.bytes("key").to_vec();
        match op.call.word {
            "put" => {
                let mut pair = Tree::of(&crate::differ::schema::KEY_VALUE).with("key", key.clone());
                pair.add("value", op.request.bytes("value"));
                pair.add("lease", op.request.number("lease"));
                let before = self.keys.insert(key, pair);
                let shown = before.filter(|_| op.request.number("prev_kv") == 1);
                let shown = shown.filter(|before| !self.is_wrong || before.number("lease") == 0);
                let reply = Tree::of(&PUT_RESPONSE);
                Answer::Reply(shown.into_iter().fold(reply, |reply, shown| reply.with("prev_kv", shown)))
            }
            _ => {
                let found = self.keys.get(&key).cloned();
                let reply = Tree::of(&RANGE_RESPONSE);
                Answer::Reply(found.into_iter().fold(reply, |reply, found| reply.with("kvs", found)))
            }
        }
    }
}

fn play(history: &[Op]) -> Option<Found> {
    let (mut etcd, mut ours) = (Fake::default(), Fake { is_wrong: true, ..Fake::default() });
    let mut each = history.iter().enumerate().map(|(at, op)| {
        let mut both = Both { etcd: etcd.answer(op), ours: ours.answer(op) };
        Found { at, differences: compare::answers(op, &mut both) }
    });
    each.find(|found| !found.differences.is_empty())
}

#[test]
fn a_planted_mistake_is_found_and_shrunk_to_the_two_operations_that_show_it() {
    for seed in 1..6 {
        let history = Generator::new(seed, (Etcd::V37, Parts { leases: true, watches: true })).history(3_000);
        let found = play(&history).expect("the mistake is met");
        let mut trials = 0;
        let shrunk = shrink(&history, found, 1_000, |history| {
            trials += 1;
            Ok(play(history))
        });
        let shrunk = shrunk.unwrap();
        let said: Vec<String> = shrunk.history.iter().map(ToString::to_string).collect();
        let [first, second] = said.as_slice() else { panic!("seed {seed}: {said:?}") };
        // Both name one key, which neither can lose alone.
        let key = second.strip_suffix(" prev_kv=1").unwrap_or_default();
        let lease = first.strip_prefix(key).unwrap_or_default();
        assert!(key.starts_with("put key="), "seed {seed}: {second}");
        assert!(lease.starts_with(" lease=") && !lease[1..].contains(' '), "seed {seed}: {first}");
        assert_eq!(shrunk.found.differences[0].path, "put prev_kv");
        assert!(trials <= 1_000);
        // What is kept is replayed from its text.
        let kept = text::parse(&said.join("\n")).unwrap();
        assert_eq!(play(&kept).unwrap().differences, shrunk.found.differences);
    }
}

#[test]
fn a_history_that_shows_something_else_does_not_count() {
    let history = text::parse("put key=\"a\"\nput key=\"b\"").unwrap();
    let found = |at, path: &str| Found {
        at,
        differences: vec![compare::Difference::new(path, ("1".to_owned(), "2".to_owned()))],
    };
    // Alone, the second shows another difference.
    let shrunk = shrink(&history, found(1, "put header.revision"), 100, |history| {
        Ok(Some(found(
            history.len() - 1,
            if history.len() == 2 { "put header.revision" } else { "put prev_kv" },
        )))
    });
    assert_eq!(shrunk.unwrap().history.len(), 2);
}
