//! Directories that earlier versions wrote are opened for ever. They are only added here, never written again.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_storage::Engine;
use quorate_storage::testing::{SPACES, Script};
use quorate_storage_rocksdb::{Options, RocksEngine};
use std::path::{Path, PathBuf};

/// The script that every golden directory was written from, and how much of it.
const SEED: u64 = 2026;
const BATCHES: u64 = 40;
/// What they weigh (law S5); the memory engine says the same of its own.
const SIZE: u64 = 22_902;

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let is_wanted = entry.file_name() != "LOCK" && entry.path().extension() != Some("log".as_ref());
        if is_wanted {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn open(dir: &Path) -> RocksEngine {
    RocksEngine::open(dir, SPACES, Options::default()).unwrap()
}

/// How `golden/v1` was made: `QUORATE_NEW_GOLDEN=v2 cargo test -p quorate-storage-rocksdb --test golden`
/// makes the next one.
#[test]
fn make_a_golden_directory() {
    let Some(version) = std::env::var_os("QUORATE_NEW_GOLDEN") else { return };
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let mut script = Script::new(SEED);
    for _ in 0..BATCHES {
        engine.write(script.next_batch()).unwrap();
        if script.written() == BATCHES / 2 || script.written() == BATCHES {
            drop(engine.persist().unwrap());
        }
    }
    drop(engine);
    let to = golden(version.to_str().unwrap());
    std::fs::create_dir(&to).unwrap();
    copy(dir.path(), &to);
}

#[test]
fn version_1_opens() {
    let dir = tempfile::tempdir().unwrap();
    copy(&golden("v1"), dir.path());
    let view = open(dir.path()).view();
    assert_eq!(Script::check_prefix(SEED, &*view).unwrap(), BATCHES);
    assert_eq!(view.size(), SIZE);
}

#[test]
fn version_1_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    copy(&golden("v1"), dir.path());
    let mut script = Script::new(SEED);
    (0..BATCHES).for_each(|_| drop(script.next_batch()));
    let engine = open(dir.path());
    (0..BATCHES).for_each(|_| engine.write(script.next_batch()).unwrap());
    drop(engine.persist().unwrap());
    drop(engine);
    assert_eq!(Script::check_prefix(SEED, &*open(dir.path()).view()).unwrap(), 2 * BATCHES);
}
