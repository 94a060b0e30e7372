//! Directories that earlier versions wrote are opened for ever. They are only added here, never written again.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_storage::Engine;
use quorate_storage::testing::{Model, SPACES, Script};
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
        let (path, name) = (entry.path(), entry.file_name());
        let is_wanted = name != "LOCK" && name != "folder.lock" && path.extension() != Some("log".as_ref());
        if path.is_dir() {
            std::fs::create_dir(to.join(&name)).unwrap();
            copy(&path, &to.join(&name));
        } else if is_wanted {
            std::fs::copy(path, to.join(name)).unwrap();
        }
    }
}

fn open(dir: &Path) -> RocksEngine {
    RocksEngine::open(dir, SPACES, Options::default()).unwrap()
}

/// How `golden/v1` and `golden/v1-replaced` were made: `QUORATE_NEW_GOLDEN=v2 cargo test -p quorate-storage-rocksdb --test golden`
/// makes the next ones.
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
    keep(engine, dir.path(), version.to_str().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    replace(&engine, script.model());
    // What is left of the first database goes.
    drop(engine.persist().unwrap());
    keep(engine, dir.path(), &format!("{}-replaced", version.to_str().unwrap()));
}

fn keep(engine: RocksEngine, dir: &Path, version: &str) {
    drop(engine);
    std::fs::create_dir_all(golden(version)).unwrap();
    copy(dir, &golden(version));
}

/// A state received from elsewhere.
fn replace(engine: &RocksEngine, state: &Model) {
    let mut replacement = engine.begin_replacement().unwrap();
    for &space in SPACES.as_slice() {
        state.records(space).iter().for_each(|(key, value)| replacement.add(space, key, value).unwrap());
    }
    replacement.finish().unwrap().swap().unwrap();
}

const VERSION_1: [&str; 2] = ["v1", "v1-replaced"];

#[test]
fn version_1_opens() {
    for version in VERSION_1 {
        let dir = tempfile::tempdir().unwrap();
        copy(&golden(version), dir.path());
        let view = open(dir.path()).view();
        assert_eq!(Script::check_prefix(SEED, &*view).unwrap(), BATCHES, "{version}");
        assert_eq!(view.size(), SIZE, "{version}");
    }
}

#[test]
fn version_1_goes_on() {
    for version in VERSION_1 {
        let dir = tempfile::tempdir().unwrap();
        copy(&golden(version), dir.path());
        let mut script = Script::new(SEED);
        (0..BATCHES).for_each(|_| drop(script.next_batch()));
        let engine = open(dir.path());
        (0..BATCHES).for_each(|_| engine.write(script.next_batch()).unwrap());
        drop(engine.persist().unwrap());
        drop(engine);
        assert_eq!(Script::check_prefix(SEED, &*open(dir.path()).view()).unwrap(), 2 * BATCHES, "{version}");
    }
}

#[test]
fn version_1_can_be_replaced() {
    for version in VERSION_1 {
        let dir = tempfile::tempdir().unwrap();
        copy(&golden(version), dir.path());
        let mut script = Script::new(SEED);
        (0..3 * BATCHES).for_each(|_| drop(script.next_batch()));
        replace(&open(dir.path()), script.model());
        assert_eq!(Script::check_prefix(SEED, &*open(dir.path()).view()).unwrap(), 3 * BATCHES, "{version}");
    }
}
