//! What is in the folder, and what a process that was killed leaves there.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_storage::testing::{SPACES, Script, Uniform};
use quorate_storage::{Batch, Engine, Error, Successor};
use quorate_storage_memory::{MemoryEngine, Options};
use std::fs;
use std::io::BufRead;
use std::path::Path;
use std::process::{Command, Stdio};

fn open(dir: &Path) -> Result<MemoryEngine, Error> {
    MemoryEngine::open(dir, SPACES, Options::default())
}

fn names(dir: &Path) -> String {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.join(" ")
}

fn put(engine: &MemoryEngine, value: &'static str) {
    let mut batch = Batch::default();
    batch.put(SPACES.as_slice()[0], "key", value);
    engine.write(batch).unwrap();
}

fn value(engine: &MemoryEngine) -> Option<String> {
    let value = engine.view().get(SPACES.as_slice()[0], b"key").unwrap()?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn one_checkpoint_is_kept_and_an_unchanged_state_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    assert_eq!(names(dir.path()), "lock");
    for (value, expected) in
        [("1", "checkpoint-0000000000000001 lock"), ("2", "checkpoint-0000000000000002 lock")]
    {
        put(&engine, value);
        for _ in 0..2 {
            drop(engine.persist().unwrap());
            assert_eq!(names(dir.path()), expected);
        }
    }
    drop(engine);
    let engine = open(dir.path()).unwrap();
    drop(engine.persist().unwrap());
    assert_eq!(names(dir.path()), "checkpoint-0000000000000002 lock");
}

#[test]
fn leftovers_of_a_crash_are_removed_and_strange_files_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    put(&engine, "1");
    drop(engine.persist().unwrap());
    let first = fs::read(dir.path().join("checkpoint-0000000000000001")).unwrap();
    put(&engine, "2");
    drop(engine.persist().unwrap());
    drop(engine);
    // As if it died after naming the second checkpoint, and once more while writing the third.
    fs::write(dir.path().join("checkpoint-0000000000000001"), first).unwrap();
    fs::write(dir.path().join("checkpoint-0000000000000003.tmp"), "half").unwrap();
    fs::write(dir.path().join("checkpoint-3"), "not ours").unwrap();
    fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
    let engine = open(dir.path()).unwrap();
    assert_eq!(value(&engine).as_deref(), Some("2"));
    assert_eq!(names(dir.path()), "checkpoint-0000000000000002 checkpoint-3 lock notes.txt");
    put(&engine, "3");
    drop(engine.persist().unwrap());
    drop(engine);
    assert_eq!(value(&open(dir.path()).unwrap()).as_deref(), Some("3"));
}

/// A state in which `key` has this value, beside the engine's own.
fn received(engine: &MemoryEngine, value: &str) -> Successor {
    let mut replacement = engine.begin_replacement().unwrap();
    replacement.add(SPACES.as_slice()[0], b"key", value.as_bytes()).unwrap();
    replacement.finish().unwrap()
}

#[test]
fn a_received_state_is_a_file_that_becomes_the_newest_checkpoint_or_goes() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    put(&engine, "1");
    drop(engine.persist().unwrap());
    let (given_up, swapped_in) = (received(&engine, "2"), received(&engine, "3"));
    let (zero, one) = ("replacement-0000000000000000.tmp", "replacement-0000000000000001.tmp");
    assert_eq!(names(dir.path()), format!("checkpoint-0000000000000001 lock {zero} {one}"));
    drop(given_up);
    assert_eq!(names(dir.path()), format!("checkpoint-0000000000000001 lock {one}"));
    put(&engine, "4");
    drop(engine.persist().unwrap());
    assert_eq!(names(dir.path()), format!("checkpoint-0000000000000002 lock {one}"));
    swapped_in.swap().unwrap();
    let both = "checkpoint-0000000000000002 checkpoint-0000000000000003 lock";
    assert_eq!(names(dir.path()), both, "a swap does not wait for the end of a large file");
    drop(engine.persist().unwrap());
    assert_eq!(names(dir.path()), "checkpoint-0000000000000003 lock", "it is durable already");
    drop(engine);
    assert_eq!(value(&open(dir.path()).unwrap()).as_deref(), Some("3"));
}

#[test]
fn what_a_killed_process_had_received_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["replacement-0000000000000000.tmp", "replacement-00000000000000ff.tmp", "replacement-0.tmp"]
    {
        fs::write(dir.path().join(name), "half").unwrap();
    }
    let engine = open(dir.path()).unwrap();
    assert_eq!(names(dir.path()), "lock replacement-0.tmp");
    received(&engine, "1").swap().unwrap();
    assert_eq!(value(&engine).as_deref(), Some("1"));
}

#[test]
fn a_received_state_that_cannot_be_written_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    put(&engine, "1");
    fs::create_dir(dir.path().join("replacement-0000000000000000.tmp")).unwrap();
    let error = engine.begin_replacement().unwrap().finish().unwrap_err();
    assert!(matches!(error, Error::Io { action: "write received state", .. }), "{error}");
    put(&engine, "2");
    drop(engine.persist().unwrap());
    received(&engine, "3").swap().unwrap();
    assert_eq!(value(&engine).as_deref(), Some("3"));
}

/// An older checkpoint that is still there is a state that was superseded: starting from it would break S3.
#[test]
fn a_damaged_checkpoint_is_named_and_no_older_one_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    put(&engine, "1");
    drop(engine.persist().unwrap());
    drop(engine);
    let path = dir.path().join("checkpoint-0000000000000002");
    fs::write(&path, "quorckpt\x01\0\0\0").unwrap();
    let error = open(dir.path()).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, format!("{} is corrupt at offset 0: it ends too soon", path.display()));
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    put(&engine, "1");
    fs::create_dir(dir.path().join("checkpoint-0000000000000001.tmp")).unwrap();
    let error = engine.persist().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Io { action: "write checkpoint", .. }), "{error}");
}

const KILLED: &str = "QUORATE_TEST_KILLED_IN";
const SEED: u64 = 11;

/// Not a test by itself: what the process of the next test does until it is killed.
#[test]
fn write_until_killed() {
    let Some(dir) = std::env::var_os(KILLED) else { return };
    let engine = open(Path::new(&dir)).unwrap();
    let mut script = Script::new(SEED);
    (0..Script::check_prefix(SEED, &*engine.view()).unwrap()).for_each(|_| drop(script.next_batch()));
    loop {
        engine.write(script.next_batch()).unwrap();
        if script.written().is_multiple_of(7) {
            drop(engine.persist().unwrap());
            println!("persisted {}", script.written());
        }
    }
}

#[test]
fn a_killed_process_leaves_a_prefix_with_all_that_was_persisted() {
    let dir = tempfile::tempdir().unwrap();
    for lines in [1, 4, 9] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "write_until_killed", "--nocapture"])
            .env(KILLED, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        let reports = output.lines().map_while(Result::ok);
        let mut persisted = reports.filter_map(|line| line.rsplit_once("persisted ")?.1.parse::<u64>().ok());
        let newest = persisted.nth(lines).expect("the child writes until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = Script::check_prefix(SEED, &*open(dir.path()).unwrap().view()).unwrap();
        assert!(kept >= newest, "S3: batch {newest} was persisted, {kept} is the newest there");
    }
}

const REPLACED: &str = "QUORATE_TEST_REPLACED_IN";

/// Not a test by itself: what the process of the next test does until it is killed.
#[test]
fn replace_until_killed() {
    let Some(dir) = std::env::var_os(REPLACED) else { return };
    let engine = open(Path::new(&dir)).unwrap();
    let first = Uniform::number(&*engine.view()).unwrap().unwrap_or(0) + 1;
    for number in first.. {
        Uniform::received(&engine, number).unwrap().swap().unwrap();
        println!("swapped {number}");
        Uniform::go_on(&engine, number).unwrap();
        if number % 3 == 0 {
            drop(engine.persist().unwrap());
        }
    }
}

#[test]
fn a_killed_process_leaves_one_state_whole() {
    let dir = tempfile::tempdir().unwrap();
    for lines in [0, 1, 4, 9, 30] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "replace_until_killed", "--nocapture"])
            .env(REPLACED, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = std::io::BufReader::new(child.stdout.take().unwrap());
        let reports = output.lines().map_while(Result::ok);
        let mut swapped = reports.filter_map(|line| line.rsplit_once("swapped ")?.1.parse::<u64>().ok());
        let newest = swapped.nth(lines).expect("the child replaces until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        let engine = open(dir.path()).unwrap();
        let found = Uniform::number(&*engine.view()).unwrap();
        assert!(found >= Some(newest), "S7: {newest} was swapped in, {found:?} is there");
        assert_eq!(names(dir.path()).split(' ').count(), 2, "{}", names(dir.path()));
    }
}
