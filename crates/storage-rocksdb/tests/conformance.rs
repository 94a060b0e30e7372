//! The laws S1 to S7, with room in memory and without.

use quorate_storage::testing::conformance;
use quorate_storage_rocksdb::{Options, RocksEngine};
use std::sync::Arc;

#[test]
fn keeps_every_law() {
    conformance(|dir, spaces| Ok(Arc::new(RocksEngine::open(dir, spaces, Options::default())?)));
}

/// RocksDB flushes by itself all the time, and next to nothing stays in its cache.
#[test]
fn keeps_every_law_in_little_memory() {
    let options = Options { cache_bytes: 16 << 10, memtable_bytes: 128 << 10, background_jobs: 2 };
    conformance(|dir, spaces| Ok(Arc::new(RocksEngine::open(dir, spaces, options.clone())?)));
}
