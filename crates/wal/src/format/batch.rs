//! The frame around what one sync covers.

use super::{ALIGN, PAYLOAD_MAX, Seal, SegmentId, u32_at, u64_at};

/// Bytes before the records.
pub(crate) const BATCH_HEADER: usize = 32;

/// The first four bytes of every batch.
pub(crate) const BATCH_MAGIC: u32 = u32::from_le_bytes(*b"QWB\x01");

/// The longest run of records in one batch: any one entry, and what travels with it.
const LENGTH_MAX: usize = 2 * PAYLOAD_MAX;

/// The header of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) segment: SegmentId,
    pub(crate) number: u64,
    /// Bytes of records that follow.
    pub(crate) length: usize,
    checksum: u32,
}

impl BatchHeader {
    /// Fills in the first 32 bytes of `batch`, which its records follow.
    pub(crate) fn put(batch: &mut [u8], seal: Seal, segment: SegmentId, number: u64) {
        let (header, records) = batch.split_at_mut(BATCH_HEADER);
        assert!(records.len() <= LENGTH_MAX, "W8: a batch is written before it grows past its bound");
        assert!(records.len().is_multiple_of(ALIGN), "put_record pads");
        let length = u32::try_from(records.len()).expect("LENGTH_MAX fits 30 bits");
        header[0..4].copy_from_slice(&BATCH_MAGIC.to_le_bytes());
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..16].copy_from_slice(&segment.0.to_le_bytes());
        header[16..24].copy_from_slice(&number.to_le_bytes());
        header[24..28].copy_from_slice(&seal.checksum(records).to_le_bytes());
        let checksum = seal.checksum(&header[..28]);
        header[28..32].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The header at the start of `bytes`, if one verifies there. Its records may still be damaged.
    pub(crate) fn read(bytes: &[u8], seal: Seal) -> Option<Self> {
        if u32_at(bytes, 0)? != BATCH_MAGIC || seal.checksum(bytes.get(..28)?) != u32_at(bytes, 28)? {
            return None;
        }
        let header = Self {
            segment: SegmentId(u64_at(bytes, 8)?),
            number: u64_at(bytes, 16)?,
            length: u32_at(bytes, 4)? as usize,
            checksum: u32_at(bytes, 24)?,
        };
        (header.length <= LENGTH_MAX && header.length.is_multiple_of(ALIGN)).then_some(header)
    }

    /// Whether `records` are the ones that were written under this header.
    pub(crate) fn vouches_for(&self, records: &[u8], seal: Seal) -> bool {
        records.len() == self.length && seal.checksum(records) == self.checksum
    }
}
