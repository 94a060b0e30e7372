//! A whole state to a file and back.

use crate::format::{self, BlockReader, BlockWriter, HEADER_BODY_BYTES_MAX, HEADER_FRONT, Source};
use crate::state::{Records, State};
use bytes::Bytes;
use quorate_storage::{Error, RECORD_OVERHEAD, Space, SpaceSet, Unusable};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What the header says.
struct Header {
    size: u64,
    spaces: Vec<Section>,
}

/// One space, as the file has it.
struct Section {
    name: String,
    is_counted: bool,
    count: u64,
}

/// Writes `state` to a new file at `path` and syncs it. Cost: one pass over the records, one block of memory.
pub(crate) fn write(path: &Path, state: &State, sync_bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let header = encode_header(state);
    file.write_all(&header)?;
    let mut blocks = BlockWriter::new(file, header.len() as u64, sync_bytes);
    for (key, value) in state.records.iter().flatten() {
        blocks.write(&length(key)?.to_le_bytes())?;
        blocks.write(&length(value)?.to_le_bytes())?;
        blocks.write(key)?;
        blocks.write(value)?;
    }
    blocks.finish()
}

fn encode_header(state: &State) -> Vec<u8> {
    let spaces = state.spaces.as_slice();
    let mut body = state.size.to_le_bytes().to_vec();
    body.extend((spaces.len() as u16).to_le_bytes());
    for (space, records) in spaces.iter().zip(&state.records) {
        let name = space.name();
        body.push(u8::try_from(name.len()).expect("the name of a space has at most 255 bytes"));
        body.extend(name.as_bytes());
        body.push(u8::from(space.is_counted()));
        body.extend((records.len() as u64).to_le_bytes());
    }
    let mut header = format::MAGIC.to_vec();
    header.extend(format::VERSION.to_le_bytes());
    header.extend((body.len() as u32).to_le_bytes());
    header.extend(body);
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    header
}

fn length(bytes: &Bytes) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))
}

/// The state in `source`, a file in the engine's folder `dir`.
pub(crate) fn read(mut source: Source, dir: &Path, spaces: SpaceSet) -> Result<State, Error> {
    let (header, offset) = read_header(&mut source, dir)?;
    let targets =
        match_spaces(&header, spaces).map_err(|why| Error::Unusable { path: dir.to_owned(), why })?;
    let mut state = State::empty(spaces);
    let mut size_on_disk = 0;
    let mut blocks = BlockReader::new(source, offset);
    for (section, space) in header.spaces.iter().zip(targets) {
        let loaded = read_records(&mut blocks, section.count)?;
        size_on_disk += if section.is_counted { loaded.weight } else { 0 };
        state.size += if space.is_counted() { loaded.weight } else { 0 };
        state.records[space.ordinal()] = loaded.records;
    }
    blocks.finish()?;
    if size_on_disk != header.size {
        return Err(blocks.corrupt("the records do not add up to the size in the header"));
    }
    Ok(state)
}

/// The header, checked, and where the blocks begin.
fn read_header(source: &mut Source, dir: &Path) -> Result<(Header, u64), Error> {
    let mut bytes = source.read(0, HEADER_FRONT)?;
    if bytes[..8] != format::MAGIC {
        return Err(source.corrupt(0, "this is not a checkpoint"));
    }
    let (found, known) = (format::le_u32(&bytes[8..12]), format::VERSION);
    if found > known {
        return Err(Error::Unusable { path: dir.to_owned(), why: Unusable::Newer { found, known } });
    }
    if found == 0 {
        return Err(source.corrupt(8, "there is no format version 0"));
    }
    let length = format::le_u32(&bytes[12..16]) as usize;
    if length > HEADER_BODY_BYTES_MAX {
        return Err(source.corrupt(12, "no header is that long"));
    }
    bytes.extend(source.read(HEADER_FRONT as u64, length)?);
    let end = bytes.len() as u64;
    if crc32c::crc32c(&bytes) != format::le_u32(&source.read(end, 4)?) {
        return Err(source.corrupt(0, "the header does not match its checksum"));
    }
    let header = decode_header(&bytes[HEADER_FRONT..])
        .ok_or_else(|| source.corrupt(HEADER_FRONT as u64, "the header is not laid out as one"))?;
    Ok((header, end + 4))
}

/// The body of a header; `None` if it is not exactly one.
fn decode_header(mut body: &[u8]) -> Option<Header> {
    let size = u64::from_le_bytes(*body.split_off(..8)?.as_array()?);
    let count = u16::from_le_bytes(*body.split_off(..2)?.as_array()?);
    let spaces = (0..count).map(|_| decode_section(&mut body)).collect::<Option<Vec<_>>>()?;
    body.is_empty().then_some(Header { size, spaces })
}

fn decode_section(body: &mut &[u8]) -> Option<Section> {
    let length = usize::from(*body.split_off_first()?);
    let name = std::str::from_utf8(body.split_off(..length)?).ok()?.to_owned();
    let is_counted = match body.split_off_first()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let count = u64::from_le_bytes(*body.split_off(..8)?.as_array()?);
    Some(Section { name, is_counted, count })
}

/// The space of each section, in their order.
fn match_spaces(header: &Header, spaces: SpaceSet) -> Result<Vec<Space>, Unusable> {
    let find = |section: &Section| {
        let known = spaces.as_slice().iter().find(|space| space.name() == section.name);
        known.copied().ok_or_else(|| Unusable::UnknownSpace { name: section.name.clone() })
    };
    header.spaces.iter().map(find).collect()
}

/// The records of one space, and what they weigh if they are counted.
struct Loaded {
    records: Records,
    weight: u64,
}

fn read_records(blocks: &mut BlockReader, count: u64) -> Result<Loaded, Error> {
    let mut loaded = Loaded { records: Records::new(), weight: 0 };
    let mut newest: Option<Bytes> = None;
    for _ in 0..count {
        let (key_bytes, value_bytes) = (blocks.take_u32()? as usize, blocks.take_u32()? as usize);
        let key = Bytes::from(blocks.take(key_bytes)?);
        let value = Bytes::from(blocks.take(value_bytes)?);
        if newest.is_some_and(|newest| newest >= key) {
            return Err(blocks.corrupt("the keys do not ascend"));
        }
        newest = Some(key.clone());
        loaded.weight += key.len() as u64 + value.len() as u64 + RECORD_OVERHEAD;
        loaded.records.insert(key, value);
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests;
