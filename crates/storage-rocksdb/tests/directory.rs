//! What is in the folder, who may open it, and what a process that was killed leaves there.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_storage::testing::{SPACES, Script};
use quorate_storage::{Batch, Cached, Engine, Error, Space, SpaceSet, Unusable};
use quorate_storage_rocksdb::{Options, RocksEngine};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const KEY: Space = SPACES.as_slice()[0];

fn open(dir: &Path) -> Result<RocksEngine, Error> {
    RocksEngine::open(dir, SPACES, Options::default())
}

fn why_not(outcome: Result<RocksEngine, Error>) -> Unusable {
    match outcome.map(|_| ()).unwrap_err() {
        Error::Unusable { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// Memtables that are full after a few hundred batches, so that RocksDB flushes in the middle of the script.
fn with_small_memtables() -> Options {
    Options { memtable_bytes: 256 << 10, ..Options::default() }
}

#[test]
fn dropping_the_engine_flushes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    let mut script = Script::new(1);
    (0..10).for_each(|_| engine.write(script.next_batch()).unwrap());
    drop(engine);
    assert_eq!(Script::check_prefix(1, &*open(dir.path()).unwrap().view()).unwrap(), 0);
}

#[test]
fn what_rocksdb_flushed_by_itself_is_a_prefix_of_whole_batches() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::new(2);
    let engine = RocksEngine::open(dir.path(), SPACES, with_small_memtables()).unwrap();
    (0..3_000).for_each(|_| engine.write(script.next_batch()).unwrap());
    drop(engine);
    let kept = Script::check_prefix(2, &*open(dir.path()).unwrap().view()).unwrap();
    assert!((1..3_000).contains(&kept), "{kept} batches are there");
}

#[test]
fn a_record_on_disk_is_unknown_to_the_cache_until_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    let mut batch = Batch::default();
    batch.insert(KEY, "a", "1");
    engine.write(batch).unwrap();
    assert_eq!(engine.view().get_cached(KEY, b"a").unwrap(), Cached::Known(Some("1".into())));
    drop(engine.persist().unwrap());
    drop(engine);
    let view = open(dir.path()).unwrap().view();
    assert_eq!(view.get_cached(KEY, b"a").unwrap(), Cached::Unknown);
    assert_eq!(view.get(KEY, b"a").unwrap(), Some("1".into()));
    assert_eq!(view.get_cached(KEY, b"a").unwrap(), Cached::Known(Some("1".into())));
}

#[test]
fn a_space_that_is_counted_otherwise_is_refused() {
    const ALL_COUNTED: SpaceSet = SpaceSet::new(&[
        Space::new(0, "key"),
        Space::new(1, "meta"),
        Space::new(2, "lease"),
        Space::new(3, "quorate"),
    ]);
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let outcome = RocksEngine::open(dir.path(), ALL_COUNTED, Options::default());
    assert_eq!(why_not(outcome), Unusable::Counting { name: "quorate" });
    drop(open(dir.path()).unwrap());
}

#[test]
fn rocksdb_writes_no_log_files() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    let mut script = Script::new(3);
    engine.write(script.next_batch()).unwrap();
    drop(engine.persist().unwrap());
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with("LOG")));
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    let mut batch = Batch::default();
    (0..9_000u32).for_each(|n| batch.insert(KEY, n.to_be_bytes().to_vec(), "value"));
    engine.write(batch).unwrap();
    drop(engine.persist().unwrap());
    drop(engine);
    let tables = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let largest = tables
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&largest, bytes).unwrap();
    let view = open(dir.path()).unwrap().view();
    let Err(Error::Backend { source, .. }) = view.get(KEY, &[0; 4]) else { panic!("it went unnoticed") };
    assert!(source.to_string().contains(largest.file_name().unwrap().to_str().unwrap()), "{source}");
}

const KILLED: &str = "QUORATE_TEST_KILLED_IN";
const SEED: u64 = 11;

/// Not a test by itself: what the process of the tests below does until it is killed.
#[test]
fn write_until_killed() {
    let Some(dir) = std::env::var_os(KILLED) else { return };
    let engine = RocksEngine::open(Path::new(&dir), SPACES, with_small_memtables()).unwrap();
    let mut script = Script::new(SEED);
    (0..Script::check_prefix(SEED, &*engine.view()).unwrap()).for_each(|_| drop(script.next_batch()));
    loop {
        engine.write(script.next_batch()).unwrap();
        if script.written().is_multiple_of(50) {
            drop(engine.persist().unwrap());
            println!("persisted {}", script.written());
        }
    }
}

#[test]
fn a_killed_process_leaves_a_prefix_with_all_that_was_persisted() {
    let dir = tempfile::tempdir().unwrap();
    for lines in [1, 4, 9] {
        let mut child = this_program("write_until_killed", KILLED, dir.path());
        // The pipe stays open until the process is killed: it must not end by itself.
        let mut reports = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut persisted =
            reports.by_ref().filter_map(|line| line.rsplit_once("persisted ")?.1.parse::<u64>().ok());
        let newest = persisted.nth(lines).expect("the child writes until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = Script::check_prefix(SEED, &*open(dir.path()).unwrap().view()).unwrap();
        assert!(kept >= newest, "S3: batch {newest} was persisted, {kept} is the newest there");
    }
}

/// Another process that runs one test of this file on `dir`.
fn this_program(test: &str, variable: &str, dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(variable, dir);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn another_process_keeps_the_directory_locked() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = this_program("hold_until_killed", HELD, dir.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("held")));
    assert_eq!(why_not(open(dir.path())), Unusable::Locked);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(open(dir.path()).unwrap());
}

const HELD: &str = "QUORATE_TEST_HELD_IN";

/// Not a test by itself: what the process of the test above does until it is killed.
#[test]
fn hold_until_killed() {
    let Some(dir) = std::env::var_os(HELD) else { return };
    let _engine = open(Path::new(&dir)).unwrap();
    println!("held");
    // Nothing comes, and the end of the input ends this process too.
    let _ = std::io::stdin().lines().next();
}
