//! What the index costs, printed: `cargo test --release -p quorate-mvcc --lib the_index_under_load -- --nocapture`, with the
//! number of keys in `QUORATE_INDEX_KEYS` (1000000 for the figures in the decision record). Without it a small one runs,
//! so that it does not rot.

#![expect(clippy::disallowed_methods, reason = "measuring takes the wall clock")]

use super::Dice;
use crate::RecordKey;
use crate::index::{Index, Live, PruneCursor};
use bytes::Bytes;
use quorate_types::{KeyRange, LeaseId, Revision};
use std::hint::black_box;
use std::time::Instant;

const PREFIX: &[u8; 20] = b"/registry/pods/team/";
const KEY_LEN: usize = 64;
const BATCH: usize = 64;

struct Bench {
    index: Index,
    /// What readers hold, so that every batch begins with shared nodes.
    published: Index,
    newest: Revision,
    keys: usize,
    dice: Dice,
}

/// Key number `number` of `salt`: 64 bytes, 44 of them chance.
fn key(salt: u64, number: usize) -> Vec<u8> {
    let mut dice = Dice(salt << 40 | number as u64);
    let mut key = PREFIX.to_vec();
    key.resize_with(KEY_LEN, || b"0123456789abcdefghijklmnopqrstuvwxyz"[dice.roll(36)]);
    key
}

impl Bench {
    /// One of the keys made at first.
    fn any(&mut self) -> Vec<u8> {
        key(0, self.dice.roll(self.keys))
    }

    fn put(&mut self, key: &[u8]) {
        self.newest = self.newest.next();
        let at = RecordKey { main: self.newest, sub: 0 };
        let before = self.index.get(key);
        let created = before.map_or(self.newest, |before| before.created);
        let version = before.map_or(1, |before| before.version + 1);
        self.index.put(key, Live { at, created, version, lease: LeaseId::NONE });
    }

    fn delete(&mut self, key: &[u8]) {
        self.newest = self.newest.next();
        self.index.delete(key, RecordKey { main: self.newest, sub: 0 });
    }

    /// `rounds` of `act`, a clone published after every `batch`. Prints the median over the batches, which a busy machine
    /// disturbs little, and the mean. Making the key is part of it.
    fn time(&mut self, what: &str, rounds: usize, batch: usize, mut act: impl FnMut(&mut Self, usize)) {
        let mut batches = Vec::new();
        for first in (0..rounds).step_by(batch) {
            let begun = Instant::now();
            let last = rounds.min(first + batch);
            (first..last).for_each(|round| act(self, round));
            self.published = self.index.clone();
            batches.push(begun.elapsed().as_secs_f64() * 1e6 / (last - first) as f64);
        }
        batches.sort_by(f64::total_cmp);
        let mean = batches.iter().sum::<f64>() / batches.len() as f64;
        println!("{what:58} {:9.2} us, mean {mean:.2}", batches[batches.len() / 2]);
    }

    fn reads(&mut self, when: &str, at: Option<Revision>) {
        let all = KeyRange::From(Bytes::from_static(b"\0"));
        let prefix = KeyRange::HalfOpen {
            start: Bytes::from_static(PREFIX),
            end: Bytes::from_static(b"/registry/pods/team0"),
        };
        self.time(&format!("count of everything, {when}"), 1000, 1, |bench, _| {
            _ = black_box(bench.index.count(&all, at));
        });
        self.time(&format!("count of the prefix, {when}"), 1000, 1, |bench, _| {
            _ = black_box(bench.index.count(&prefix, at));
        });
        self.time(&format!("count from a random key to another, {when}"), 1000, 1, |bench, _| {
            let [start, end] = [0; 2].map(|_| Bytes::from(key(9, bench.dice.roll(1 << 30))));
            black_box(bench.index.count(&KeyRange::HalfOpen { start, end }, at));
        });
        self.time(&format!("page of 500 from a random key, {when}"), 1000, 1, |bench, _| {
            let range = KeyRange::From(key(9, bench.dice.roll(1 << 30)).into());
            black_box(bench.index.range(&range, at).take(500).map(|row| row.at.main.0).sum::<i64>());
        });
    }

    fn memory(&self, what: &str, before: usize) {
        let resident = resident().saturating_sub(before);
        let weight = self.index.weight();
        let parts = [weight.keys, weight.entries, weight.pasts, weight.turns, weight.nodes];
        let each = |bytes: usize| bytes / self.index.len().max(1);
        println!(
            "{what}: resident {} MB, {} bytes a key; asked for: {}",
            resident >> 20,
            each(resident),
            each(parts.iter().sum())
        );
        println!(
            "    keys, entries, pasts, turns, nodes a key: {:?}, keys a leaf {}",
            parts.map(each),
            self.index.len() / weight.leaves
        );
    }
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

#[test]
fn the_index_under_load() {
    let keys = std::env::var("QUORATE_INDEX_KEYS").map_or(2000, |keys| keys.parse().unwrap());
    let writes = keys / 10;
    let before = resident();
    let mut bench = Bench {
        index: Index::default(),
        published: Index::default(),
        newest: Revision::FIRST,
        keys,
        dice: Dice(7),
    };
    println!("{keys} keys of {KEY_LEN} bytes, {writes} writes between the pinned revision and the newest");
    bench.time("make a key", writes, BATCH, |_, round| _ = black_box(key(0, round)));
    bench.time("create a key, batches of 64", keys, BATCH, |bench, round| bench.put(&key(0, round)));
    bench.memory("all born since the floor", before);
    bench.time("get", writes, BATCH, |bench, _| {
        _ = black_box(bench.index.get(&key(0, bench.dice.roll(bench.keys))));
    });
    bench.reads("newest", None);

    let (mut cursor, mut gone) = (PruneCursor::default(), Vec::new());
    let begun = Instant::now();
    while bench.index.prune(bench.newest, &mut cursor, 100, &mut gone) {
        bench.published = bench.index.clone();
    }
    println!("prune after births only: {:?}", begun.elapsed());
    bench.published = bench.index.clone();
    bench.memory("compacted", before);

    let pinned = bench.newest;
    bench.time("update, batches of 64", writes, BATCH, |bench, _| {
        let key = bench.any();
        bench.put(&key);
    });
    bench.reads("before the updates", Some(pinned));
    bench.time("update, batches of 1", writes, 1, |bench, _| {
        let key = bench.any();
        bench.put(&key);
    });
    let pinned = bench.newest;
    bench.time("create or delete, batches of 64", writes, BATCH, |bench, round| match round % 2 {
        0 => bench.put(&key(1, round)),
        _ => {
            let key = bench.any();
            bench.delete(&key);
        }
    });
    bench.reads("before creates and deletes", Some(pinned));
    bench.memory("with a past", before);
    assert_eq!(bench.index.count(&KeyRange::From(Bytes::new()), Some(pinned)), keys);

    let mut times = Vec::new();
    let begun = Instant::now();
    loop {
        let step = Instant::now();
        let goes_on = bench.index.prune(bench.newest, &mut cursor, 100, &mut gone);
        times.push(step.elapsed().as_secs_f64() * 1e6);
        bench.published = bench.index.clone();
        if !goes_on {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let (steps, records) = (times.len(), gone.len());
    println!("prune {records} records: {:?} in {steps} steps", begun.elapsed());
    println!("    a step of 100: median {:.0} us, 99 % {:.0} us", times[steps / 2], times[steps * 99 / 100]);
    drop(gone);
    bench.memory("compacted again", before);
    bench.index.check(bench.newest);
}
