use quorate_proto::etcdserverpb::{RangeResponse, ResponseHeader, ResponseOp, TxnResponse, response_op};
use quorate_proto::mvccpb::KeyValue;

use super::*;

/// Sends one, answers it so, and gives the key and the revision that was expected.
fn turn(txns: &mut Txns, (succeeded, revision): (bool, i64)) -> (Vec<u8>, i64) {
    let mut message = Vec::new();
    assert_eq!(txns.request(0, &mut message), Method::Txn);
    let sent = TxnRequest::decode(message.as_slice()).unwrap();
    let mut reply = TxnResponse {
        header: Some(ResponseHeader { revision, ..ResponseHeader::default() }),
        succeeded,
        responses: Vec::new(),
    };
    if !succeeded {
        let pair = KeyValue { mod_revision: revision - 1, ..KeyValue::default() };
        let range = RangeResponse { kvs: vec![pair], ..RangeResponse::default() };
        let response = Some(response_op::Response::ResponseRange(range));
        reply.responses.push(ResponseOp { response });
    }
    txns.reply(0, &reply.encode_to_vec()).unwrap();
    match sent.compare[0].target_union {
        Some(TargetUnion::ModRevision(expected)) => (sent.compare[0].key.to_vec(), expected),
        _ => panic!("not a compare of revisions: {sent:?}"),
    }
}

#[test]
fn an_update_expects_what_the_last_one_left() {
    let mut txns = Txns::new(1, 8);
    let first: Vec<_> = (0..KEYS).map(|at| turn(&mut txns, (true, at.cast_signed() + 2))).collect();
    assert!(first.iter().all(|(_, expected)| *expected == 0), "every key is new");
    for (at, (key, _)) in first.iter().enumerate() {
        let revision = i64::try_from(at).unwrap();
        assert_eq!(turn(&mut txns, (true, 5000 + revision)), (key.clone(), 2 + revision));
    }
    assert_eq!(txns.failed(), 0);
}

#[test]
fn a_failed_update_learns_the_revision_and_is_no_write() {
    let mut txns = Txns::new(1, 8);
    let (key, _) = turn(&mut txns, (false, 70));
    for at in 1..KEYS {
        turn(&mut txns, (true, 100 + at.cast_signed()));
    }
    assert_eq!(turn(&mut txns, (true, 5000)), (key, 69));
    assert_eq!(txns.failed(), 1);
    let events = txns.ledgers()[0].events().count();
    assert_eq!(u64::try_from(events).unwrap(), 2 * KEYS, "one of KEYS + 1 did not happen");
}
