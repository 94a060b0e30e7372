//! How one change is stored: etcd's record key and record, byte for byte.

use bytes::Bytes;
use prost::Message;
use quorate_proto::mvccpb::KeyValue;
use quorate_types::Revision;

/// The place of one change: 17 bytes, or 18 for a tombstone.
///
/// ```text
/// offset  0        8   9        17
///         | main   | _ | sub    | t |
///         i64 BE   5f  i64 BE    74, only after a delete
/// ```
/// Ordered as bytes, records are in the order of their changes. Source: the `key` bucket of etcd's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The revision of the transaction.
    pub main: Revision,
    /// The position within the transaction.
    pub sub: i64,
}

const LIVE_LEN: usize = 17;
const TOMBSTONE_LEN: usize = 18;
const SEPARATOR: u8 = b'_';
const TOMBSTONE_MARK: u8 = b't';

impl RecordKey {
    /// The key of a record that holds a value.
    #[must_use]
    pub fn live(self) -> [u8; LIVE_LEN] {
        let mut bytes = [0; LIVE_LEN];
        bytes[..8].copy_from_slice(&self.main.0.to_be_bytes());
        bytes[8] = SEPARATOR;
        bytes[9..].copy_from_slice(&self.sub.to_be_bytes());
        bytes
    }

    /// The key of a record that says a key is gone.
    #[must_use]
    pub fn tombstone(self) -> [u8; TOMBSTONE_LEN] {
        let mut bytes = [TOMBSTONE_MARK; TOMBSTONE_LEN];
        bytes[..LIVE_LEN].copy_from_slice(&self.live());
        bytes
    }

    /// The place that `bytes` name, and whether it is a tombstone's; `None` if they name none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, bool)> {
        let (live, is_tombstone) = match bytes.len() {
            LIVE_LEN => (bytes, false),
            TOMBSTONE_LEN if bytes.last() == Some(&TOMBSTONE_MARK) => (bytes.get(..LIVE_LEN)?, true),
            _ => return None,
        };
        if live.get(8) != Some(&SEPARATOR) {
            return None;
        }
        let main = i64::from_be_bytes(live.get(..8)?.try_into().ok()?);
        let sub = i64::from_be_bytes(live.get(9..)?.try_into().ok()?);
        Some((Self { main: Revision(main), sub }, is_tombstone))
    }
}

/// The record of a key that lives: `value` under `key`.
pub(crate) fn encode(record: &KeyValue) -> Bytes {
    record.encode_to_vec().into()
}

/// The record of a delete: only the key.
pub(crate) fn encode_tombstone(key: &Bytes) -> Bytes {
    encode(&KeyValue { key: key.clone(), ..KeyValue::default() })
}

/// A stored record, decoded; its key and value share the record's memory.
///
/// # Errors
/// The bytes are no record: they are corrupt.
pub fn key_value(record: Bytes) -> Result<KeyValue, prost::DecodeError> {
    KeyValue::decode(record)
}

#[cfg(test)]
mod tests {
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
}
