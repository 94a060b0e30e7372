//! The head of a file: whose it is, where it continues, and all that older files said.

use super::{ALIGN, Kind, Record, Seal, put_record, u32_at, u64_at};
use crate::state::{Mark, Span, State};
use bytes::Bytes;

/// The format that this release writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// The first batch begins at a multiple of this: the unit that a disk writes whole or not at all.
pub(crate) const HEADER_ALIGN: usize = 512;

/// A vote or a mark is a log id and little more; the bound keeps headers small.
pub(crate) const STATE_PAYLOAD_MAX: usize = 64 << 10;

/// No header is longer: what a number on disk may make us read.
pub(crate) const HEADER_MAX: usize = 256 << 10;

/// Where the records of a header begin.
pub(crate) const HEADER_FIXED: usize = 64;

const MAGIC: [u8; 8] = *b"QUORATEW";
const SUFFIX: &str = ".wal";

const _: () = assert!(HEADER_MAX > HEADER_FIXED + 3 * (STATE_PAYLOAD_MAX + 64), "three full records fit");

/// Which file of the log. Consecutive; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentId(pub(crate) u64);

/// The head of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) nonce: u64,
    pub(crate) id: SegmentId,
    /// The number of the first batch in this segment.
    pub(crate) first_batch: u64,
    /// What the log held when the segment began.
    pub(crate) state: State,
}

/// Why a header was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// It verifies, and names another format.
    Format(u32),
    /// It does not verify.
    Damaged(&'static str),
}

impl SegmentId {
    pub(crate) const FIRST: Self = Self(1);

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(crate) fn name(self) -> String {
        format!("{:016x}{SUFFIX}", self.0)
    }

    /// The segment that `name` stands for, if it is the name of one.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let id = Self(u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok()?);
        // One name for one id: no upper case, no plus sign, no other width; and the next one exists.
        (id.name() == name && id.0 > 0 && id.0 < u64::MAX).then_some(id)
    }
}

/// The length that the first 20 bytes of a file claim for its header, if that is possible.
pub(crate) fn header_length(start: &[u8]) -> Result<usize, &'static str> {
    if start.get(..8) != Some(&MAGIC) {
        return Err("it does not begin as a segment does");
    }
    let length = u32_at(start, 16).ok_or("the header is cut short")? as usize;
    let fits = (HEADER_ALIGN..=HEADER_MAX).contains(&length) && length.is_multiple_of(HEADER_ALIGN);
    fits.then_some(length).ok_or("the header's length is impossible")
}

fn checksum(header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..12]), &header[16..])
}

impl SegmentHeader {
    /// The bytes with which the file begins.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_FIXED];
        let State { span, vote, purged, committed } = &self.state;
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[20..24].copy_from_slice(&u32::from(span.is_some()).to_le_bytes());
        bytes[24..32].copy_from_slice(&self.nonce.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.id.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first_batch.to_le_bytes());
        let span = span.unwrap_or(Span { first: 0, next: 0 });
        bytes[48..56].copy_from_slice(&span.first.to_le_bytes());
        bytes[56..64].copy_from_slice(&span.next.to_le_bytes());
        let seal = Seal::of_log(self.nonce);
        let mut put = |kind, index, payload: &[u8]| {
            put_record(&mut bytes, seal, &Record { kind, index, payload });
        };
        vote.iter().for_each(|vote| put(Kind::Vote, 0, vote));
        purged.iter().for_each(|mark| put(Kind::Purge, mark.index, &mark.payload));
        committed.iter().for_each(|mark| put(Kind::Committed, mark.index, &mark.payload));
        bytes.resize(bytes.len().next_multiple_of(HEADER_ALIGN), 0);
        assert!(bytes.len() <= HEADER_MAX, "W8: votes and marks are checked where they enter");
        let length = u32::try_from(bytes.len()).expect("HEADER_MAX fits");
        bytes[16..20].copy_from_slice(&length.to_le_bytes());
        let checksum = checksum(&bytes);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header that `bytes`, as long as [`header_length`] said, hold.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        const SHORT: BadHeader = BadHeader::Damaged("the header is cut short");
        let number = |at| u64_at(bytes, at).ok_or(SHORT);
        let word = |at| u32_at(bytes, at).ok_or(SHORT);
        if bytes.len() < HEADER_FIXED || checksum(bytes) != word(12)? {
            return Err(BadHeader::Damaged("the header's checksum does not match"));
        }
        if word(8)? != FORMAT {
            return Err(BadHeader::Format(word(8)?));
        }
        let span = Span { first: number(48)?, next: number(56)? };
        let span = match word(20)? {
            0 if span == (Span { first: 0, next: 0 }) => None,
            1 if span.first <= span.next => Some(span),
            _ => return Err(BadHeader::Damaged("the header's entries are impossible")),
        };
        let nonce = number(24)?;
        let mut state = State { span, ..State::default() };
        read_state(&bytes[HEADER_FIXED..], Seal::of_log(nonce), &mut state).map_err(BadHeader::Damaged)?;
        Ok(Self { nonce, id: SegmentId(number(32)?), first_batch: number(40)?, state })
    }
}

/// Takes the vote and the marks from the records at the end of a header.
fn read_state(mut bytes: &[u8], seal: Seal, state: &mut State) -> Result<(), &'static str> {
    // A record never begins with eight zeros: its kind is above zero.
    while u64_at(bytes, 0).is_some_and(|word| word >> 32 != 0) {
        let record = Record::read(bytes, seal)?;
        let payload = Bytes::copy_from_slice(record.payload);
        let mark = Mark { index: record.index, payload: payload.clone() };
        match record.kind {
            Kind::Vote if state.vote.is_none() => state.vote = Some(payload),
            Kind::Purge if state.purged.is_none() => state.purged = Some(mark),
            Kind::Committed if state.committed.is_none() => state.committed = Some(mark),
            _ => return Err("a record has no place in a header"),
        }
        bytes = bytes.get(record.size()..).unwrap_or_default();
    }
    let continues = state
        .purged
        .as_ref()
        .is_none_or(|mark| state.span.is_some_and(|span| Some(span.first) == mark.index.checked_add(1)));
    continues.then_some(()).ok_or("the header's purge and entries disagree")
}

const _: () = assert!(HEADER_ALIGN.is_multiple_of(ALIGN), "batches begin aligned");
