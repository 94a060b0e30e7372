use super::*;
use crate::model::tests::events;

/// `a=x@2.2.1` is key a, value x, created and modified at 2, version 1; the number in front is the revision.
fn store(text: &str) -> Store {
    let mut words = text.split(' ');
    let revision = words.next().unwrap().parse().unwrap();
    let keys = words.map(|word| {
        let (key, rest) = word.split_once('=').unwrap();
        let (value, numbers) = rest.split_once('@').unwrap();
        let numbers: Vec<i64> = numbers.split('.').map(|number| number.parse().unwrap()).collect();
        let found = Found {
            value: value.as_bytes().to_vec(),
            create_revision: numbers[0],
            mod_revision: numbers[1],
            version: numbers[2],
        };
        (key.to_owned(), found)
    });
    Store { keys: keys.collect(), revision }
}

#[track_caller]
fn check(script: &str, found: &str, wrong: Option<&str>) {
    let verdict = judge(Model::replay(events(script)).unwrap(), &store(found));
    let said = verdict.wrongs.join("\n");
    match wrong {
        None => assert_eq!(said, ""),
        Some(words) => assert!(said.contains(words), "{words:?} is not in {said:?}"),
    }
}

#[test]
fn what_was_acknowledged_must_be_there() {
    check("put 1 a x; ack 1 2", "2 a=x@2.2.1", None);
    check("put 1 a x; ack 1 2", "2", Some("a is lost"));
    check("put 1 a x; ack 1 2", "1", Some("the store's revision is 1, after 2"));
}

#[test]
fn with_its_value_its_revisions_and_its_version() {
    for found in ["2 a=y@2.2.1", "2 a=x@2.3.1", "2 a=x@1.2.1", "2 a=x@2.2.2"] {
        check("put 1 a x; ack 1 2", found, Some("a must be"));
    }
}

#[test]
fn a_put_under_way_is_there_or_not() {
    check("put 1 a x; ack 1 2; put 1 a y", "2 a=x@2.2.1", None);
    check("put 1 a x; ack 1 2; put 1 a y", "3 a=y@2.3.2", None);
    check("put 1 a x; ack 1 2; put 1 a y", "3 a=y@2.3.1", Some("a must be"));
    check("put 1 a x; ack 1 2; put 1 a y", "3", Some("a is lost"));
    check("put 1 a x", "1", None);
    check("put 1 a x", "2 a=x@2.2.1", None);
}

#[test]
fn a_delete_under_way_took_all_of_its_keys_or_none() {
    let script = "put 1 a1 x; ack 1 2; put 1 a2 y; ack 1 3; del 1 a";
    check(script, "3 a1=x@2.2.1 a2=y@3.3.1", None);
    check(script, "4", None);
    check(script, "4 a1=x@2.2.1", Some("a2 is lost"));
}

#[test]
fn nothing_else_is_there() {
    check("put 1 a x; ack 1 2; del 1 a; ack 1 3 1", "3 a=x@2.2.1", Some("must not be there"));
    check("put 1 a x; ack 1 2", "2 a=x@2.2.1 b=z@2.2.1", Some("b must not be there"));
}

#[test]
fn a_write_that_happened_twice_shows_in_the_revision() {
    check("put 1 a x; ack 1 2", "3 a=x@2.2.1", Some("1 writes happened"));
}

#[test]
fn what_was_found_settles_the_journal() {
    let model = Model::replay(events("put 1 a x; put 2 b y")).unwrap();
    let verdict = judge(model, &store("2 a=x@2.2.1"));
    assert_eq!(verdict.settled[0], Event::Settled { worker: 1, applied: true, revision: 2 });
    assert_eq!(verdict.settled[1], Event::Settled { worker: 2, applied: false, revision: 0 });
}
