use super::*;
use crate::wire::tests::any_txn;
use crate::{Alarm, AlarmKind};
use bytes::Bytes;
use proptest::prelude::*;
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::{AlarmRequest, AuthEnableRequest, PutRequest, RequestOp, TxnRequest};
use quorate_types::LeaseId;

fn command(kind: Kind) -> Command {
    Command { id: 0x0102_0304, user: "ann".into(), auth_revision: 9, kind }
}

fn put(value: Option<&'static str>, lease: Option<i64>) -> Kind {
    let change = mvcc::Put { key: "k".into(), value: value.map(Bytes::from), lease: lease.map(LeaseId) };
    Kind::Put(Put { change, with_previous: true })
}

fn delete(range: KeyRange) -> Kind {
    Kind::DeleteRange(DeleteRange { range, with_previous: true })
}

fn attributes() -> Kind {
    let client_urls = vec!["http://a:1".into(), "http://b:2".into()];
    let attributes = Attributes { name: "a".into(), client_urls };
    Kind::SetMemberAttributes { member: MemberId(7), attributes }
}

fn raise(kind: AlarmKind) -> Kind {
    Kind::Alarm(AlarmChange::Raise(Alarm { kind, member: MemberId(7) }))
}

fn disarm(kind: AlarmKind) -> Kind {
    Kind::Alarm(AlarmChange::Disarm(Alarm { kind, member: MemberId(7) }))
}

/// Every kind of step and of comparison, in both branches and within.
fn txn() -> Kind {
    let compare = |relation, operand| mvcc::Compare {
        range: KeyRange::HalfOpen { start: "k".into(), end: "l".into() },
        relation,
        operand,
    };
    let query = mvcc::Query { limit: Some(3), ..mvcc::Query::newest(KeyRange::Single("k".into())) };
    let change = mvcc::Put { key: "k".into(), value: Some("v".into()), lease: None };
    let within = mvcc::Txn {
        compares: vec![
            compare(mvcc::Relation::Equal, mvcc::Operand::Version(1)),
            compare(mvcc::Relation::NotEqual, mvcc::Operand::Created(Revision(2))),
        ],
        failure: vec![mvcc::TxnOp::Range(query.clone())],
        ..mvcc::Txn::default()
    };
    let range = KeyRange::From("k".into());
    Kind::Txn(mvcc::Txn {
        compares: vec![
            compare(mvcc::Relation::Greater, mvcc::Operand::Modified(Revision(3))),
            compare(mvcc::Relation::Less, mvcc::Operand::Lease(LeaseId(4))),
            compare(mvcc::Relation::Equal, mvcc::Operand::Value("w".into())),
        ],
        success: vec![
            mvcc::TxnOp::Put { change, with_previous: true },
            mvcc::TxnOp::DeleteRange { range, with_previous: true },
            mvcc::TxnOp::Txn(within),
        ],
        failure: vec![mvcc::TxnOp::Range(query)],
    })
}

fn envelope(request: &InternalRaftRequest) -> Bytes {
    [&[ENVELOPE_VERSION][..], &request.encode_to_vec()].concat().into()
}

/// A row may be added, none may change: logs on disk hold these bytes.
#[test]
fn envelopes_are_what_they_have_always_been() {
    let half_open = || KeyRange::HalfOpen { start: "k".into(), end: "l".into() };
    let rows = [
        (put(Some("v"), Some(8)), "01220a0a016b12017618082001a2060c08848688081203616e6e1809"),
        (put(None, Some(0)), "0122070a016b20012801a2060c08848688081203616e6e1809"),
        (put(Some("v"), None), "01220a0a016b12017620013001a2060c08848688081203616e6e1809"),
        (delete(KeyRange::Single("k".into())), "012a050a016b1801a2060c08848688081203616e6e1809"),
        (delete(half_open()), "012a080a016b12016c1801a2060c08848688081203616e6e1809"),
        (delete(KeyRange::From("k".into())), "012a080a016b1201001801a2060c08848688081203616e6e1809"),
        (
            attributes(),
            "01a2060c08848688081203616e6e1809aa511f0807121b0a0161120a687474703a2f2f613a31120a687474703a2f2f623a32",
        ),
        (Kind::Compact { revision: Revision(5) }, "013a020805a2060c08848688081203616e6e1809"),
        (raise(AlarmKind::NO_SPACE), "015206080110071801a2060c08848688081203616e6e1809"),
        (disarm(AlarmKind::CORRUPT), "015206080210071802a2060c08848688081203616e6e1809"),
        (
            Kind::SetClusterVersion(ClusterVersion::OURS),
            "01a2060c08848688081203616e6e1809a251070a05332e372e30",
        ),
        (
            Kind::LeaseGrant { id: LeaseId(7), ttl_seconds: 60 },
            "014204083c1007a2060c08848688081203616e6e1809",
        ),
        (Kind::LeaseRevoke { id: LeaseId(7) }, "014a020807a2060c08848688081203616e6e1809"),
        (
            Kind::LeaseExpire { ids: vec![LeaseId(7), LeaseId(8)], term: 3 },
            "01a2060c08848688081203616e6e180982e209060a0207081003",
        ),
        (
            Kind::LeaseCheckpoint(vec![(LeaseId(7), 20), (LeaseId(8), 0)]),
            "015a0a0a04080710140a020808a2060c08848688081203616e6e1809",
        ),
        (
            txn(),
            "0132760a0d080110021a016b30038204016c0a0d080210041a016b40048204016c0a0c10031a016b3a01778204016c120c120a0a\
             016b12017620013001120a1a080a016b1201001801122522230a091a016b20018204016c0a0d080310011a016b28028204016c1a\
             070a050a016b18031a070a050a016b1803a2060c08848688081203616e6e1809",
        ),
    ];
    for (kind, golden) in rows {
        let command = command(kind);
        assert_eq!(hex(&command.clone().encode()), golden, "{command:?}");
        assert_eq!(Command::decode(&unhex(golden)).unwrap(), command);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Bytes {
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// Law A3: a member that skipped what it does not know would hold another state than the rest.
#[test]
fn what_this_release_does_not_know_is_a_fault() {
    let empty = InternalRaftRequest::default;
    let requests = [
        empty(),
        InternalRaftRequest { auth_enable: Some(AuthEnableRequest::default()), ..empty() },
        InternalRaftRequest { txn: Some(with_an_unknown_step()), ..empty() },
        InternalRaftRequest { alarm: Some(AlarmRequest::default()), ..empty() },
        InternalRaftRequest { alarm: Some(AlarmRequest { action: 3, ..AlarmRequest::default() }), ..empty() },
    ];
    for request in requests {
        assert!(matches!(Command::decode(&envelope(&request)), Err(Fault::UnknownCommand)), "{request:?}");
    }
    // A field of a release that does not exist yet: number 3000, a message of one byte.
    let unheard_of = Bytes::from_static(&[ENVELOPE_VERSION, 0xc2, 0xbb, 0x01, 0x01, 0x00]);
    assert!(matches!(Command::decode(&unheard_of), Err(Fault::UnknownCommand)));
}

/// A step of a kind that a later release may bring looks like one that says nothing.
fn with_an_unknown_step() -> TxnRequest {
    let within = TxnRequest { failure: vec![RequestOp { request: None }], ..TxnRequest::default() };
    let step = RequestOp { request: Some(Request::RequestTxn(within)) };
    TxnRequest { success: vec![step], ..TxnRequest::default() }
}

#[test]
fn a_request_that_says_two_things_is_a_fault() {
    let request = InternalRaftRequest {
        put: Some(PutRequest::default()),
        txn: Some(TxnRequest::default()),
        ..InternalRaftRequest::default()
    };
    assert!(matches!(Command::decode(&envelope(&request)), Err(Fault::UnknownCommand)));
}

#[test]
fn an_envelope_of_another_version_is_a_fault() {
    for version in [0, 2, 0xff] {
        let mut bytes = command(put(Some("v"), Some(0))).encode().to_vec();
        bytes[0] = version;
        let found = Command::decode(&bytes.into());
        assert!(matches!(found, Err(Fault::EnvelopeVersion { version: found }) if found == version));
    }
}

#[test]
fn bytes_that_are_no_command_are_a_fault() {
    for bytes in [&[][..], &[ENVELOPE_VERSION, 0xff], &[ENVELOPE_VERSION, 0x22, 0x05, 0x0a]] {
        let found = Command::decode(&Bytes::copy_from_slice(bytes));
        assert!(matches!(found, Err(Fault::Undecodable { what: "command" })), "{bytes:?}");
    }
}

fn text() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from)
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let put = (text(), prop::option::of(text()), prop::option::of(any::<i64>()), any::<bool>()).prop_map(
        |(key, value, lease, with_previous)| {
            let change = mvcc::Put { key, value, lease: lease.map(LeaseId) };
            Kind::Put(Put { change, with_previous })
        },
    );
    let delete = (text(), text(), any::<bool>()).prop_map(|(key, end, with_previous)| {
        Kind::DeleteRange(DeleteRange { range: KeyRange::from_wire(key, end), with_previous })
    });
    let attributes =
        (any::<u64>(), ".*", prop::collection::vec(".*", 0..3)).prop_map(|(member, name, client_urls)| {
            let attributes = Attributes { name, client_urls };
            Kind::SetMemberAttributes { member: MemberId(member), attributes }
        });
    let compact = any::<i64>().prop_map(|revision| Kind::Compact { revision: Revision(revision) });
    let alarm = (any::<bool>(), any::<i32>(), any::<u64>()).prop_map(|(is_raised, kind, member)| {
        let alarm = Alarm { kind: AlarmKind(kind), member: MemberId(member) };
        Kind::Alarm(if is_raised { AlarmChange::Raise(alarm) } else { AlarmChange::Disarm(alarm) })
    });
    let version = (0..=i64::MAX as u64, 0..=i64::MAX as u64)
        .prop_map(|(major, minor)| Kind::SetClusterVersion(ClusterVersion { major, minor }));
    prop_oneof![put, delete, attributes, compact, alarm, version, any_txn().prop_map(Kind::Txn)]
}

proptest! {
    #[test]
    fn a_command_survives_the_log(id: u64, user in ".*", auth_revision: u64, kind in any_kind()) {
        let command = Command { id, user, auth_revision, kind };
        prop_assert_eq!(Command::decode(&command.clone().encode()).unwrap(), command);
    }

    #[test]
    fn junk_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..40), honest: bool) {
        if let Some(first) = bytes.first_mut() && honest {
            *first = ENVELOPE_VERSION;
        }
        let _ = Command::decode(&bytes.into());
    }

    #[test]
    fn a_damaged_command_never_panics(kind in any_kind(), at: prop::sample::Index, byte: u8) {
        let mut bytes = command(kind).encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Command::decode(&bytes.into());
    }
}
