use std::collections::BTreeMap;

use super::*;

/// The fields of a message as the `.proto` files have them: number, name, whether it is repeated.
fn described(name: &str) -> Vec<(u64, String, bool)> {
    // A set is files (1), a file has messages (4), a message has a name (1) and fields (2).
    let messages = parts(quorate_proto::DESCRIPTORS, 1).into_iter().flat_map(|file| parts(file, 4));
    let mut named: Vec<_> =
        messages.filter(|message| parts(message, 1).first() == Some(&name.as_bytes())).collect();
    assert_eq!(named.len(), 1, "{name}");
    let mut found: Vec<_> = parts(named.remove(0), 2).into_iter().map(field).collect();
    found.sort();
    found
}

fn parts(message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let mut fields = crate::message::Fields::of(message);
    let mut found = Vec::new();
    while let Some((number, field)) = fields.next().unwrap() {
        if let (true, crate::message::Field::Bytes(bytes)) = (number == wanted, field) {
            found.push(bytes);
        }
    }
    found
}

/// A field has a name (1), a number (3) and a label (4), which is 3 if it is repeated.
fn field(message: &[u8]) -> (u64, String, bool) {
    let mut numbers = BTreeMap::new();
    let mut fields = crate::message::Fields::of(message);
    while let Some((number, field)) = fields.next().unwrap() {
        if let crate::message::Field::Number(value) = field {
            numbers.insert(number, value);
        }
    }
    let name = String::from_utf8(parts(message, 1)[0].to_vec()).unwrap();
    (numbers[&3], name, numbers[&4] == 3)
}

#[test]
fn every_message_has_exactly_the_fields_of_the_interface() {
    for (kind, name) in [
        (&HEADER, "ResponseHeader"),
        (&KEY_VALUE, "KeyValue"),
        (&EVENT, "Event"),
        (&RANGE_REQUEST, "RangeRequest"),
        (&RANGE_RESPONSE, "RangeResponse"),
        (&RANGE_STREAM_RESPONSE, "RangeStreamResponse"),
        (&PUT_REQUEST, "PutRequest"),
        (&PUT_RESPONSE, "PutResponse"),
        (&DELETE_REQUEST, "DeleteRangeRequest"),
        (&DELETE_RESPONSE, "DeleteRangeResponse"),
        (&REQUEST_OP, "RequestOp"),
        (&RESPONSE_OP, "ResponseOp"),
        (&COMPARE, "Compare"),
        (&TXN_REQUEST, "TxnRequest"),
        (&TXN_RESPONSE, "TxnResponse"),
        (&COMPACT_REQUEST, "CompactionRequest"),
        (&COMPACT_RESPONSE, "CompactionResponse"),
        (&WATCH_CREATE, "WatchCreateRequest"),
        (&WATCH_CANCEL, "WatchCancelRequest"),
        (&WATCH_PROGRESS, "WatchProgressRequest"),
        (&WATCH_REQUEST, "WatchRequest"),
        (&WATCH_RESPONSE, "WatchResponse"),
        (&GRANT_REQUEST, "LeaseGrantRequest"),
        (&GRANT_RESPONSE, "LeaseGrantResponse"),
        (&REVOKE_REQUEST, "LeaseRevokeRequest"),
        (&REVOKE_RESPONSE, "LeaseRevokeResponse"),
        (&KEEP_ALIVE_REQUEST, "LeaseKeepAliveRequest"),
        (&KEEP_ALIVE_RESPONSE, "LeaseKeepAliveResponse"),
        (&TIME_TO_LIVE_REQUEST, "LeaseTimeToLiveRequest"),
        (&TIME_TO_LIVE_RESPONSE, "LeaseTimeToLiveResponse"),
        (&LEASES_REQUEST, "LeaseLeasesRequest"),
        (&LEASE_STATUS, "LeaseStatus"),
        (&LEASES_RESPONSE, "LeaseLeasesResponse"),
    ] {
        let here: Vec<_> = kind
            .fields
            .iter()
            .map(|field| (field.number, field.name.to_owned(), field.is_repeated))
            .collect();
        assert_eq!(here, described(name), "{name}");
    }
}
