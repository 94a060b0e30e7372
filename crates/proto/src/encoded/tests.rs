use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::etcdserverpb::{self as ordinary, response_op};
use crate::mvccpb::{Event, KeyValue};

proptest! {
    #[test]
    fn range_reply_is_a_range_response(message in range()) {
        check(&message, &encoded_range(&message));
    }

    #[test]
    fn range_stream_reply_is_a_range_stream_response(piece in option::of(range())) {
        let reply = RangeStreamReply { range_response: piece.as_ref().map(encoded_range) };
        check(&ordinary::RangeStreamResponse { range_response: piece }, &reply);
    }

    #[test]
    fn put_reply_is_a_put_response(message in put()) {
        check(&message, &encoded_put(&message));
    }

    #[test]
    fn delete_range_reply_is_a_delete_range_response(message in delete_range()) {
        check(&message, &encoded_delete_range(&message));
    }

    #[test]
    fn txn_reply_is_a_txn_response(message in txn()) {
        check(&message, &encoded_txn(&message));
    }
}

proptest! {
    #[test]
    fn watch_reply_is_a_watch_response(message in watch()) {
        check(&message, &encoded_watch(&message));
    }

    #[test]
    fn an_event_made_of_records_is_an_event(event in an_event()) {
        prop_assert_eq!(encoded_event(&event), event.encode_to_vec());
    }
}

#[test]
fn an_event_about_an_empty_record_still_carries_one() {
    let message = Event { kv: Some(KeyValue::default()), ..Event::default() };
    assert_eq!(encoded_event(&message), message.encode_to_vec());
}

#[test]
fn a_field_that_a_watch_reply_does_not_know_is_passed_over() {
    let bytes = ordinary::WatchResponse { watch_id: 7, ..ordinary::WatchResponse::default() }.encode_to_vec();
    let unknown = [&[0x7a, 1, b'x'][..], &bytes].concat();
    let reply = WatchReply::decode(&unknown[..]).expect("unknown fields are skipped");
    assert_eq!(reply, WatchReply { watch_id: 7, ..WatchReply::default() });
}

fn encoded_watch(message: &ordinary::WatchResponse) -> WatchReply {
    WatchReply {
        header: message.header,
        watch_id: message.watch_id,
        created: message.created,
        canceled: message.canceled,
        compact_revision: message.compact_revision,
        cancel_reason: message.cancel_reason.clone(),
        fragment: message.fragment,
        events: message.events.iter().map(encoded_event).collect(),
    }
}

fn encoded_event(message: &Event) -> Bytes {
    let record = message.kv.as_ref().map(stored).expect("every event is about a record");
    event(message.r#type(), &record, message.prev_kv.as_ref().map(stored).as_ref())
}

#[test]
fn empty_record_stays_a_record() {
    let message = ordinary::PutResponse { header: None, prev_kv: Some(KeyValue::default()) };
    check(&message, &PutReply { header: None, prev_kv: Some(Bytes::new()) });
}

/// E1, in both directions.
fn check<M, R>(message: &M, reply: &R)
where
    M: Message + Default + PartialEq + Debug,
    R: Message + Default + PartialEq + Debug,
{
    let bytes = Bytes::from(message.encode_to_vec());
    assert_eq!(Bytes::from(reply.encode_to_vec()), bytes);
    assert_eq!(reply.encoded_len(), bytes.len());
    assert_eq!(&M::decode(bytes.clone()).expect("it was just encoded"), message);
    assert_eq!(&R::decode(bytes).expect("it was just encoded"), reply);
}

fn encoded_range(message: &ordinary::RangeResponse) -> RangeReply {
    RangeReply {
        header: message.header,
        kvs: message.kvs.iter().map(stored).collect(),
        more: message.more,
        count: message.count,
    }
}

fn encoded_put(message: &ordinary::PutResponse) -> PutReply {
    PutReply { header: message.header, prev_kv: message.prev_kv.as_ref().map(stored) }
}

fn encoded_delete_range(message: &ordinary::DeleteRangeResponse) -> DeleteRangeReply {
    DeleteRangeReply {
        header: message.header,
        deleted: message.deleted,
        prev_kvs: message.prev_kvs.iter().map(stored).collect(),
    }
}

fn encoded_txn(message: &ordinary::TxnResponse) -> TxnReply {
    TxnReply {
        header: message.header,
        succeeded: message.succeeded,
        responses: message.responses.iter().map(encoded_op).collect(),
    }
}

fn encoded_op(message: &ordinary::ResponseOp) -> OpReply {
    use response_op::Response as Ordinary;
    let response = message.response.as_ref().map(|response| match response {
        Ordinary::ResponseRange(range) => Response::ResponseRange(encoded_range(range)),
        Ordinary::ResponsePut(put) => Response::ResponsePut(encoded_put(put)),
        Ordinary::ResponseDeleteRange(deletion) => {
            Response::ResponseDeleteRange(encoded_delete_range(deletion))
        }
        Ordinary::ResponseTxn(txn) => Response::ResponseTxn(encoded_txn(txn)),
    });
    OpReply { response }
}

fn stored(kv: &KeyValue) -> Bytes {
    kv.encode_to_vec().into()
}

fn txn() -> impl Strategy<Value = ordinary::TxnResponse> {
    let leaf = txn_of(op_without_txn());
    leaf.prop_recursive(3, 12, 3, |inner| {
        let nested = inner.prop_map(|txn| Some(response_op::Response::ResponseTxn(txn)));
        txn_of(prop_oneof![op_without_txn(), nested.prop_map(|response| ordinary::ResponseOp { response })])
    })
}

fn txn_of(op: impl Strategy<Value = ordinary::ResponseOp>) -> impl Strategy<Value = ordinary::TxnResponse> {
    (header(), any::<bool>(), vec(op, 0..4))
        .prop_map(|(header, succeeded, responses)| ordinary::TxnResponse { header, succeeded, responses })
}

fn op_without_txn() -> impl Strategy<Value = ordinary::ResponseOp> {
    use response_op::Response as Ordinary;
    prop_oneof![
        Just(None),
        range().prop_map(Ordinary::ResponseRange).prop_map(Some),
        put().prop_map(Ordinary::ResponsePut).prop_map(Some),
        delete_range().prop_map(Ordinary::ResponseDeleteRange).prop_map(Some),
    ]
    .prop_map(|response| ordinary::ResponseOp { response })
}

fn range() -> impl Strategy<Value = ordinary::RangeResponse> {
    (header(), vec(kv(), 0..4), any::<bool>(), any::<i64>())
        .prop_map(|(header, kvs, more, count)| ordinary::RangeResponse { header, kvs, more, count })
}

fn put() -> impl Strategy<Value = ordinary::PutResponse> {
    (header(), option::of(kv())).prop_map(|(header, prev_kv)| ordinary::PutResponse { header, prev_kv })
}

fn delete_range() -> impl Strategy<Value = ordinary::DeleteRangeResponse> {
    (header(), any::<i64>(), vec(kv(), 0..4))
        .prop_map(|(header, deleted, prev_kvs)| ordinary::DeleteRangeResponse { header, deleted, prev_kvs })
}

fn header() -> impl Strategy<Value = Option<ResponseHeader>> {
    option::of((any::<u64>(), any::<u64>(), any::<i64>(), any::<u64>()).prop_map(
        |(cluster_id, member_id, revision, raft_term)| ResponseHeader {
            cluster_id,
            member_id,
            revision,
            raft_term,
        },
    ))
}

/// Small numbers too, so that fields left out for being zero occur.
fn kv() -> impl Strategy<Value = KeyValue> {
    let number = || prop_oneof![0..3_i64, any::<i64>()];
    let bytes = || vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    (bytes(), number(), number(), number(), bytes(), number()).prop_map(
        |(key, create_revision, mod_revision, version, value, lease)| KeyValue {
            key,
            create_revision,
            mod_revision,
            version,
            value,
            lease,
        },
    )
}

fn watch() -> impl Strategy<Value = ordinary::WatchResponse> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (header(), -1..3_i64, flags, 0..3_i64, "[a-z]{0,3}", vec(an_event(), 0..4)).prop_map(
        |(header, watch_id, (created, canceled, fragment), compact_revision, cancel_reason, events)| {
            ordinary::WatchResponse {
                header,
                watch_id,
                created,
                canceled,
                compact_revision,
                cancel_reason,
                fragment,
                events,
            }
        },
    )
}

fn an_event() -> impl Strategy<Value = Event> {
    (0..2_i32, kv(), option::of(kv())).prop_map(|(r#type, kv, prev_kv)| Event {
        r#type,
        kv: Some(kv),
        prev_kv,
    })
}
