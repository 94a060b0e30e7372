//! Format 1, byte by byte. All numbers are little-endian; everything begins at a multiple of 8.
//!
//! A log is the files `<segment id>.wal` of one folder, the id as 16 hexadecimal digits, consecutive from
//! 1 on; the oldest ones go when their entries are purged. Other names are left alone.
//!
//! # Segment
//!
//! A header, sync batches back to back, zeros. The header is padded to a multiple of 512 so that a sync
//! batch never shares a sector with it.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | `QUORATEW` |
//! | 8 | 4 | format: 1 |
//! | 12 | 4 | CRC-32C of bytes 0..12 and 16..end of the header |
//! | 16 | 4 | length of the header, a multiple of 512: where the batches begin |
//! | 20 | 4 | 1 if the log had entries or a purge when the segment began, else 0 |
//! | 24 | 8 | nonce of the log: chance, equal in all its segments |
//! | 32 | 8 | segment id, as in the file's name |
//! | 40 | 8 | number of the first batch of this segment |
//! | 48 | 8 | index of the first entry of the log when the segment began |
//! | 56 | 8 | index that the next entry had then; equal to the one before: no entries |
//! | 64 | | up to three records, each kind at most once: vote, purge, committed |
//! | | | zeros |
//!
//! Bytes 0..20 mean the same in every format there will ever be, so that an older release can refuse a
//! newer file by name instead of calling it corrupt.
//!
//! # Sync batch
//!
//! What one sync covered. Batches are numbered from 1 on, through all segments, without a gap.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4 | `QWB` and the byte 1 |
//! | 4 | 4 | length of the records, a multiple of 8 |
//! | 8 | 8 | segment id |
//! | 16 | 8 | batch number |
//! | 24 | 4 | CRC-32C of nonce, segment id (8 bytes each) and the records |
//! | 28 | 4 | CRC-32C of nonce, segment id and bytes 0..28 |
//! | 32 | | the records |
//!
//! The header has a checksum of its own because a header that is right proves, whatever became of its
//! records, that all batches before it were synced (W2).
//!
//! # Record
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4 | CRC-32C of the nonce and bytes 4..16 + length |
//! | 4 | 4 | kind in the upper 4 bits, length of the payload in the lower 28 |
//! | 8 | 8 | index |
//! | 16 | | the payload, then zeros to a multiple of 8 |
//!
//! | kind | what | index | payload |
//! |---|---|---|---|
//! | 1 | entry | its index, one above the entry before | the owner's |
//! | 2 | truncate | the last entry that stays | none |
//! | 3 | clear: no entry stays | 0 | none |
//! | 4 | purge | the last entry that goes; the log continues above it even if it did not reach it | the owner's |
//! | 5 | vote | 0 | the owner's |
//! | 6 | committed | of the entry; there, or purged | the owner's |
//!
//! # What damage means
//!
//! Batch *n* is where batch *n - 1* ends, or at the start of the segment whose header names it. If it does not
//! verify there although a header of a later batch verifies, or a later segment was begun, then *n* was synced once: the
//! log is corrupt.
//! If none does, it is the torn tail of a crash, or nothing: the rest of the segment is zeroed. The newest
//! segment may lack a header that verifies, if no batch header follows: a crash cut its creation short.

mod batch;
mod record;
mod segment;

pub(crate) use batch::{BATCH_HEADER, BATCH_MAGIC, BatchHeader};
pub(crate) use record::{Kind, PAYLOAD_MAX, RECORD_HEADER, Record, put_record};
pub(crate) use segment::{
    BadHeader, FORMAT, HEADER_FIXED, STATE_PAYLOAD_MAX, SegmentHeader, SegmentId, header_length,
};

/// Everything begins at a multiple of this, so that a search past damage has few places to look at.
pub(crate) const ALIGN: usize = 8;

/// The starting values of the checksums of one log, or of one segment: foreign bytes never verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal(u32);

impl Seal {
    /// For records, wherever they are.
    pub(crate) fn of_log(nonce: u64) -> Self {
        Self(crc32c::crc32c(&nonce.to_le_bytes()))
    }

    /// For the batches of one segment: bytes of a recycled segment do not verify either.
    pub(crate) fn of_segment(nonce: u64, id: SegmentId) -> Self {
        Self(crc32c::crc32c_append(Self::of_log(nonce).0, &id.0.to_le_bytes()))
    }

    pub(crate) fn checksum(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }
}

/// The four bytes at `at`, if `bytes` reaches that far.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    Some(u32::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// The eight bytes at `at`, if `bytes` reaches that far.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    Some(u64::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}
