//! Reading: from memory while it is there, from disk when it is not.

use crate::live::{Live, mark, small};
use quorate_wal::Options;
use quorate_wal::testing::SimDisk;

fn indexes(live: &Live, range: std::ops::Range<u64>, bytes_max: usize) -> Vec<u64> {
    live.log.read(range, bytes_max).unwrap().into_iter().map(|entry| entry.index).collect()
}

#[test]
fn entries_are_read_before_they_are_written() {
    let live = Live::open(&SimDisk::new(1), &Options { tail_bytes_max: 0, ..small() });
    live.append(0, 3, 40);
    assert_eq!(live.indexes(40), [0, 1, 2]);
    assert_eq!(live.log.usage().tail_bytes, 120, "what is not written stays, whatever the bound");
}

#[test]
fn old_entries_come_from_disk_and_new_ones_from_memory() {
    for tail_bytes_max in [0, 40, 400, 1 << 20] {
        let mut live = Live::open(&SimDisk::new(1), &Options { tail_bytes_max, ..small() });
        for first in (0..60).step_by(3) {
            live.append(first, 3, 40);
            live.turn().unwrap();
        }
        live.append(60, 2, 40);
        assert_eq!(live.indexes(40), (0..62).collect::<Vec<_>>());
        live.turn().unwrap();
        assert!(live.log.usage().tail_bytes <= tail_bytes_max);
        assert_eq!(live.indexes(40), (0..62).collect::<Vec<_>>());
    }
}

#[test]
fn a_read_stops_at_its_bound_but_yields_one() {
    for tail_bytes_max in [0, 100, 1 << 20] {
        let mut live = Live::open(&SimDisk::new(1), &Options { tail_bytes_max, ..small() });
        live.append(0, 9, 40);
        live.turn().unwrap();
        assert_eq!(indexes(&live, 2..9, 120), [2, 3, 4]);
        assert_eq!(indexes(&live, 2..9, 119), [2, 3]);
        assert_eq!(indexes(&live, 2..9, 0), [2]);
        assert_eq!(indexes(&live, 7..7, 100), []);
    }
}

#[test]
fn a_read_leaves_out_what_is_not_there() {
    let mut live = Live::open(&SimDisk::new(1), &small());
    assert_eq!(indexes(&live, 0..9, 1000), []);
    live.append(0, 9, 40);
    live.log.purge(mark(3)).unwrap();
    live.turn().unwrap();
    assert_eq!(indexes(&live, 0..6, 1000), [4, 5]);
    assert_eq!(indexes(&live, 8..90, 1000), [8]);
    assert_eq!(indexes(&live, 20..90, 1000), []);
    assert_eq!(indexes(&live, 0..2, 1000), []);
}

#[test]
fn a_replaced_entry_is_never_read_again() {
    let mut live = Live::open(&SimDisk::new(1), &Options { tail_bytes_max: 0, ..small() });
    let append = |live: &Live, index, text: &'static str| {
        let payload = bytes::Bytes::from_static(text.as_bytes());
        live.log.append(vec![quorate_wal::Entry { index, payload }], live.done(index)).unwrap();
    };
    append(&live, 0, "old");
    live.turn().unwrap();
    live.log.truncate_after(None).unwrap();
    append(&live, 0, "new");
    assert_eq!(live.log.read(0..1, 9).unwrap()[0].payload, "new");
    live.turn().unwrap();
    assert_eq!(live.log.read(0..1, 9).unwrap()[0].payload, "new");
}
