//! One entry, or one change of the log's state.

use super::{ALIGN, Seal, u32_at, u64_at};

/// Bytes before the payload.
pub(crate) const RECORD_HEADER: usize = 16;

/// The longest payload: what 28 bits count, less what alignment may add.
pub(crate) const PAYLOAD_MAX: usize = (1 << 28) - ALIGN;

const LENGTH_BITS: u32 = 28;
const LENGTH_MASK: u32 = (1 << LENGTH_BITS) - 1;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Entry = 1,
    Truncate = 2,
    Clear = 3,
    Purge = 4,
    Vote = 5,
    Committed = 6,
}

/// A record that verified.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) index: u64,
    pub(crate) payload: &'a [u8],
}

impl Kind {
    fn from_bits(bits: u32) -> Option<Self> {
        [Self::Entry, Self::Truncate, Self::Clear, Self::Purge, Self::Vote, Self::Committed]
            .into_iter()
            .find(|kind| *kind as u32 == bits)
    }
}

impl<'a> Record<'a> {
    /// The record at the start of `bytes`.
    pub(crate) fn read(bytes: &'a [u8], seal: Seal) -> Result<Self, &'static str> {
        const SHORT: &str = "a record ends beyond its batch";
        let checksum = u32_at(bytes, 0).ok_or(SHORT)?;
        let word = u32_at(bytes, 4).ok_or(SHORT)?;
        let index = u64_at(bytes, 8).ok_or(SHORT)?;
        let end = RECORD_HEADER + (word & LENGTH_MASK) as usize;
        let covered = bytes.get(4..end).ok_or(SHORT)?;
        if seal.checksum(covered) != checksum {
            return Err("a record's checksum does not match");
        }
        let kind = Kind::from_bits(word >> LENGTH_BITS).ok_or("a record is of no known kind")?;
        Ok(Self { kind, index, payload: &bytes[RECORD_HEADER..end] })
    }

    /// How many bytes it takes, padding included.
    pub(crate) fn size(&self) -> usize {
        (RECORD_HEADER + self.payload.len()).next_multiple_of(ALIGN)
    }
}

/// Appends `record` to `buffer`: the one copy of its payload on the way to the disk.
pub(crate) fn put_record(buffer: &mut Vec<u8>, seal: Seal, record: &Record<'_>) {
    assert!(record.payload.len() <= PAYLOAD_MAX, "W8: payloads are checked where they enter");
    let length = u32::try_from(record.payload.len()).expect("PAYLOAD_MAX fits 28 bits");
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&((record.kind as u32) << LENGTH_BITS | length).to_le_bytes());
    buffer.extend_from_slice(&record.index.to_le_bytes());
    buffer.extend_from_slice(record.payload);
    let checksum = seal.checksum(&buffer[start + 4..]);
    buffer[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
    buffer.resize(start + record.size(), 0);
}
