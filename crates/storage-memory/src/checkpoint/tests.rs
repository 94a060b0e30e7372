//! Whatever is on disk, `read` answers; it never panics and never takes memory for bytes that are not there.

use super::*;
use quorate_storage::testing::{Model, SPACES, Script, Seed};
use quorate_storage::{Engine, View};
use std::path::PathBuf;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("checkpoint")
    }

    fn read(&self, bytes: &[u8]) -> Result<State, Error> {
        std::fs::write(self.path(), bytes).unwrap();
        let source =
            Source { file: File::open(self.path()).unwrap(), path: self.path(), bytes: bytes.len() as u64 };
        read(source, self.0.path(), SPACES)
    }

    fn written(&self, state: &State) -> Vec<u8> {
        write(&self.path(), state, 1 << 20).unwrap();
        std::fs::read(self.path()).unwrap()
    }
}

/// Records in every space, one of them in three blocks.
fn state() -> State {
    let mut script = Script::new(3);
    let mut state = State::empty(SPACES);
    (0..200).for_each(|_| state = state.after(script.next_batch()));
    let mut batch = quorate_storage::Batch::default();
    batch.insert(SPACES.as_slice()[2], "big", vec![1; 2 * format::BLOCK_BYTES]);
    state.after(batch)
}

fn shows_the_same(left: &State, right: &State) -> bool {
    let model = |state: &State| Model::of(state, SPACES).unwrap();
    model(left).difference(&model(right)).is_empty() && left.size() == right.size()
}

#[test]
fn what_is_read_is_what_was_written() {
    let folder = Folder::new();
    for state in [State::empty(SPACES), state()] {
        let bytes = folder.written(&state);
        assert!(shows_the_same(&folder.read(&bytes).unwrap(), &state));
    }
}

#[test]
fn records_may_end_anywhere_in_a_block() {
    let folder = Folder::new();
    for length in (format::BLOCK_BYTES - 40)..(format::BLOCK_BYTES + 3) {
        let mut batch = quorate_storage::Batch::default();
        batch.insert(SPACES.as_slice()[0], "a", vec![7; length]);
        batch.insert(SPACES.as_slice()[0], "b", "next");
        let state = State::empty(SPACES).after(batch);
        let bytes = folder.written(&state);
        assert!(shows_the_same(&folder.read(&bytes).unwrap(), &state), "{length}");
    }
}

#[test]
fn every_changed_bit_is_noticed() {
    let folder = Folder::new();
    let bytes = folder.written(&state());
    let mut chance = Seed::new(5);
    let places = (0..100).chain((0..300).map(|_| 0)).enumerate();
    for (round, place) in places {
        let place = if round < 100 { place } else { chance.below(bytes.len()) };
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << chance.below(8);
        match folder.read(&damaged) {
            Err(Error::Corrupt { offset, path, .. }) => {
                assert!(offset <= place as u64 && path == folder.path(), "{place}: {offset}");
            }
            // The version is read before the checksum that covers it.
            Err(Error::Unusable { why: Unusable::Newer { .. }, .. }) => assert!((8..12).contains(&place)),
            other => panic!("byte {place}: {:?}", other.map(|state| state.size)),
        }
    }
}

#[test]
fn every_shorter_or_longer_file_is_noticed() {
    let folder = Folder::new();
    let bytes = folder.written(&state());
    let mut chance = Seed::new(6);
    let lengths = (0..200).chain((0..200).map(|_| chance.below(bytes.len()))).chain([bytes.len() - 1]);
    for length in lengths {
        assert!(matches!(folder.read(&bytes[..length]), Err(Error::Corrupt { .. })), "{length}");
    }
    for more in [vec![0], vec![0; 8], vec![1, 0, 0, 0, 0, 0, 0, 0, 0]] {
        let longer = [&bytes[..], &more].concat();
        assert!(matches!(folder.read(&longer), Err(Error::Corrupt { .. })), "{more:?}");
    }
}

/// A file whose header is right and whose one block holds `payload`, with a right checksum.
fn file_with(folder: &Folder, size: u64, count: u64, payload: &[u8]) -> Vec<u8> {
    let mut body = size.to_le_bytes().to_vec();
    body.extend([1, 0, 3]);
    body.extend(b"key");
    body.push(1);
    body.extend(count.to_le_bytes());
    let mut bytes =
        [&format::MAGIC[..], &1u32.to_le_bytes(), &(body.len() as u32).to_le_bytes(), &body].concat();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    std::fs::write(folder.path(), &bytes).unwrap();
    let file = File::options().append(true).open(folder.path()).unwrap();
    let mut blocks = BlockWriter::new(file, bytes.len() as u64, 1);
    blocks.write(payload).unwrap();
    blocks.finish().unwrap();
    std::fs::read(folder.path()).unwrap()
}

fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&(key.len() as u32).to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), key, value].concat()
}

/// Checksums do not protect from a writer that was wrong, or from somebody who can compute them.
#[test]
fn a_wrong_writer_is_caught() {
    let folder = Folder::new();
    let check = |size, count, payload: &[u8], expected: Option<&str>| {
        let bytes = file_with(&folder, size, count, payload);
        match (folder.read(&bytes), expected) {
            (Ok(_), None) => {}
            (Err(Error::Corrupt { what, .. }), Some(expected)) => assert_eq!(what, expected),
            (other, _) => panic!("{expected:?}: {:?}", other.map(|state| state.size)),
        }
    };
    let (a, b) = (record(b"a", b"1"), record(b"b", b""));
    let both = [&a[..], &b].concat();
    check(130 + 129, 2, &both, None);
    check(130 + 128, 2, &both, Some("the records do not add up to the size in the header"));
    check(130, 1, &both, Some("it goes on after the last record"));
    check(130 + 129, 3, &both, Some("it ends within the records"));
    check(130 + 129, u64::MAX, &both, Some("it ends within the records"));
    check(130 + 129, 2, &[&b[..], &a].concat(), Some("the keys do not ascend"));
    check(260, 2, &[&a[..], &a].concat(), Some("the keys do not ascend"));
    let huge = [&u32::MAX.to_le_bytes()[..], &u32::MAX.to_le_bytes(), b"short"].concat();
    check(0, 1, &huge, Some("it ends within the records"));
}

#[test]
fn random_bytes_are_refused() {
    let folder = Folder::new();
    let mut chance = Seed::new(7);
    for _ in 0..200 {
        let length = chance.below(300);
        let mut bytes = chance.bytes(length);
        assert!(folder.read(&bytes).is_err());
        let front = bytes.len().min(8);
        bytes[..front].copy_from_slice(&format::MAGIC[..front]);
        assert!(folder.read(&bytes).is_err());
    }
}

#[test]
fn a_newer_version_is_named() {
    let folder = Folder::new();
    let state = state();
    let mut bytes = folder.written(&state);
    bytes[8] = 2;
    let newer = folder.read(&bytes).map(|_| ()).unwrap_err();
    let Error::Unusable { why, .. } = newer else { panic!("{newer}") };
    assert_eq!(why.to_string(), "its format is version 2, the newest this program knows is 1");
}

#[test]
fn a_volatile_engine_writes_no_file() {
    let engine = crate::MemoryEngine::volatile(SPACES);
    assert_eq!(engine.persist().unwrap().size(), 0);
}
