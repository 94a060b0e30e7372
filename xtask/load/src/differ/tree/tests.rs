use prost::Message;
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::{PutRequest, RequestOp, TxnRequest};

use super::*;
use crate::differ::schema::{PUT_REQUEST, RANGE_REQUEST, RANGE_RESPONSE, REQUEST_OP, TXN_REQUEST};

fn encoded(tree: &Tree) -> Vec<u8> {
    let mut message = Vec::new();
    tree.encode(&|_| 300, &mut message);
    message
}

#[test]
fn a_tree_is_on_the_wire_what_prost_makes_of_the_message() {
    let put = Tree::of(&PUT_REQUEST).with("key", b"k".as_slice()).with("lease", Symbol::Newest(0));
    let put = put.with("prev_kv", true).with("value", Vec::new());
    let tree = Tree::of(&TXN_REQUEST).with("failure", Tree::of(&REQUEST_OP).with("request_put", put));
    let put = PutRequest { key: "k".into(), lease: 300, prev_kv: true, ..PutRequest::default() };
    let failure = vec![RequestOp { request: Some(Request::RequestPut(put)) }];
    let message = TxnRequest { failure, ..TxnRequest::default() };
    assert_eq!(encoded(&tree), message.encode_to_vec());
}

#[test]
fn what_was_written_is_read_back() {
    let tree = Tree::of(&RANGE_REQUEST).with("key", vec![0xff]).with("revision", -1).with("limit", i64::MIN);
    assert_eq!(Tree::decode(&RANGE_REQUEST, &encoded(&tree)).unwrap(), tree);
}

#[test]
fn a_field_that_is_not_in_the_schema_is_an_error() {
    let error = Tree::decode(&RANGE_RESPONSE, &[5 << 3, 1]).unwrap_err().to_string();
    assert_eq!(error, "RANGE_RESPONSE has no field 5");
    assert!(Tree::decode(&RANGE_RESPONSE, &[1 << 3, 1]).is_err(), "a header is no number");
}

#[test]
fn what_proto3_leaves_out_may_be_written_all_the_same() {
    assert_eq!(Tree::decode(&RANGE_RESPONSE, &[4 << 3, 0]).unwrap(), Tree::of(&RANGE_RESPONSE));
}
