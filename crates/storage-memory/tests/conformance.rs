//! The laws S1 to S7, with and without a directory.

use quorate_storage::testing::{conformance, conformance_volatile};
use quorate_storage_memory::{MemoryEngine, Options};
use std::sync::Arc;

#[test]
fn keeps_every_law() {
    conformance(|dir, spaces| Ok(Arc::new(MemoryEngine::open(dir, spaces, Options::default())?)));
}

#[test]
fn keeps_every_law_while_syncing_after_every_block() {
    conformance(|dir, spaces| Ok(Arc::new(MemoryEngine::open(dir, spaces, Options { sync_bytes: 1 })?)));
}

#[test]
fn keeps_the_laws_without_a_directory() {
    conformance_volatile(|spaces| Arc::new(MemoryEngine::volatile(spaces)));
}
