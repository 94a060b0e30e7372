//! Files written by every release so far must open for ever. Files are added here, never changed.

use crate::live::{Live, entry, mark, name, small};
use quorate_wal::testing::SimDisk;
use quorate_wal::{Mark, Options};
use std::path::PathBuf;

fn folder(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

fn disk_of(version: &str) -> SimDisk {
    let disk = SimDisk::new(1);
    for file in std::fs::read_dir(folder(version)).unwrap() {
        let file = file.unwrap();
        let content = std::fs::read(file.path()).unwrap();
        disk.tamper(&file.file_name().into_string().unwrap(), |bytes| *bytes = content);
    }
    disk
}

/// Every kind of record, two segments, the older ones unlinked.
fn write_v1() -> SimDisk {
    let disk = SimDisk::new(1);
    let options = Options { segment_bytes: 1024, zero_bytes: 0, nonce: 0x0123_4567_89AB_CDEF, ..small() };
    let mut live = Live::open(&disk, &options);
    let log = live.log.clone();
    log.save_vote("vote 1".into(), live.done(0)).unwrap();
    live.append(0, 4, 40);
    live.turn().unwrap();
    log.truncate_after(None).unwrap();
    live.append(0, 12, 40);
    log.save_committed(mark(5)).unwrap();
    live.turn().unwrap();
    log.truncate_after(Some(9)).unwrap();
    log.save_vote("vote 2".into(), live.done(0)).unwrap();
    live.append(10, 3, 40);
    log.purge(mark(6)).unwrap();
    log.save_committed(mark(8)).unwrap();
    live.turn().unwrap();
    disk
}

#[test]
fn format_1_opens() {
    let live = Live::open(&disk_of("v1"), &small());
    assert_eq!(live.indexes(40), (7..13).collect::<Vec<_>>());
    assert_eq!(live.log.vote(), Some("vote 2".into()));
    assert_eq!(live.log.purged(), Some(mark(6)));
    assert_eq!(live.log.committed(), Some(mark(8)));
    assert_eq!(live.recovery.torn, None);
}

#[test]
fn format_1_is_still_what_is_written() {
    let (golden, written) = (disk_of("v1"), write_v1());
    for segment in 1..9 {
        let is_same = golden.bytes(&name(segment)) == written.bytes(&name(segment));
        assert!(
            is_same,
            "segment {segment} differs: a new format needs a new number and a new golden folder"
        );
    }
    assert!(golden.bytes(&name(1)).is_none(), "the oldest segments are unlinked");
}

/// The bytes as `src/format.rs` describes them, put together without its code.
#[test]
fn a_log_written_by_hand_opens() {
    let seal = |seed: u32, bytes: &[u8]| crc32c::crc32c_append(seed, bytes).to_le_bytes();
    let (nonce, segment) = (99u64.to_le_bytes(), 1u64.to_le_bytes());
    let log_seed = crc32c::crc32c(&nonce);
    let segment_seed = crc32c::crc32c_append(log_seed, &segment);
    let record = |kind: u32, index: u64, payload: &[u8]| {
        let mut covered = (kind << 28 | payload.len() as u32).to_le_bytes().to_vec();
        covered.extend(index.to_le_bytes());
        covered.extend(payload);
        let mut record = [&seal(log_seed, &covered)[..], &covered].concat();
        record.resize(record.len().next_multiple_of(8), 0);
        record
    };
    let mut header = [&b"QUORATEW"[..], &[1, 0, 0, 0], &[0; 4], &512u32.to_le_bytes(), &[0; 4]].concat();
    header.extend([nonce, segment, 1u64.to_le_bytes(), [0; 8], [0; 8]].concat());
    header.resize(512, 0);
    let sum = crc32c::crc32c(&[&header[..12], &header[16..]].concat());
    header[12..16].copy_from_slice(&sum.to_le_bytes());
    let records = [record(5, 0, b"ballot"), record(1, 3, &entry(3, 5).payload), record(6, 3, b"id")].concat();
    let mut batch = [&b"QWB\x01"[..], &(records.len() as u32).to_le_bytes()].concat();
    batch.extend([segment, 1u64.to_le_bytes()].concat());
    batch.extend(seal(segment_seed, &records));
    batch.extend(seal(segment_seed, &batch));
    let disk = SimDisk::new(1);
    disk.tamper(&name(1), |bytes| *bytes = [header, batch, records].concat());
    let live = Live::open(&disk, &small());
    assert_eq!((live.indexes(5), live.log.vote()), (vec![3], Some("ballot".into())));
    assert_eq!(live.log.committed(), Some(Mark { index: 3, payload: "id".into() }));
}

/// Run once for each new format, by hand: `QUORATE_WRITE_GOLDEN=v1 cargo test -p quorate-wal golden`.
#[test]
fn golden_files_are_written_only_on_request() {
    let Ok(version) = std::env::var("QUORATE_WRITE_GOLDEN") else { return };
    std::fs::create_dir_all(folder(&version)).unwrap();
    let disk = write_v1();
    for segment in 1..9 {
        if let Some(bytes) = disk.bytes(&name(segment)) {
            std::fs::write(folder(&version).join(name(segment)), bytes).unwrap();
        }
    }
}
