//! What many keys cost: `cargo run --release -p quorate-mvcc --example million -- 1000000 100000`
//!
//! The arguments: how many keys, and how many writes lie between the pinned revision and the newest.

use bytes::Bytes;
use quorate_mvcc::{Overlay, Put, Query, Snapshot, Store, Tier};
use quorate_storage::{Batch, Engine, Space, SpaceSet, View};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{KeyRange, LeaseId, Revision};
use std::time::Instant;

const KEY: Space = Space::new(0, "key");
const META: Space = Space::new(1, "meta");
const BATCH: usize = 1000;
const VALUE_BYTES: usize = 1024;
const PAGE: usize = 500;
const PAGES: usize = 200;
const GETS: usize = 100_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let keys = arguments.next().transpose()?.unwrap_or(20_000);
    let writes = arguments.next().transpose()?.unwrap_or(100_000);
    let engine = MemoryEngine::volatile(SpaceSet::new(&[KEY, META]));
    let mut store = Store::open(KEY, META, engine.view().as_ref())?;

    println!(
        "{keys} keys of 64 bytes, {writes} writes since the pinned revision, values of {VALUE_BYTES} bytes"
    );
    let took = timed(|| put(&mut store, &engine, 0..keys))?;
    println!("put each once:            {:8.2} us a key", took.as_secs_f64() * 1e6 / keys as f64);
    reload("restart, one version each", &engine, &mut store)?;

    let pinned = store.revision();
    // A prime stride: writes fall all over the key space.
    put(&mut store, &engine, (0..writes).map(|write| write * 7919 % keys))?;
    read("newest", &store.snapshot(), engine.view().as_ref(), None, keys)?;
    read("pinned", &store.snapshot(), engine.view().as_ref(), Some(pinned), keys)?;
    reload("restart, with the history", &engine, &mut store)?;

    let took = timed(|| compact(&mut store, &engine))?;
    println!("compact and prune all:    {:8.2} s", took.as_secs_f64());
    Ok(())
}

fn put(store: &mut Store, engine: &MemoryEngine, numbers: impl Iterator<Item = usize>) -> Outcome<()> {
    let value = Bytes::from(vec![b'v'; VALUE_BYTES]);
    let mut overlay = Overlay::new(engine.view());
    for (count, number) in numbers.enumerate() {
        let mut writing = store.begin(&mut overlay);
        writing.put(&Put { key: key(number), value: Some(value.clone()), lease: Some(LeaseId::NONE) })?;
        let _ = writing.end();
        if count % BATCH == BATCH - 1 {
            engine.write(std::mem::replace(&mut overlay, Overlay::new(engine.view())).into_batch())?;
            overlay = Overlay::new(engine.view());
        }
    }
    engine.write(overlay.into_batch())?;
    Ok(())
}

/// 64 bytes, most of them shared with the neighbours, as in a tree of resources.
fn key(number: usize) -> Bytes {
    Bytes::from(format!("/registry/configmaps/namespace-{:06}/object-with-a-name-{number:07}", number / 1000))
}

/// Opens the store anew; the memory that this adds is the index.
fn reload(what: &str, engine: &MemoryEngine, store: &mut Store) -> Outcome<()> {
    let before = resident_bytes()?;
    let began = now();
    let opened = Store::open(KEY, META, engine.view().as_ref())?;
    let took = began.elapsed();
    let index = resident_bytes()?.saturating_sub(before) >> 20;
    println!("{what}:{:8.2} s, index about {index} MiB", took.as_secs_f64());
    *store = opened;
    Ok(())
}

fn read(
    what: &str,
    snapshot: &Snapshot,
    view: &dyn View,
    revision: Option<Revision>,
    keys: usize,
) -> Outcome<()> {
    let all =
        Query { revision, count_only: true, ..Query::newest(KeyRange::From(Bytes::from_static(b"\0"))) };
    let mut count = 0;
    let took = timed(|| {
        count = snapshot.range(view, &all, Tier::Disk)?.count;
        Ok(())
    })?;
    println!("{what}: count all {count}: {:8.3} ms", took.as_secs_f64() * 1e3);
    let took = timed(|| gets(snapshot, view, revision, keys))?;
    println!("{what}: get one key:      {:8.1} ns", took.as_secs_f64() * 1e9 / GETS as f64);
    for tier in [Tier::Disk, Tier::Memory] {
        let took = timed(|| pages(snapshot, view, revision, keys, tier))?;
        let page = took.as_secs_f64() * 1e6 / PAGES as f64;
        println!("{what}: page of {PAGE}, its count of all that follow, {tier:?}: {page:8.1} us");
    }
    Ok(())
}

/// Reads of one key, all over the key space.
fn gets(snapshot: &Snapshot, view: &dyn View, revision: Option<Revision>, keys: usize) -> Outcome<()> {
    for get in 0..GETS {
        let query = Query { revision, ..Query::newest(KeyRange::Single(key(get * 7919 % keys))) };
        snapshot.range(view, &query, Tier::Memory)?;
    }
    Ok(())
}

/// Pages that begin all over the key space and run to its end, as those of a list of everything do.
fn pages(
    snapshot: &Snapshot,
    view: &dyn View,
    revision: Option<Revision>,
    keys: usize,
    tier: Tier,
) -> Outcome<()> {
    for page in 0..PAGES {
        let range = KeyRange::From(key(page * keys / PAGES));
        let query = Query { revision, limit: Some(PAGE), ..Query::newest(range) };
        snapshot.range(view, &query, tier)?;
    }
    Ok(())
}

fn compact(store: &mut Store, engine: &MemoryEngine) -> Outcome<()> {
    let mut overlay = Overlay::new(engine.view());
    store.compact(store.revision(), &mut overlay)?;
    engine.write(overlay.into_batch())?;
    while store.is_pruning() {
        let mut batch = Batch::default();
        store.prune(BATCH, &mut batch);
        engine.write(batch)?;
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<std::time::Duration> {
    let began = now();
    work()?;
    Ok(began.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

/// What of this process is in memory. Linux only: the second number of `statm`, in pages of 4 KiB.
fn resident_bytes() -> Outcome<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).ok_or("/proc/self/statm has no second number")?;
    Ok(pages.parse::<u64>()? * 4096)
}
