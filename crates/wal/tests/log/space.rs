//! Truncation, purge, and which files go.

use crate::live::{Live, mark, name, small};
use quorate_wal::Options;
use quorate_wal::testing::{Fault, Operation, SimDisk};
use std::io::ErrorKind;

/// A log of 100 entries in many segments.
fn long() -> (SimDisk, Live) {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    for index in 0..100 {
        live.append(index, 1, 40);
        live.turn().unwrap();
    }
    (disk, live)
}

fn segments(disk: &SimDisk) -> Vec<u64> {
    (1..50).filter(|segment| disk.bytes(&name(*segment)).is_some()).collect()
}

#[test]
fn a_purge_beyond_the_end_leaves_an_empty_log_after_it() {
    let (disk, mut live) = long();
    live.log.purge(mark(500)).unwrap();
    assert_eq!((live.log.first(), live.log.last(), live.log.purged()), (None, None, Some(mark(500))));
    live.append(501, 2, 40);
    live.turn().unwrap();
    assert_eq!(segments(&disk).len(), 1, "nothing before it is needed");
    disk.crash();
    let live = Live::open(&disk, &small());
    assert_eq!((live.indexes(40), live.log.purged()), (vec![501, 502], Some(mark(500))));
}

#[test]
fn segments_go_after_their_entries_and_keep_the_rest() {
    let (disk, mut live) = long();
    let before = segments(&disk).len();
    live.log.save_vote("me".into(), live.done(0)).unwrap();
    live.log.save_committed(mark(80)).unwrap();
    live.log.purge(mark(70)).unwrap();
    live.turn().unwrap();
    let after = segments(&disk);
    assert!(after.len() * 2 < before, "{after:?} of {before}");
    disk.crash();
    let live = Live::open(&disk, &small());
    assert_eq!(live.indexes(40), (71..100).collect::<Vec<_>>());
    assert_eq!((live.log.vote(), live.log.committed()), (Some("me".into()), Some(mark(80))));
}

#[test]
fn no_segment_goes_before_its_purge_is_durable() {
    let (disk, mut live) = long();
    let before = segments(&disk);
    live.log.purge(mark(70)).unwrap();
    assert_eq!(segments(&disk), before);
    disk.inject(Fault { operation: Operation::Sync, after: 0, kind: ErrorKind::Other });
    assert!(live.turn().is_err());
    assert_eq!((segments(&disk), disk.count(Operation::Remove)), (before, 0));
    disk.crash();
    assert_eq!(Live::open(&disk, &small()).log.last(), Some(99));
}

#[test]
fn a_crash_between_purge_and_unlink_is_made_good_on_open() {
    for after in 0..6 {
        for operation in [Operation::Remove, Operation::SyncNames] {
            let (disk, mut live) = long();
            live.log.purge(mark(70)).unwrap();
            disk.inject(Fault { operation, after, kind: ErrorKind::Other });
            let failed = live.turn().is_err();
            assert!(failed || after > 3, "several segments go");
            disk.crash();
            let live = Live::open(&disk, &small());
            assert_eq!(live.indexes(40), (71..100).collect::<Vec<_>>());
            let (left, (clean, mut other)) = (segments(&disk), long());
            other.log.purge(mark(70)).unwrap();
            other.turn().unwrap();
            assert_eq!(left, segments(&clean));
        }
    }
}

#[test]
fn a_purge_that_goes_back_changes_nothing() {
    let (disk, mut live) = long();
    live.log.purge(mark(50)).unwrap();
    live.log.purge(mark(20)).unwrap();
    live.turn().unwrap();
    assert_eq!((live.log.purged(), live.log.first()), (Some(mark(50)), Some(51)));
    assert_eq!(Live::open(&disk, &small()).log.purged(), Some(mark(50)));
}

#[test]
fn what_was_truncated_is_gone_and_its_place_taken() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    live.append(5, 10, 40);
    live.log.truncate_after(Some(9)).unwrap();
    live.append(10, 3, 40);
    live.log.truncate_after(Some(50)).unwrap();
    live.turn().unwrap();
    assert_eq!(live.indexes(40), (5..13).collect::<Vec<_>>());
    assert_eq!(Live::open(&disk, &small()).indexes(40), (5..13).collect::<Vec<_>>());
    live.log.truncate_after(None).unwrap();
    live.append(0, 1, 40); // never purged: it begins anew, wherever
    live.turn().unwrap();
    assert_eq!(Live::open(&disk, &small()).indexes(40), [0]);
}

#[test]
fn a_purged_log_continues_after_its_purge_whatever_is_truncated() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    live.append(0, 10, 40);
    live.log.purge(mark(4)).unwrap();
    live.log.truncate_after(None).unwrap();
    assert_eq!(live.log.last(), None);
    live.append(5, 1, 40);
    live.turn().unwrap();
    assert_eq!(Live::open(&disk, &small()).indexes(40), [5]);
}

#[test]
fn the_trigger_of_a_purge_can_be_counted_in_bytes() {
    let (_, live) = long();
    let (usage, one) = (live.log.usage(), live.log.bytes_after(98));
    assert_eq!((usage.entries, usage.tail_bytes), (100, 40));
    assert_eq!(live.log.bytes_after(99), 0);
    assert!((56..120).contains(&one), "an entry and its frames: {one}");
    assert!(live.log.bytes_after(0) > 99 * 56);
    assert!(live.log.bytes_after(0) <= usage.disk_bytes);
    let leaving = live.log.leaving(1000).unwrap();
    assert!(live.log.bytes_after(leaving) >= 1000);
    assert!(live.log.bytes_after(leaving + 1) < 1000);
    assert_eq!(live.log.leaving(usage.disk_bytes), None);
}

#[test]
fn an_entry_larger_than_a_segment_gets_one_of_its_own() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    for (index, size) in [(0, 10), (1, 9000), (2, 10)] {
        live.append(index, 1, size);
        live.turn().unwrap();
    }
    assert_eq!(segments(&disk), [1, 2, 3]);
    let live = Live::open(&disk, &Options { tail_bytes_max: 0, ..small() });
    let sizes: Vec<_> =
        live.log.read(0..3, usize::MAX).unwrap().iter().map(|entry| entry.payload.len()).collect();
    assert_eq!(sizes, [10, 9000, 10]);
}
