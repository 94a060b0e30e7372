//! What is cut, and what is refused.

use crate::live::{Live, mark, name, small};
use quorate_wal::testing::SimDisk;
use quorate_wal::{Error, Options, Torn};

const SIZE: usize = 40;

/// One segment, whose batches hold one entry each. Also where each batch ends.
fn one_segment(entries: u64) -> (SimDisk, Options, Vec<u64>) {
    let (disk, options) = (SimDisk::new(1), Options { segment_bytes: 1 << 16, ..small() });
    let mut live = Live::open(&disk, &options);
    let mut ends = vec![live.log.usage().disk_bytes];
    for index in 0..entries {
        live.append(index, 1, SIZE);
        live.turn().unwrap();
        ends.push(live.log.usage().disk_bytes);
    }
    (disk, options, ends)
}

/// Many segments of a few entries each.
fn many_segments() -> (SimDisk, Options) {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    for index in 0..100 {
        live.append(index, 1, SIZE);
        live.turn().unwrap();
    }
    (disk, small())
}

fn refusal(disk: &SimDisk, options: &Options) -> String {
    let error = Live::try_open(disk, options).err().expect("must be refused");
    let path = match &error {
        Error::Corrupt { file, offset, .. } => format!("corrupt {} {offset}", file.display()),
        Error::Missing { file } => format!("missing {}", file.display()),
        Error::Version { file, found, .. } => format!("format {found} {}", file.display()),
        other => panic!("{other}"),
    };
    path.replace(".wal", "").replace("sim/00000000000000", "")
}

#[test]
fn a_last_batch_cut_at_any_byte_is_a_torn_tail() {
    let (disk, options, ends) = one_segment(4);
    let (start, end) = (ends[3] as usize, ends[4] as usize);
    for cut in start..end {
        let disk = disk.copy(cut as u64);
        disk.tamper(&name(1), |bytes| bytes[cut..].fill(0));
        let live = Live::open(&disk, &options);
        assert_eq!(live.indexes(SIZE), [0, 1, 2], "cut at {cut}");
        assert!(live.recovery.torn.is_some() == (cut > start), "cut at {cut}");
        drop(live);
        disk.crash();
        let again = Live::open(&disk, &options);
        assert_eq!((again.indexes(SIZE), again.recovery.torn), (vec![0, 1, 2], None), "cut durably");
    }
}

#[test]
fn a_file_that_ends_at_any_byte_of_its_last_batch_continues() {
    let (disk, options, ends) = one_segment(4);
    for length in ends[3]..=ends[4] {
        let disk = disk.copy(length);
        disk.tamper(&name(1), |bytes| bytes.truncate(length as usize));
        let mut live = Live::open(&disk, &options);
        let next = live.log.last().unwrap() + 1;
        assert_eq!(next, if length == ends[4] { 4 } else { 3 });
        live.append(next, 2, SIZE);
        live.turn().unwrap();
        drop(live);
        disk.crash();
        assert_eq!(Live::open(&disk, &options).indexes(SIZE), (0..next + 2).collect::<Vec<_>>());
    }
}

#[test]
fn a_flipped_bit_in_the_last_batch_cuts_it() {
    let (disk, options, ends) = one_segment(4);
    for at in ends[3]..ends[4] {
        let disk = disk.copy(at);
        disk.tamper(&name(1), |bytes| bytes[at as usize] ^= 1 << (at % 8));
        let live = Live::open(&disk, &options);
        assert_eq!(live.indexes(SIZE), [0, 1, 2], "flipped at {at}");
        let torn = Torn { file: "sim".into(), offset: ends[3], bytes: 0 };
        let found = live.recovery.torn.clone().expect("reported");
        assert_eq!(Torn { file: "sim".into(), bytes: 0, ..found }, torn);
    }
}

#[test]
fn a_flipped_bit_in_an_earlier_batch_is_refused_by_file_and_offset() {
    let (disk, options, ends) = one_segment(4);
    for at in ends[0]..ends[3] {
        let disk = disk.copy(at);
        disk.tamper(&name(1), |bytes| bytes[at as usize] ^= 1 << (at % 8));
        let before = disk.bytes(&name(1));
        let start = ends.iter().rfind(|end| **end <= at).unwrap();
        assert_eq!(refusal(&disk, &options), format!("corrupt 01 {start}"));
        assert_eq!(disk.bytes(&name(1)), before, "a refusal changes nothing");
    }
}

#[test]
fn a_flipped_bit_in_a_header_is_refused() {
    let (disk, options, _) = one_segment(2);
    for at in 0..512 {
        let disk = disk.copy(at);
        disk.tamper(&name(1), |bytes| bytes[at as usize] ^= 1 << (at % 8));
        assert_eq!(refusal(&disk, &options), "corrupt 01 0", "flipped at {at}");
    }
}

#[test]
fn damage_in_a_middle_segment_is_refused() {
    let (disk, options) = many_segments();
    let damages: [fn(&mut Vec<u8>); 3] =
        [|bytes| bytes[530] ^= 1, |bytes| bytes[512..].fill(0), |bytes| bytes.truncate(513)];
    for damage in damages {
        let disk = disk.copy(1);
        disk.tamper(&name(3), damage);
        assert_eq!(refusal(&disk, &options), "corrupt 03 512");
    }
    let disk = disk.copy(1);
    disk.tamper(&name(3), Vec::clear);
    assert_eq!(refusal(&disk, &options), "corrupt 03 0");
}

#[test]
fn a_missing_segment_is_refused() {
    let (disk, options) = many_segments();
    disk.forget(&name(3));
    assert_eq!(refusal(&disk, &options), "missing 03");
    for segment in [1, 2] {
        disk.forget(&name(segment));
    }
    assert_eq!(refusal(&disk, &options), "corrupt 04 0", "its header knows of entries before it");
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (disk, options, _) = one_segment(2);
    disk.tamper(&name(1), |bytes| {
        bytes[8] = 2;
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..512]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    });
    assert_eq!(refusal(&disk, &options), "format 2 01");
}

#[test]
fn bytes_of_a_recycled_or_foreign_segment_never_count() {
    let (disk, options, ends) = one_segment(2);
    let (other, ..) = one_segment(9); // the same log in every way, but for its nonce
    let foreign = SimDisk::new(1);
    let mut live = Live::open(&foreign, &Options { nonce: 8, ..options.clone() });
    (0..9).for_each(|index| {
        live.append(index, 1, SIZE);
        live.turn().unwrap();
    });
    let end = ends[2] as usize;
    let tail = foreign.bytes(&name(1)).unwrap()[end..].to_vec();
    disk.tamper(&name(1), |bytes| bytes.splice(end.., tail).for_each(drop));
    assert_eq!(Live::open(&disk, &options).indexes(SIZE), [0, 1]);
    disk.tamper(&name(2), |bytes| *bytes = other.bytes(&name(1)).unwrap());
    assert_eq!(refusal(&disk, &options), "corrupt 02 32", "it calls itself segment 1");
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let (disk, options) = many_segments();
    let foreign = SimDisk::new(1);
    let mut live = Live::open(&foreign, &Options { nonce: 8, ..small() });
    (0..100).for_each(|index| live.append(index, 1, SIZE));
    live.turn().unwrap();
    disk.tamper(&name(2), |bytes| *bytes = foreign.bytes(&name(2)).unwrap());
    assert!(refusal(&disk, &options).starts_with("corrupt 0"));
}

#[test]
fn a_segment_that_was_never_born_is_replaced() {
    let (disk, options) = many_segments();
    let last = (1..).find(|segment| disk.bytes(&name(segment + 1)).is_none()).unwrap();
    let next = Live::open(&disk, &options).log.last().unwrap() + 1;
    for remains in [vec![], vec![0; 100], vec![0; 4096], b"QUORATEW\x01".to_vec()] {
        let disk = disk.copy(1);
        disk.tamper(&name(last + 1), |bytes| *bytes = remains);
        let mut live = Live::open(&disk, &options);
        assert!(live.recovery.unborn.is_some());
        live.append(next, 30, SIZE);
        live.turn().unwrap();
        assert_eq!(Live::open(&disk, &options).indexes(SIZE), (0..next + 30).collect::<Vec<_>>());
    }
}

#[test]
fn an_empty_log_survives_any_cut_of_its_first_header() {
    let disk = SimDisk::new(1);
    Live::open(&disk, &small());
    for length in 0..=disk.bytes(&name(1)).unwrap().len() {
        let disk = disk.copy(1);
        disk.tamper(&name(1), |bytes| bytes.truncate(length));
        let mut live = Live::open(&disk, &small());
        live.append(0, 1, SIZE);
        live.turn().unwrap();
        assert_eq!(Live::open(&disk, &small()).indexes(SIZE), [0]);
    }
}

#[test]
fn an_old_entry_that_rotted_is_refused_when_it_is_read() {
    let (disk, options, ends) = one_segment(4);
    let live = Live::open(&disk, &Options { tail_bytes_max: 0, ..options });
    disk.tamper(&name(1), |bytes| bytes[ends[2] as usize + 60] ^= 4);
    assert_eq!(live.log.read(0..2, 1000).unwrap().len(), 2);
    let error = live.log.read(0..4, 1000).unwrap_err();
    let offset = ends[2] + 32;
    let Error::Corrupt { offset: found, .. } = error else { panic!("{error}") };
    assert_eq!(found, offset);
}

#[test]
fn random_bytes_are_never_a_panic() {
    for number in 0..2000 {
        let mut seed = quorate_tasks::testing::Seed::new(number);
        let (disk, options) =
            if number % 2 == 0 { many_segments_small() } else { (SimDisk::new(1), small()) };
        for _ in 0..1 + seed.below(4) {
            let segment = 1 + seed.below(4) as u64;
            disk.tamper(&name(segment), |bytes| {
                bytes.resize(bytes.len().max(seed.below(2000)), 0);
                let start = seed.below(bytes.len() + 1);
                let count = seed.below(bytes.len() - start + 1).min(seed.below(64));
                bytes[start..start + count].iter_mut().for_each(|byte| *byte = seed.next_u64() as u8);
            });
        }
        if let Ok(live) = Live::try_open(&disk, &options) {
            live.log.save_committed(mark(0)).unwrap();
            live.log.read(0..u64::MAX, usize::MAX).ok();
        }
    }
}

fn many_segments_small() -> (SimDisk, Options) {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &Options { segment_bytes: 700, ..small() });
    (0..8).for_each(|index| live.append(index, 1, SIZE));
    live.turn().unwrap();
    (disk, small())
}

#[test]
fn damage_before_a_segment_that_was_begun_is_no_torn_tail() {
    let (disk, options, ends) = one_segment(4);
    disk.tamper(&name(1), |bytes| bytes[ends[3] as usize + 40] ^= 1);
    disk.tamper(&name(2), |bytes| bytes.resize(512, 0));
    assert_eq!(refusal(&disk, &options), format!("corrupt 01 {}", ends[3]));
    assert!(disk.bytes(&name(2)).is_some(), "a refusal changes nothing");
}
