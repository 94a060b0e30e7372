//! Where a change is stored: etcd's record key, byte for byte.

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
    /// The place of the first change of a transaction.
    #[must_use]
    pub fn first(main: Revision) -> Self {
        Self { main, sub: 0 }
    }

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

#[cfg(test)]
mod tests;
