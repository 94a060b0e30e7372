//! Requests at each limit, and one past it.

use super::*;
use quorate_coordinator::{Consensus, Put};
use quorate_proto::etcdserverpb::request_op::Request as Op;
use quorate_proto::etcdserverpb::{Compare, RequestOp, TxnRequest};
use quorate_state_machine::{Command, Kind};

const TOO_MANY: (i32, &str) = (3, "etcdserver: too many operations in txn request");

fn puts(count: usize) -> Vec<RequestOp> {
    let op = |number| Op::RequestPut(PutRequest { key: format!("k{number}").into(), ..Default::default() });
    (0..count).map(|number| RequestOp { request: Some(op(number)) }).collect()
}

fn compares(count: usize) -> Vec<Compare> {
    (0..count).map(|_| Compare { key: "a".into(), ..Default::default() }).collect()
}

fn within(txn: TxnRequest) -> RequestOp {
    RequestOp { request: Some(Op::RequestTxn(txn)) }
}

/// `depth` transactions in each other, and nothing else.
fn nested(depth: usize) -> TxnRequest {
    let innermost = TxnRequest { success: puts(1), ..Default::default() };
    (1..depth).fold(innermost, |txn, _| TxnRequest { success: vec![within(txn)], ..Default::default() })
}

/// What a transaction came to: its code and text.
async fn outcome(scene: &Scene, txn: TxnRequest) -> (i32, String) {
    match scene.run(scene.kv().txn(txn)).await {
        Ok(_) => (0, String::new()),
        Err(status) => (status.code().into(), status.message().to_owned()),
    }
}

#[tokio::test]
async fn a_transaction_at_a_limit_is_done_and_one_past_it_is_refused() {
    let scene = Scene::new();
    let success = |success| TxnRequest { success, ..Default::default() };
    let failure = |failure| TxnRequest { failure, ..Default::default() };
    let compare = |compare| TxnRequest { compare, ..Default::default() };
    let inner = |count| success(vec![within(success(puts(count)))]);
    let beside = |count| TxnRequest { compare: compares(count), ..inner(1) };
    for (at_limit, past_it) in [
        (success(puts(128)), success(puts(129))),
        (failure(puts(128)), failure(puts(129))),
        (compare(compares(128)), compare(compares(129))),
        // What lies within has what its parent's longest list leaves.
        (inner(127), inner(128)),
        (beside(127), beside(128)),
        (nested(32), nested(33)),
    ] {
        let revision = scene.consensus.reader().newest().revision();
        assert_eq!(outcome(&scene, past_it).await, (TOO_MANY.0, TOO_MANY.1.to_owned()));
        assert_eq!(scene.consensus.reader().newest().revision(), revision, "nothing was done");
        assert_eq!(outcome(&scene, at_limit).await, (0, String::new()));
    }
}

/// The length of the command that a put of so many bytes is, as the log keeps it.
fn command_length(put: PutRequest) -> usize {
    Command { id: 1, user: String::new(), auth_revision: 0, kind: Kind::Put(Put::from(put)) }.pack().length()
}

#[tokio::test]
async fn a_command_of_exactly_the_most_bytes_is_done_and_one_byte_more_is_too_large() {
    let scene = Scene::new();
    let bytes_max = scene.door.limits().command_bytes_max;
    let sized = |bytes| PutRequest { value: vec![b'x'; bytes].into(), ..put("a", "") };
    let rest = command_length(sized(bytes_max)) - bytes_max;
    let whole = sized(bytes_max - rest);
    assert_eq!(command_length(whole.clone()), bytes_max);
    let over = sized(bytes_max - rest + 1);
    assert_eq!(told(&refused_put(&scene, over).await), (3, "etcdserver: request is too large"));
    assert!(scene.run(scene.kv().put(whole)).await.is_ok());
}
