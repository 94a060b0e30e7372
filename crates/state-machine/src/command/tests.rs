use super::*;
use proptest::prelude::*;
use quorate_proto::etcdserverpb::{CompactionRequest, TxnRequest};

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
        InternalRaftRequest { txn: Some(TxnRequest::default()), ..empty() },
        InternalRaftRequest { compaction: Some(CompactionRequest::default()), ..empty() },
    ];
    for request in requests {
        assert!(matches!(Command::decode(&envelope(&request)), Err(Fault::UnknownCommand)), "{request:?}");
    }
    // A field of a release that does not exist yet: number 3000, a message of one byte.
    let unheard_of = Bytes::from_static(&[ENVELOPE_VERSION, 0xc2, 0xbb, 0x01, 0x01, 0x00]);
    assert!(matches!(Command::decode(&unheard_of), Err(Fault::UnknownCommand)));
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
    prop_oneof![put, delete, attributes]
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
