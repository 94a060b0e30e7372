use super::*;
use crate::differ::Etcd;
use crate::differ::generator::{Generator, Parts};

fn reason(text: &str) -> String {
    format!("{:#}", parse(text).unwrap_err())
}

#[test]
fn every_operation_is_read_as_it_was_written() {
    let history = Generator::new(7, (Etcd::V37, Parts { leases: true, watches: true })).history(5_000);
    let text: String = history.iter().map(|op| format!("{op}\n")).collect();
    assert_eq!(parse(&text).unwrap(), history);
}

#[test]
fn comments_repetitions_and_symbols_are_read() {
    let text = "# why\n\nput key=\"a\\xff\" value=\"xy\"*2 lease=granted#1\nrange key=\"\\\"\" revision=newest-2\nleases\n";
    let said: Vec<String> = parse(text).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "put key=\"a\\xff\" value=\"xyxy\" lease=granted#1",
            "range key=\"\\\"\" revision=newest-2",
            "leases"
        ]
    );
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    assert_eq!(reason("\nfrobnicate"), "line 2: no call is called \"frobnicate\"");
    assert_eq!(reason("put kex=\"a\""), "line 1: PUT_REQUEST has no \"kex\"");
    assert_eq!(reason("put lease=x"), "line 1: \"x\" is no number: invalid digit found in string");
    assert!(reason("put key=\"a").contains("cut"));
    assert!(reason("txn compare{key=\"a\"").contains("'}' is missing"));
    assert!(reason("put key=\"a\"}").contains("left over"));
}
