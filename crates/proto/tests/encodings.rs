//! Known bytes, worked out by hand from etcd's field numbers: a wrong number, type or name in a
//! `.proto` file fails here with the message it is in.

use std::fmt::{Debug, Write};

use bytes::Bytes;
use prost::Message;
use quorate_proto::etcdserverpb::{
    AlarmRequest, AlarmType, AuthEnableRequest, AuthRoleRevokePermissionRequest, Compare, DowngradeInfo,
    InternalRaftRequest, LeaseGrantRequest, LeaseTimeToLiveResponse, Member, PutRequest, RangeRequest,
    RequestHeader, RequestOp, StatusResponse, TxnRequest, WatchCreateRequest, WatchResponse,
    alarm_request::AlarmAction,
    compare::{CompareResult, CompareTarget, TargetUnion},
    request_op::Request,
    watch_create_request::FilterType,
};
use quorate_proto::log::{Commands, Entry, LogId, entry::Payload};
use quorate_proto::membershippb::{ClusterMemberAttrSetRequest, DowngradeInfoSetRequest};
use quorate_proto::mvccpb::{Event, KeyValue, event::EventType};
use quorate_proto::{authpb, leasepb, v3electionpb};

#[test]
fn records_have_known_bytes() {
    check(
        "0a0161 1001 1802 2003 2a0162 3007",
        &KeyValue {
            key: bytes("a"),
            create_revision: 1,
            mod_revision: 2,
            version: 3,
            value: bytes("b"),
            lease: 7,
        },
    );
    check(
        "0801 1205 0a0161 1809",
        &Event {
            r#type: EventType::Delete.into(),
            kv: Some(KeyValue { key: bytes("a"), mod_revision: 9, ..Default::default() }),
            prev_kv: None,
        },
    );
    check("0807 103c 181e", &leasepb::Lease { id: 7, ttl: 60, remaining_ttl: 30 });
    check(
        "0802 12016b",
        &authpb::Permission {
            perm_type: authpb::permission::Type::Readwrite.into(),
            key: bytes("k"),
            range_end: bytes(""),
        },
    );
}

#[test]
fn key_value_calls_have_known_bytes() {
    check("0a03666f6f 1805", &RangeRequest { key: bytes("foo"), limit: 5, ..Default::default() });
    check("6801", &RangeRequest { max_create_revision: 1, ..Default::default() });
    // A comparison with zero is sent, because the oneof is set; range_end is field 64.
    check(
        "0801 1002 1a016b 3000 8204 0100",
        &Compare {
            result: CompareResult::Greater.into(),
            target: CompareTarget::Mod.into(),
            key: bytes("k"),
            range_end: bytes("\0"),
            target_union: Some(TargetUnion::ModRevision(0)),
        },
    );
    let put = PutRequest { key: bytes("a"), ..Default::default() };
    check(
        "1205 1203 0a0161",
        &TxnRequest {
            success: vec![RequestOp { request: Some(Request::RequestPut(put)) }],
            ..Default::default()
        },
    );
}

#[test]
fn watches_have_known_bytes() {
    check(
        "0a0161 2a020001 4001",
        &WatchCreateRequest {
            key: bytes("a"),
            filters: vec![FilterType::Noput.into(), FilterType::Nodelete.into()],
            fragment: true,
            ..Default::default()
        },
    );
    // Events are field 11.
    check(
        "1001 1801 5a00",
        &WatchResponse { watch_id: 1, created: true, events: vec![Event::default()], ..Default::default() },
    );
}

#[test]
fn leases_have_known_bytes() {
    check("083c 1007", &LeaseGrantRequest { ttl: 60, id: 7 });
    check("18ffffffffffffffffff01", &LeaseTimeToLiveResponse { ttl: -1, ..Default::default() });
    check("1804 2009", &v3electionpb::LeaderKey { rev: 4, lease: 9, ..Default::default() });
}

#[test]
fn members_have_known_bytes() {
    check(
        "0801 12016d 1a0170 220163 2801",
        &Member {
            id: 1,
            name: "m".into(),
            peer_urls: vec!["p".into()],
            client_urls: vec!["c".into()],
            is_learner: true,
        },
    );
    check(
        "0801 1002 1801",
        &AlarmRequest {
            action: AlarmAction::Activate.into(),
            member_id: 2,
            alarm: AlarmType::Nospace.into(),
        },
    );
    check(
        "1809 4808 5a03332e37 6a020801",
        &StatusResponse {
            db_size: 9,
            db_size_in_use: 8,
            storage_version: "3.7".into(),
            downgrade_info: Some(DowngradeInfo { enabled: true, target_version: String::new() }),
            ..Default::default()
        },
    );
}

#[test]
fn commands_have_known_bytes() {
    // The header is field 100 and so comes last.
    check(
        "2203 0a016b a206 020801",
        &InternalRaftRequest {
            header: Some(RequestHeader { id: 1, ..Default::default() }),
            put: Some(PutRequest { key: bytes("k"), ..Default::default() }),
            ..Default::default()
        },
    );
    check("c23e 00", &InternalRaftRequest { auth_enable: Some(AuthEnableRequest {}), ..Default::default() });
    check(
        "a24b 030a0172",
        &InternalRaftRequest {
            auth_role_revoke_permission: Some(AuthRoleRevokePermissionRequest {
                role: "r".into(),
                ..Default::default()
            }),
            ..Default::default()
        },
    );
    check(
        "aa51 020805",
        &InternalRaftRequest {
            cluster_member_attr_set: Some(ClusterMemberAttrSetRequest {
                member_id: 5,
                member_attributes: None,
            }),
            ..Default::default()
        },
    );
    check(
        "b251 020801",
        &InternalRaftRequest {
            downgrade_info_set: Some(DowngradeInfoSetRequest { enabled: true, ver: String::new() }),
            ..Default::default()
        },
    );
}

#[test]
fn log_entries_have_known_bytes() {
    check(
        "0a04 0801 1003 1a03 0a0178",
        &Entry {
            id: Some(LogId { term: 1, index: 3 }),
            payload: Some(Payload::Commands(Commands { envelopes: vec![bytes("x")] })),
        },
    );
}

fn check<M: Message + Default + PartialEq + Debug>(hex: &str, message: &M) {
    let hex = hex.replace(' ', "");
    assert_eq!(to_hex(&message.encode_to_vec()), hex, "{message:?}");
    assert_eq!(M::decode(from_hex(&hex)).expect("it was just encoded"), *message);
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all");
        hex
    })
}

fn from_hex(hex: &str) -> Bytes {
    let digits: Vec<_> = hex.chars().map(|digit| digit.to_digit(16).expect("a hex digit")).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}
