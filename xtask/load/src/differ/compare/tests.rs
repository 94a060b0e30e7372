use super::*;
use crate::differ::schema::{KEY_VALUE, RANGE_RESPONSE, TIME_TO_LIVE_RESPONSE};
use crate::differ::text;

fn op(line: &str) -> Op {
    text::parse(line).unwrap().remove(0)
}

/// Pairs as `key:version:mod`, and whether there is more.
fn reply(pairs: &str, more: bool) -> Answer {
    let mut reply = Tree::of(&RANGE_RESPONSE).with("more", more);
    for pair in pairs.split_whitespace() {
        let parts: Vec<&str> = pair.split(':').collect();
        let pair = Tree::of(&KEY_VALUE).with("key", parts[0].as_bytes());
        let pair = pair.with("version", parts[1].parse::<i64>().unwrap());
        reply.add("kvs", pair.with("mod_revision", parts[2].parse::<i64>().unwrap()));
    }
    Answer::Reply(reply)
}

fn paths(line: &str, etcd: Answer, ours: Answer) -> Vec<String> {
    let found = answers(&op(line), &mut Both { etcd, ours });
    found.into_iter().map(|difference| difference.to_string()).collect()
}

#[test]
fn each_field_that_is_not_the_same_is_named() {
    let found = paths("range", reply("a:1:5 b:1:6", false), reply("a:1:5 b:2:7", true));
    assert_eq!(
        found,
        [
            "range kvs[1].mod_revision: etcd 6, ours 7",
            "range kvs[1].version: etcd 1, ours 2",
            "range more: etcd none, ours 1",
        ]
    );
    let found = paths("range", reply("a:1:5", false), reply("", false));
    assert_eq!(found[0], "range kvs: etcd 1 of them, ours 0 of them");
}

#[test]
fn a_refusal_is_compared_with_code_and_text() {
    let refused = |code, text: &str| Answer::Refused(Refused { code, text: text.to_owned() });
    assert_eq!(paths("range", refused(3, "a"), refused(3, "a")), [""; 0]);
    for other in [refused(3, "b"), refused(4, "a"), reply("", false)] {
        assert_eq!(paths("range", refused(3, "a"), other).len(), 1);
    }
    let broken = || Answer::Broken("x".to_owned());
    assert_eq!(paths("range", broken(), broken()).len(), 1, "a broken message is never right");
}

#[test]
fn ties_of_a_sort_may_come_in_any_order_and_nothing_else() {
    let sorted = "range sort_order=1 sort_target=1";
    assert_eq!(paths(sorted, reply("b:1:1 a:1:2 c:2:3", false), reply("a:1:2 b:1:1 c:2:3", false)), [""; 0]);
    assert_ne!(paths(sorted, reply("b:1:1 c:2:3", false), reply("c:2:3 b:1:1", false)), [""; 0]);
    assert_ne!(paths("range", reply("b:1:1 a:1:2", false), reply("a:1:2 b:1:1", false)), [""; 0]);
}

#[test]
fn of_a_tie_that_the_limit_cuts_any_may_be_shown() {
    let sorted = "range sort_order=1 sort_target=1 limit=2";
    assert_eq!(paths(sorted, reply("a:1:1 b:2:2", true), reply("a:1:1 c:2:3", true)), [""; 0]);
    assert_ne!(paths(sorted, reply("a:1:1 b:2:2", true), reply("c:1:1 b:2:2", true)), [""; 0]);
    assert_ne!(paths(sorted, reply("a:1:1 b:2:2", false), reply("a:1:1 c:2:3", false)), [""; 0]);
    // Without an order the limit comes first: what is shown is certain.
    let unordered = "range sort_target=1 limit=2";
    assert_ne!(paths(unordered, reply("a:1:1 b:2:2", true), reply("a:1:1 c:2:3", true)), [""; 0]);
}

#[test]
fn ties_within_transactions_are_found_in_the_branch_that_was_taken() {
    let line = "txn success{} failure{request_range{sort_order=1 sort_target=1}}";
    let answer = |pairs: &str| {
        let Answer::Reply(range) = reply(pairs, false) else { unreachable!("a reply") };
        let within = Tree::of(&crate::differ::schema::RESPONSE_OP).with("response_range", range);
        Answer::Reply(Tree::of(&crate::differ::schema::TXN_RESPONSE).with("responses", within))
    };
    assert_eq!(paths(line, answer("b:1:1 a:1:2"), answer("a:1:2 b:1:1")), [""; 0]);
    assert_ne!(paths(line, answer("b:1:1 a:2:2"), answer("a:2:2 b:1:1")), [""; 0]);
}

#[test]
fn what_is_left_of_a_lease_may_be_a_second_more_or_less() {
    let left = |seconds: i64| Answer::Reply(Tree::of(&TIME_TO_LIVE_RESPONSE).with("TTL", seconds));
    assert_eq!(paths("time-to-live", left(10), left(11)), [""; 0]);
    assert_eq!(paths("time-to-live", left(11), left(10)), [""; 0]);
    for (etcd, ours) in [(10, 12), (1, 0), (-1, 0), (-1, 1), (0, -1)] {
        assert_eq!(paths("time-to-live", left(etcd), left(ours)).len(), 1, "{etcd} {ours}");
    }
}
