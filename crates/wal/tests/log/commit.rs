//! Group commit: who is told, when, and for how many syncs.

use crate::live::{Live, entry, mark, small};
use quorate_wal::testing::{Fault, Operation, SimDisk};
use quorate_wal::{Error, Options};
use std::io::ErrorKind;

#[test]
fn all_that_waits_costs_one_sync() {
    let disk = SimDisk::new(1);
    let mut live =
        Live::open(&disk, &Options { batch_bytes_max: 1 << 20, segment_bytes: 1 << 20, ..small() });
    let (syncs, writes) = (disk.count(Operation::Sync), disk.count(Operation::Write));
    (0..100).for_each(|index| live.append(index, 1, 10));
    live.log.save_vote("me".into(), live.done(100)).unwrap();
    live.turn().unwrap();
    assert_eq!(disk.count(Operation::Sync) - syncs, 1);
    assert_eq!(live.told().len(), 101);
    let zeros = 1; // the position came near the end of the zeros
    assert_eq!(disk.count(Operation::Write) - writes, 1 + zeros);
}

#[test]
fn the_newest_is_told_first() {
    let mut live = Live::open(&SimDisk::new(1), &small());
    (0..4).for_each(|index| live.append(index, 1, 10));
    live.turn().unwrap();
    let order: Vec<_> = live.told().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, [3, 2, 1, 0]);
}

#[test]
fn nobody_is_told_before_the_sync() {
    let live = Live::open(&SimDisk::new(1), &small());
    live.append(0, 1, 10);
    assert_eq!(live.log.last(), Some(0));
    assert_eq!(live.told(), []);
}

#[test]
fn a_large_append_is_told_once_after_its_last_batch() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    let syncs = disk.count(Operation::Sync);
    live.append(0, 20, 100);
    live.turn().unwrap();
    assert!(disk.count(Operation::Sync) - syncs > 4, "512 bytes a batch");
    assert_eq!(live.told(), [(0, Ok(()))]);
    assert_eq!(live.indexes(100), (0..20).collect::<Vec<_>>());
}

#[test]
fn an_append_of_nothing_is_told_without_a_sync() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    let syncs = disk.count(Operation::Sync);
    live.append(0, 0, 0);
    live.turn().unwrap();
    assert_eq!((live.told(), disk.count(Operation::Sync)), (vec![(0, Ok(()))], syncs));
}

#[test]
fn a_failed_sync_is_final() {
    for operation in [Operation::Write, Operation::Sync] {
        let disk = SimDisk::new(1);
        let mut live = Live::open(&disk, &small());
        live.append(0, 1, 10);
        live.turn().unwrap();
        disk.inject(Fault { operation, after: 0, kind: ErrorKind::StorageFull });
        (1..3).for_each(|index| live.append(index, 1, 10));
        assert!(live.turn().is_err());
        let told = live.told();
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|(id, outcome)| outcome.is_ok() == (*id == 0)), "{told:?}");
        let tries = disk.count(operation);
        assert!(matches!(live.log.append(vec![entry(3, 1)], live.done(3)), Err(Error::Failed(_))));
        assert!(matches!(live.log.read(0..9, 9), Err(Error::Failed(_))));
        assert!(matches!(live.log.save_committed(mark(0)), Err(Error::Failed(_))));
        assert_eq!((live.told(), disk.count(operation)), (vec![], tries), "nothing is retried");
    }
}

#[test]
fn what_waits_behind_a_failure_hears_of_it() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    disk.inject(Fault { operation: Operation::Sync, after: 1, kind: ErrorKind::Other });
    (0..20).for_each(|index| live.append(index, 1, 100));
    assert!(live.turn().is_err());
    let told = live.told();
    assert_eq!(told.len(), 20, "each exactly once");
    assert!(told.iter().all(|(id, outcome)| outcome.is_ok() == (*id < 4)), "{told:?}");
}

#[test]
fn a_dropped_writer_tells_everybody() {
    let live = Live::open(&SimDisk::new(1), &small());
    live.append(0, 1, 10);
    let Live { log, .. } = &live;
    let (log, told) = (log.clone(), live.told_handle());
    drop(live);
    assert_eq!(*told.lock().unwrap(), [(0, Err("the log is closed".into()))]);
    assert!(matches!(log.truncate_after(None), Err(Error::Closed)));
}

#[test]
fn a_full_inbox_refuses_and_changes_nothing() {
    let mut live = Live::open(&SimDisk::new(1), &Options { inbox_max: 1, ..small() });
    live.append(0, 1, 10);
    assert!(matches!(live.log.append(vec![entry(1, 1)], live.done(1)), Err(Error::Overloaded)));
    assert!(matches!(live.log.save_vote("v".into(), live.done(2)), Err(Error::Overloaded)));
    assert_eq!((live.log.last(), live.log.vote()), (Some(0), None));
    live.turn().unwrap();
    live.append(1, 1, 10);
    assert_eq!(live.told(), [(0, Ok(()))]);
}

#[test]
fn a_committed_mark_travels_with_the_batch_that_reaches_it() {
    let disk = SimDisk::new(1);
    let mut live = Live::open(&disk, &small());
    live.append(0, 2, 10);
    live.turn().unwrap();
    let syncs = disk.count(Operation::Sync);
    live.log.save_committed(mark(1)).unwrap();
    live.turn().unwrap();
    assert_eq!(disk.count(Operation::Sync), syncs, "nothing is queued");
    assert_eq!(Live::open(&disk.copy(1), &small()).log.committed(), None);
    live.append(2, 1, 10);
    live.turn().unwrap();
    assert_eq!(Live::open(&disk.copy(1), &small()).log.committed(), Some(mark(1)));
    live.log.save_committed(mark(9)).unwrap(); // a quorum has it; this node's entries are still on their way
    live.append(3, 1, 10);
    live.turn().unwrap();
    assert_eq!(Live::open(&disk.copy(1), &small()).log.committed(), Some(mark(1)));
    live.log.save_committed(mark(3)).unwrap();
    live.finish().unwrap();
    assert_eq!(Live::open(&disk, &small()).log.committed(), Some(mark(3)), "a clean stop brings it");
}

#[test]
#[should_panic(expected = "W3")]
fn a_gap_is_our_own_mistake() {
    let live = Live::open(&SimDisk::new(1), &small());
    live.append(0, 1, 1);
    live.append(2, 1, 1);
}
