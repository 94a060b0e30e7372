//! Files that earlier versions wrote are opened for ever. Folders are only added here, never written again.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_storage::Engine;
use quorate_storage::testing::{SPACES, Script};
use quorate_storage_memory::{MemoryEngine, Options};
use std::path::{Path, PathBuf};

/// The script that every golden folder was written from, and how much of it.
const SEED: u64 = 2026;
const BATCHES: u64 = 40;
/// What they weigh (law S5).
const SIZE: u64 = 22_902;

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

fn write(dir: &Path) {
    let engine = MemoryEngine::open(dir, SPACES, Options::default()).unwrap();
    let mut script = Script::new(SEED);
    (0..BATCHES).for_each(|_| engine.write(script.next_batch()).unwrap());
    drop(engine.persist().unwrap());
}

#[test]
fn version_1_opens() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden("v1")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let view = MemoryEngine::open(dir.path(), SPACES, Options::default()).unwrap().view();
    assert_eq!(Script::check_prefix(SEED, &*view).unwrap(), BATCHES);
    assert_eq!(view.size(), SIZE);
}

/// The same state makes the same bytes: a change of the format without a new version breaks this.
/// `QUORATE_NEW_GOLDEN=v2 cargo test -p quorate-storage-memory --test golden` makes the next folder.
#[test]
fn version_1_is_what_is_written_today() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let name = "checkpoint-0000000000000001";
    let today = std::fs::read(dir.path().join(name)).unwrap();
    if let Some(version) = std::env::var_os("QUORATE_NEW_GOLDEN") {
        let folder = golden(version.to_str().unwrap());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(name), &today).unwrap();
    }
    assert!(today == std::fs::read(golden("v1").join(name)).unwrap());
}
