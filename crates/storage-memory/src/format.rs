//! The checkpoint file, byte by byte. Numbers are little-endian.
//!
//! ```text
//! header
//!    0   8  magic, `quorckpt`
//!    8   4  format version, 1
//!   12   4  length H of the header's body, at most 65,536
//!   16   H  body
//!           8  size of all counted records (law S5)
//!           2  number of spaces
//!           for each space, in the order of their records below:
//!             1  length N of its name
//!             N  its name, UTF-8
//!             1  1 if it is counted in the size, 0 if not
//!             8  number of its records
//! 16+H   4  CRC32C of all bytes before it
//!
//! blocks, up to the end of the file
//!    0   4  length L of the payload, 1 to 65,536; all but the last are 65,536 long
//!    4   4  CRC32C of: the offset of the block in the file (8 bytes), L (4 bytes), the payload
//!    8   L  payload
//! ```
//!
//! The payloads, put together, are the records of the first space, then of the second, and so on; within a
//! space in ascending order of the keys, each key once. A record may lie in several blocks:
//!
//! ```text
//!    0   4  length K of the key
//!    4   4  length V of the value
//!    8   K  key
//!  8+K   V  value
//! ```
//!
//! The last record ends the last block, and that ends the file. A file that ends sooner or later is corrupt.
//!
//! Why so: counts and size stand in front because a view knows them before the first record is written. A
//! block is small and fixed in length so that no number on disk decides how much memory is asked for (law
//! M3): a reader grows a record only by bytes whose checksum was right. The offset in the checksum makes a
//! block worthless in any other place.
//!
//! The version is read before anything that it could change: magic, version and their places never do.

use quorate_storage::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

pub(crate) const MAGIC: [u8; 8] = *b"quorckpt";
pub(crate) const VERSION: u32 = 1;
/// Magic, version, length of the body.
pub(crate) const HEADER_FRONT: usize = 16;
pub(crate) const HEADER_BODY_BYTES_MAX: usize = 1 << 16;
/// Length of a full block's payload.
pub(crate) const BLOCK_BYTES: usize = 1 << 16;
/// Length and checksum.
const BLOCK_FRONT: usize = 8;

/// A checkpoint file to read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    /// Its length.
    pub(crate) bytes: u64,
}

/// Cuts a stream into blocks.
pub(crate) struct BlockWriter {
    file: File,
    /// Front and payload of the block that is being filled.
    block: Vec<u8>,
    /// Where that block begins.
    offset: u64,
    sync_bytes: u64,
    unsynced: u64,
}

/// Puts the blocks together again, checked.
pub(crate) struct BlockReader {
    source: Source,
    payload: Vec<u8>,
    /// What of the payload was taken.
    taken: usize,
    /// Where the payload begins.
    payload_offset: u64,
    /// Where the next block begins.
    next_offset: u64,
}

impl BlockWriter {
    /// Continues `file`, of which `offset` bytes are written; it is synced after each `sync_bytes`.
    pub(crate) fn new(file: File, offset: u64, sync_bytes: u64) -> Self {
        let mut block = Vec::with_capacity(BLOCK_FRONT + BLOCK_BYTES);
        block.resize(BLOCK_FRONT, 0);
        Self { file, block, offset, sync_bytes, unsynced: offset }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK_FRONT + BLOCK_BYTES - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK_FRONT + BLOCK_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    /// Writes what is left and syncs the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.block.len() > BLOCK_FRONT {
            self.end_block()?;
        }
        self.file.sync_all()
    }

    fn end_block(&mut self) -> io::Result<()> {
        let (front, payload) = self.block.split_at_mut(BLOCK_FRONT);
        front[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        front[4..].copy_from_slice(&checksum(self.offset, payload).to_le_bytes());
        self.file.write_all(&self.block)?;
        self.offset += self.block.len() as u64;
        self.unsynced += self.block.len() as u64;
        self.block.truncate(BLOCK_FRONT);
        if self.unsynced >= self.sync_bytes {
            self.unsynced = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl BlockReader {
    /// The blocks of `source` from `offset` on, where its file stands.
    pub(crate) fn new(source: Source, offset: u64) -> Self {
        Self { source, payload: Vec::new(), taken: 0, payload_offset: offset, next_offset: offset }
    }

    /// The next `count` bytes of the stream.
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        // A count that was read from disk reserves no more than one block; the rest must be there to grow.
        let mut bytes = Vec::with_capacity(count.min(BLOCK_BYTES));
        while bytes.len() < count {
            if self.taken == self.payload.len() && !self.next_block()? {
                return Err(self.source.corrupt(self.next_offset, "it ends within the records"));
            }
            let end = self.payload.len().min(self.taken + count - bytes.len());
            bytes.extend_from_slice(&self.payload[self.taken..end]);
            self.taken = end;
        }
        Ok(bytes)
    }

    /// The next number of the stream.
    pub(crate) fn take_u32(&mut self) -> Result<u32, Error> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four were asked for")))
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.taken < self.payload.len() || self.next_offset < self.source.bytes {
            return Err(self.corrupt("it goes on after the last record"));
        }
        Ok(())
    }

    /// The error that the stream is wrong where it is now.
    pub(crate) fn corrupt(&self, what: &'static str) -> Error {
        self.source.corrupt(self.payload_offset + self.taken as u64, what)
    }

    /// Reads and checks a block; false at the end of the file.
    fn next_block(&mut self) -> Result<bool, Error> {
        let offset = self.next_offset;
        if offset == self.source.bytes {
            return Ok(false);
        }
        let front = self.source.read(offset, BLOCK_FRONT)?;
        let (length, expected) = (le_u32(&front[..4]), le_u32(&front[4..]));
        let length = length as usize;
        if !(1..=BLOCK_BYTES).contains(&length) {
            return Err(self.source.corrupt(offset, "no block is of this length"));
        }
        let payload_offset = offset + BLOCK_FRONT as u64;
        let payload = self.source.read(payload_offset, length)?;
        if checksum(offset, &payload) != expected {
            return Err(self.source.corrupt(offset, "a block does not match its checksum"));
        }
        (self.payload, self.taken, self.payload_offset) = (payload, 0, payload_offset);
        self.next_offset = payload_offset + length as u64;
        Ok(true)
    }
}

impl Source {
    /// The next `count` bytes, which begin at `offset`; `count` is small and known to this program.
    pub(crate) fn read(&mut self, offset: u64, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; count];
        match self.file.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.corrupt(offset, "it ends too soon"))
            }
            Err(source) => Err(Error::Io { action: "read checkpoint", path: self.path.clone(), source }),
        }
    }

    pub(crate) fn corrupt(&self, offset: u64, what: &'static str) -> Error {
        Error::Corrupt { path: self.path.clone(), offset, what }
    }
}

fn checksum(offset: u64, payload: &[u8]) -> u32 {
    let place = crc32c::crc32c(&offset.to_le_bytes());
    let place = crc32c::crc32c_append(place, &(payload.len() as u32).to_le_bytes());
    crc32c::crc32c_append(place, payload)
}

/// The number in `bytes`, of which there are four.
pub(crate) fn le_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes were cut out"))
}
