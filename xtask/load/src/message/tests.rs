//! What the generated messages write, ours reads.

use prost::Message;
use quorate_proto::etcdserverpb as pb;
use quorate_proto::mvccpb::{Event, KeyValue};

use super::*;

fn header(revision: i64) -> Option<pb::ResponseHeader> {
    Some(pb::ResponseHeader { cluster_id: u64::MAX, member_id: 7, revision, raft_term: 2 })
}

fn pair(mod_revision: i64) -> KeyValue {
    KeyValue { key: "k".into(), create_revision: 1, mod_revision, value: "v".into(), ..KeyValue::default() }
}

fn range(revisions: &[i64]) -> pb::RangeResponse {
    let kvs = revisions.iter().map(|&revision| pair(revision)).collect();
    pb::RangeResponse { header: header(9), kvs, more: true, count: 70 }
}

#[test]
fn a_reply_tells_its_revision() {
    let put = pb::PutResponse { header: header(1 << 40), prev_kv: None };
    assert_eq!(revision(&put.encode_to_vec()).unwrap(), 1 << 40);
    assert!(revision(&[]).is_err());
}

#[test]
fn a_range_is_counted() {
    let read = RangeReply::read(&range(&[3, 4, 8]).encode_to_vec()).unwrap();
    assert_eq!(read, RangeReply { revision: 9, returned: 3, count: 70, mod_revision: 8 });
    let empty = RangeReply::read(&range(&[]).encode_to_vec()).unwrap();
    assert_eq!((empty.returned, empty.mod_revision), (0, 0));
}

#[test]
fn a_transaction_tells_whether_it_succeeded_and_what_it_found() {
    let answer = pb::response_op::Response::ResponseRange(range(&[5]));
    let answer = pb::ResponseOp { response: Some(answer) };
    let failed = pb::TxnResponse { header: header(9), succeeded: false, responses: vec![answer] };
    let read = TxnReply::read(&failed.encode_to_vec()).unwrap();
    assert_eq!(read, TxnReply { revision: 9, succeeded: false, mod_revision: 5 });
    let answer = pb::response_op::Response::ResponsePut(pb::PutResponse::default());
    let answer = pb::ResponseOp { response: Some(answer) };
    let done = pb::TxnResponse { header: header(10), succeeded: true, responses: vec![answer] };
    let read = TxnReply::read(&done.encode_to_vec()).unwrap();
    assert_eq!(read, TxnReply { revision: 10, succeeded: true, mod_revision: 0 });
}

#[test]
fn a_watch_message_tells_watcher_and_revisions() {
    let events = [5, 6].map(|revision| Event { kv: Some(pair(revision)), ..Event::default() }).to_vec();
    let reply = pb::WatchResponse { header: header(6), watch_id: 3, events, ..pb::WatchResponse::default() };
    let read = WatchReply::read(&reply.encode_to_vec()).unwrap();
    assert_eq!(read, WatchReply { watch_id: 3, events: vec![5, 6], ..WatchReply::default() });
    let reply = pb::WatchResponse { created: true, ..pb::WatchResponse::default() };
    assert!(WatchReply::read(&reply.encode_to_vec()).unwrap().created);
}

#[test]
fn a_cut_message_is_an_error() {
    let whole = range(&[3]).encode_to_vec();
    assert!(RangeReply::read(&whole[..whole.len() - 3]).is_err());
}
