//! Reading one segment from its header to its end, and looking past damage.

use crate::disk::File;
use crate::format::{ALIGN, BATCH_HEADER, BATCH_MAGIC, BatchHeader, Kind, Record, Seal, SegmentId};
use crate::state::{Change, Mark, Position, Stored};
use bytes::Bytes;
use std::io;

/// Reads at least this much at a time: small batches cost no system call each.
const WINDOW: usize = 1 << 20;

/// A part of a file in memory.
pub(crate) struct Window<'a> {
    file: &'a dyn File,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

/// How far a segment was read.
pub(crate) struct Scan {
    seal: Seal,
    id: SegmentId,
    /// Where the next batch belongs.
    pub(crate) position: u64,
    /// The number it must have.
    pub(crate) number: u64,
    /// Batches read here.
    pub(crate) batches: u64,
    /// Where the last batch, or else the header, begins.
    pub(crate) last_piece: u64,
    /// The end of what is not zero; known after [`Scan::later_batch`].
    pub(crate) dirty_end: u64,
}

/// The records of a batch that verified, and where they are.
pub(crate) struct Batch<'a> {
    offset: u64,
    records: &'a [u8],
}

impl<'a> Window<'a> {
    pub(crate) fn new(file: &'a dyn File, size: u64) -> Self {
        Self { file, size, start: 0, bytes: Vec::new() }
    }

    /// `count` bytes at `at`; `None` if the file ends before.
    fn get(&mut self, at: u64, count: usize) -> io::Result<Option<&[u8]>> {
        if at.checked_add(count as u64).is_none_or(|end| end > self.size) {
            return Ok(None);
        }
        let held = at.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let skip = match held {
            Some(skip) if skip + count <= self.bytes.len() => skip,
            _ => {
                self.load(at, count)?;
                0
            }
        };
        Ok(self.bytes.get(skip..skip + count))
    }

    fn load(&mut self, at: u64, count: usize) -> io::Result<()> {
        // Bounded by the file: a length on disk cannot make us hold more than there is.
        let left = usize::try_from(self.size - at).unwrap_or(usize::MAX);
        self.bytes.resize(count.max(WINDOW.min(left)), 0);
        self.start = at;
        self.file.read_at(&mut self.bytes, at)
    }
}

impl Scan {
    pub(crate) fn new(seal: Seal, id: SegmentId, header_length: u64, number: u64) -> Self {
        Self {
            seal,
            id,
            position: header_length,
            number,
            batches: 0,
            last_piece: 0,
            dirty_end: header_length,
        }
    }

    /// The next batch, if it verifies.
    pub(crate) fn next<'a>(&mut self, window: &'a mut Window<'_>) -> io::Result<Option<Batch<'a>>> {
        let start = window.get(self.position, BATCH_HEADER)?;
        let Some(header) = start.and_then(|start| BatchHeader::read(start, self.seal)) else {
            return Ok(None);
        };
        if header.segment != self.id || header.number != self.number || header.number == u64::MAX {
            return Ok(None);
        }
        let batch = window.get(self.position, BATCH_HEADER + header.length)?;
        let Some(records) = batch.and_then(|batch| batch.get(BATCH_HEADER..)) else { return Ok(None) };
        if !header.vouches_for(records, self.seal) {
            return Ok(None);
        }
        let offset = self.position + BATCH_HEADER as u64;
        self.last_piece = self.position;
        self.position = offset + header.length as u64;
        self.number += 1;
        self.batches += 1;
        Ok(Some(Batch { offset, records }))
    }

    /// Whether, from the position on, there is the header of a batch that was written after the one that belongs there.
    ///
    /// Such a header proves that everything before it was synced (W2), whether or not its own batch is whole.
    pub(crate) fn later_batch(&mut self, window: &mut Window<'_>) -> io::Result<bool> {
        let mut at = self.position;
        self.dirty_end = at;
        while at < window.size {
            let count = (window.size - at).min(WINDOW as u64) as usize;
            let mut candidates = Vec::new();
            let Some(bytes) = window.get(at, count)? else { break };
            for (offset, word) in dirty_words(bytes) {
                self.dirty_end = at + (offset + ALIGN).min(count) as u64;
                if word as u32 == BATCH_MAGIC {
                    candidates.push(at + offset as u64);
                }
            }
            for candidate in candidates {
                let header = window.get(candidate, BATCH_HEADER)?;
                let header = header.and_then(|header| BatchHeader::read(header, self.seal));
                if header.is_some_and(|header| self.is_later(&header, candidate)) {
                    return Ok(true);
                }
            }
            at += count as u64;
        }
        Ok(false)
    }

    fn is_later(&self, header: &BatchHeader, at: u64) -> bool {
        let continues = header.number > self.number || (header.number == self.number && at > self.position);
        header.segment == self.id && continues
    }
}

/// The words of `bytes` that are not zero, with their offsets. A rest shorter than a word counts as one.
fn dirty_words(bytes: &[u8]) -> impl Iterator<Item = (usize, u64)> {
    bytes.chunks(ALIGN).enumerate().filter_map(|(count, chunk)| {
        let mut word = [0; ALIGN];
        word[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        (word != 0).then_some((count * ALIGN, word))
    })
}

/// Whether an aligned word of the file begins with `magic`.
pub(crate) fn has_word(file: &dyn File, size: u64, magic: u32) -> io::Result<bool> {
    let mut window = Window::new(file, size);
    let mut at = 0;
    while at < size {
        let count = (size - at).min(WINDOW as u64) as usize;
        let Some(bytes) = window.get(at, count)? else { break };
        if dirty_words(bytes).any(|(_, word)| word as u32 == magic) {
            return Ok(true);
        }
        at += count as u64;
    }
    Ok(false)
}

/// Takes the records of `batch`, in a segment that begins at `base`, into account.
pub(crate) fn replay(
    batch: &Batch<'_>,
    seal: Seal,
    base: u64,
    stored: &mut Stored,
) -> Result<(), (u64, &'static str)> {
    let Batch { mut offset, mut records } = *batch;
    while !records.is_empty() {
        let refuse = |what| (offset, what);
        let record = Record::read(records, seal).map_err(refuse)?;
        stored.apply(&change(&record, base + offset)).map_err(refuse)?;
        let size = record.size();
        records = records.get(size..).ok_or((offset, "a record ends beyond its batch"))?;
        offset += size as u64;
    }
    Ok(())
}

fn change(record: &Record<'_>, at: u64) -> Change {
    let payload = || Bytes::copy_from_slice(record.payload);
    let mark = || Mark { index: record.index, payload: payload() };
    match record.kind {
        Kind::Entry => {
            let length = u32::try_from(record.payload.len()).expect("28 bits fit 32");
            Change::Entry { index: record.index, position: Position { at, length } }
        }
        Kind::Truncate => Change::Truncate { last: record.index },
        Kind::Clear => Change::Clear,
        Kind::Purge => Change::Purge(mark()),
        Kind::Vote => Change::Vote(payload()),
        Kind::Committed => Change::Committed(mark()),
    }
}

const _: () = assert!(WINDOW.is_multiple_of(ALIGN), "a word never crosses two windows");
const _: () = assert!(size_of::<u64>() == ALIGN, "dirty_words looks at one word at a time");

#[cfg(test)]
#[test]
fn a_word_shorter_than_eight_bytes_still_counts() {
    assert_eq!(dirty_words(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 7]).collect::<Vec<_>>(), [(8, 7 << 8)]);
}
