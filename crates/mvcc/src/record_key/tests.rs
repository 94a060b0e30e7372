use super::*;

#[test]
fn a_record_key_is_etcds() {
    let key = RecordKey { main: Revision(0x0102), sub: 3 };
    assert_eq!(key.live(), *b"\0\0\0\0\0\0\x01\x02_\0\0\0\0\0\0\0\x03");
    assert_eq!(key.tombstone(), *b"\0\0\0\0\0\0\x01\x02_\0\0\0\0\0\0\0\x03t");
}

#[test]
fn record_keys_survive_the_round_trip_and_nothing_else_decodes() {
    let key = RecordKey { main: Revision(7), sub: 9 };
    assert_eq!(RecordKey::decode(&key.live()), Some((key, false)));
    assert_eq!(RecordKey::decode(&key.tombstone()), Some((key, true)));
    let mut wrong_mark = key.tombstone();
    wrong_mark[17] = b'x';
    let mut wrong_separator = key.live();
    wrong_separator[8] = b'-';
    for bytes in [&b""[..], b"short", &wrong_mark, &wrong_separator, &[0; 19]] {
        assert_eq!(RecordKey::decode(bytes), None, "{bytes:?}");
    }
}
