//! Random histories with crashes and restarts, against a model that only remembers what it asked for.

use crate::live::{Live, entry, mark, small};
use bytes::Bytes;
use quorate_tasks::testing::Seed;
use quorate_wal::testing::{Fault, Operation, SimDisk};
use quorate_wal::{Entry, Mark, Options};
use std::io::ErrorKind;

/// A log as the owner thinks of it. Payloads differ for every write, so that nothing old can pass for new.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    entries: Vec<Entry>,
    purged: Option<Mark>,
    vote: Option<Bytes>,
    committed: Option<Mark>,
}

impl Model {
    fn next(&self) -> u64 {
        let purged = self.purged.as_ref().map_or(0, |mark| mark.index + 1);
        self.entries.last().map_or(purged, |entry| entry.index + 1)
    }

    fn of(live: &Live) -> Self {
        let entries = live.log.read(0..u64::MAX, usize::MAX).unwrap();
        assert_eq!(live.log.first(), entries.first().map(|entry| entry.index));
        assert_eq!(live.log.last(), entries.last().map(|entry| entry.index));
        let (purged, vote) = (live.log.purged(), live.log.vote());
        Self { entries, purged, vote, committed: live.log.committed() }
    }

    /// The same, but for the committed mark, which may be older than asked for.
    fn is_like(&self, other: &Self) -> bool {
        let Self { entries, purged, vote, committed: _ } = self;
        *entries == other.entries && *purged == other.purged && *vote == other.vote
    }
}

struct History {
    seed: Seed,
    disk: SimDisk,
    options: Options,
    /// The model after each request, oldest first; `[0]` is the least that must be there.
    moments: Vec<Model>,
    writes: u64,
}

impl History {
    fn new(number: u64) -> Self {
        let mut seed = Seed::new(number);
        let options = Options {
            segment_bytes: 600 + seed.below(3000) as u64,
            zero_bytes: seed.below(2000) as u64,
            batch_bytes_max: 100 + seed.below(1500),
            tail_bytes_max: seed.below(400),
            ..small()
        };
        let disk = SimDisk::new(number);
        Self { seed, disk, options, moments: vec![Model::default()], writes: 0 }
    }

    fn payload(&mut self) -> Bytes {
        self.writes += 1;
        let size = if self.seed.below(20) == 0 { self.seed.below(3000) } else { self.seed.below(90) };
        let mut bytes = self.writes.to_le_bytes().to_vec();
        bytes.resize(8 + size, self.writes as u8);
        bytes.into()
    }

    /// Asks for one random change, of the log and of the model.
    fn ask(&mut self, live: &Live) {
        let mut model = self.moments.last().unwrap().clone();
        let position = self.moments.len() as u64;
        match self.seed.below(12) {
            0..6 => {
                let first = model.next();
                let count = 1 + self.seed.below(4) as u64;
                let entries: Vec<_> =
                    (first..first + count).map(|index| Entry { index, payload: self.payload() }).collect();
                live.log.append(entries.clone(), live.done(position + count - 1)).unwrap();
                for entry in entries {
                    model.entries.push(entry);
                    self.moments.push(model.clone()); // a batch may end within an append
                }
                return;
            }
            6 | 7 => {
                let last = model.next().saturating_sub(1 + self.seed.below(6) as u64);
                // Raft never takes back what is committed.
                let committed = model.committed.as_ref().map(|mark| mark.index);
                let last = (self.seed.below(5) > 0).then_some(last).max(committed);
                live.log.truncate_after(last).unwrap();
                model.entries.retain(|entry| last.is_some_and(|last| entry.index <= last));
            }
            8 => {
                let end = model.next() + self.seed.below(3) as u64;
                let index = end.saturating_sub(self.seed.below(12) as u64);
                live.log.purge(mark(index)).unwrap();
                if model.purged.as_ref().is_none_or(|purged| purged.index < index) {
                    model.entries.retain(|entry| entry.index > index);
                    model.purged = Some(mark(index));
                }
            }
            9 => {
                let vote = self.payload();
                live.log.save_vote(vote.clone(), live.done(position)).unwrap();
                model.vote = Some(vote);
            }
            _ => {
                let Some(last) = model.entries.len().checked_sub(1) else { return };
                let entry = &model.entries[last - self.seed.below(3).min(last)];
                if model.committed.as_ref().is_some_and(|mark| mark.index >= entry.index) {
                    return;
                }
                // The mark names the very entry, as a log id does.
                let committed = Mark { index: entry.index, payload: entry.payload.slice(..8) };
                live.log.save_committed(committed.clone()).unwrap();
                model.committed = Some(committed);
                assert_eq!(live.log.committed(), model.committed);
                *self.moments.last_mut().unwrap() = model;
                return;
            }
        }
        self.moments.push(model);
    }

    /// All that was told `Ok` is the least that must be there from now on.
    fn settle(&mut self, live: &Live) {
        let newest = live.told().into_iter().filter(|(_, outcome)| outcome.is_ok()).map(|(id, _)| id).max();
        if let Some(newest) = newest {
            self.moments.drain(..newest as usize);
        }
    }

    /// Runs the log for a while; it may fail. Ends with the writer gone.
    fn live(&mut self, mut live: Live) {
        for _ in 0..self.seed.below(6) {
            for _ in 0..1 + self.seed.below(6) {
                self.ask(&live);
            }
            assert!(
                Model::of(&live).is_like(self.moments.last().unwrap()),
                "the handle shows what was asked"
            );
            if self.seed.below(8) == 0 {
                return; // what was asked for in this round never reaches the writer
            }
            if live.turn().is_err() {
                // Told `Ok` before the failure counts; an id names a moment of this round.
                return self.settle(&live);
            }
            self.settle(&live);
            // All of a turn is synced, changes that nobody waits for included.
            let last = self.moments.pop().unwrap();
            self.moments = vec![last];
            assert!(Model::of(&live).is_like(&self.moments[0]));
        }
        if self.seed.below(4) == 0 {
            live.finish().ok(); // a fault may wait for it
        }
    }

    fn inject(&mut self) {
        let operations =
            [Operation::Write, Operation::Sync, Operation::Create, Operation::Remove, Operation::SyncNames];
        let operation = operations[self.seed.below(operations.len())];
        let after = self.seed.below(8) as u64;
        self.disk.inject(Fault { operation, after, kind: ErrorKind::StorageFull });
    }

    /// Opens the log after whatever happened, and takes what it shows for the truth from now on.
    fn reopen(&mut self) -> Option<Live> {
        let live = match Live::try_open(&self.disk, &self.options) {
            Ok(live) => live,
            // The injected fault; the next try comes after the next crash.
            Err(quorate_wal::Error::Io { .. }) => return None,
            Err(error) => panic!("refused: {error}"),
        };
        let found = Model::of(&live);
        let like = self.moments.iter().rposition(|moment| moment.is_like(&found));
        assert!(like.is_some(), "found {found:#?}\nnone of {:#?}", self.moments);
        if let Some(committed) = &found.committed {
            assert!(committed.index < found.next(), "W9: not ahead");
            let named = found.entries.iter().find(|entry| entry.index == committed.index);
            assert!(named.is_none_or(|entry| entry.payload[..8] == committed.payload), "W9: the very entry");
        }
        self.moments = vec![found];
        Some(live)
    }
}

fn run(number: u64) {
    let mut history = History::new(number);
    for _ in 0..6 {
        if history.seed.below(3) == 0 {
            history.inject();
        }
        if let Some(live) = history.reopen() {
            history.live(live);
        }
        // Else only the process restarts, and finds what the page cache has.
        if history.seed.below(4) > 0 {
            history.disk.crash();
        }
    }
    history.disk.crash();
    history.reopen().expect("no fault survives a crash");
}

#[test]
fn whatever_happens_what_was_acknowledged_is_there() {
    for number in 0..6000 {
        let outcome = std::panic::catch_unwind(|| run(number));
        assert!(outcome.is_ok(), "replay: seed {number}");
    }
}

#[test]
fn every_prefix_of_a_history_can_be_opened() {
    let disk = SimDisk::new(3);
    let mut live = Live::open(&disk, &small());
    for index in 0..60 {
        live.append(index, 1, 40);
        live.turn().unwrap();
        assert_eq!(Live::open(&disk.copy(index), &small()).indexes(40), (0..=index).collect::<Vec<_>>());
    }
    assert_eq!(live.log.read(59..60, 1).unwrap(), [entry(59, 40)]);
}

#[test]
fn a_sync_that_failed_earlier_is_made_good_before_its_batch_is_believed() {
    for seed in 0..50 {
        let disk = SimDisk::new(seed);
        let mut live = Live::open(&disk, &small());
        disk.inject(Fault { operation: Operation::Sync, after: 0, kind: ErrorKind::Other });
        live.append(0, 2, 40);
        assert!(live.turn().is_err());
        drop(live);
        // The page cache shows the batch; the disk does not have it, and a sync would not bring it there.
        disk.clear_faults();
        let seen = Live::open(&disk, &small()).indexes(40);
        disk.crash();
        assert_eq!(Live::open(&disk, &small()).indexes(40), seen);
        assert_eq!(seen, [0, 1]);
    }
}
