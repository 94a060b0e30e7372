use std::time::Instant;

use super::*;

const FIELDS: &str = "\
\"ClusterID\" : 1
\"MemberID\" : 2
\"Revision\" : 3
\"RaftTerm\" : 2
\"Key\" : \"w0/2\"
\"CreateRevision\" : 2
\"ModRevision\" : 2
\"Version\" : 1
\"Value\" : \"b\"
\"Lease\" : 0
\"Key\" : \"w0/1\"
\"CreateRevision\" : 3
\"ModRevision\" : 3
\"Version\" : 1
\"Value\" : \"a\"
\"Lease\" : 0
\"More\" : false
\"Count\" : 2
";

fn attempt(key: &str, value: &str, ok: bool) -> Attempt {
    Attempt { key: key.to_owned(), value: value.to_owned(), acknowledged: ok.then(Instant::now) }
}

fn found() -> Found {
    Found::read(FIELDS).unwrap()
}

/// What is said of these attempts, with the same store on three members.
fn said(attempts: &[Attempt], found: &Found) -> String {
    let members = [found.clone(), found.clone(), found.clone()];
    compare(attempts, &members).map_or_else(|error| error.to_string(), |count| format!("{count} ok"))
}

#[test]
fn what_was_acknowledged_must_be_there_and_the_rest_may() {
    let (one, two) = (attempt("w0/1", "a", true), attempt("w0/2", "b", false));
    assert_eq!(said(&[one.clone(), two.clone(), attempt("w0/3", "c", false)], &found()), "1 ok");
    let lost = said(&[one.clone(), two.clone(), attempt("w0/3", "c", true)], &found());
    assert!(lost.contains("n3: w0/3 was acknowledged and is lost"), "{lost}");
    assert!(said(std::slice::from_ref(&one), &found()).contains("nobody wrote w0/2"));
    let other = said(&[one, attempt("w0/2", "x", true)], &found());
    assert!(other.contains("w0/2 must be \"x\", is \"b\""), "{other}");
}

#[test]
fn a_write_that_was_done_twice_is_found() {
    let mut twice = found();
    twice.records.get_mut("w0/1").unwrap().version = 2;
    let said = said(&[attempt("w0/1", "a", true), attempt("w0/2", "b", true)], &twice);
    assert!(said.contains("w0/1 was written 2 times"), "{said}");
}

#[test]
fn a_member_that_differs_is_named() {
    let attempts = [attempt("w0/1", "a", true), attempt("w0/2", "b", false)];
    let mut other = found();
    other.records.remove("w0/2");
    let said = compare(&attempts, &[found(), found(), other]).unwrap_err().to_string();
    assert!(said.contains("n3 has other records than n1"), "{said}");
}

#[test]
fn a_watch_is_told_each_write_once_in_the_order_of_revisions() {
    let verdict = |text: &str| {
        Watched::read(text).compare(&found()).map_or_else(|error| error.to_string(), |n| n.to_string())
    };
    assert_eq!(verdict("PUT\nw0/2\nb\n{\"level\":\"warn\"}\nPUT\nw0/1\na\n"), "2");
    assert!(verdict("PUT\nw0/1\na\nPUT\nw0/2\nb\n").contains("event 0"));
    assert!(verdict("PUT\nw0/2\nb\nPUT\nw0/2\nb\nPUT\nw0/1\na\n").contains("event 1"));
    assert!(verdict("PUT\nw0/2\nb\n").contains("told 1 of 2"));
    assert!(verdict("PUT\nw0/2\nb\nPUT\nw0/1\na\nPUT\nw0/1\na\n").contains("more than there is"));
}
