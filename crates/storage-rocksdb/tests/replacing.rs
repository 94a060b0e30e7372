//! Which databases are in the folder of an engine whose state was replaced, and what a process that was killed leaves there.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_storage::testing::{SPACES, Uniform};
use quorate_storage::{Engine, Error};
use quorate_storage_rocksdb::{Options, RocksEngine};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn open(dir: &Path) -> Result<RocksEngine, Error> {
    RocksEngine::open(dir, SPACES, Options::default())
}

fn number(engine: &RocksEngine) -> Option<u64> {
    Uniform::number(&*engine.view()).unwrap()
}

fn replace(engine: &RocksEngine, number: u64) {
    Uniform::received(engine, number).unwrap().swap().unwrap();
}

/// What is in the folder, RocksDB's own files as `database`, but for the lock.
fn names(dir: &Path) -> Vec<String> {
    let is_rocksdb = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_digit() || first.is_ascii_uppercase())
            && name != "CURRENT"
    };
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kind = |name: String| if is_rocksdb(&name) { "database".to_owned() } else { name };
    let mut names: Vec<_> = entries.map(kind).filter(|name| name != "folder.lock").collect();
    names.sort();
    names.dedup();
    names
}

const FIRST: &str = "state-0000000000000001";
const SECOND: &str = "state-0000000000000002";

#[test]
fn a_replaced_state_goes_once_nobody_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    Uniform::go_on(&engine, 5).unwrap();
    let old = engine.persist().unwrap();
    assert_eq!(names(dir.path()), ["CURRENT", "database"]);
    replace(&engine, 1);
    assert_eq!(fs::read_to_string(dir.path().join("newest")).unwrap(), format!("1 {FIRST}\n"));
    drop(engine.persist().unwrap());
    assert_eq!(names(dir.path()), ["CURRENT", "database", "newest", FIRST], "somebody reads the old one");
    assert_eq!(old.get(SPACES.as_slice()[1], b"later").unwrap(), Some(Uniform::value(5)));
    drop(old);
    assert_eq!(
        names(dir.path()),
        ["CURRENT", "database", "newest", FIRST],
        "who reads does not wait for its end"
    );
    drop(engine.persist().unwrap());
    assert_eq!(names(dir.path()), ["CURRENT", "newest", FIRST]);
    replace(&engine, 2);
    drop(engine.persist().unwrap());
    assert_eq!(names(dir.path()), ["CURRENT", "newest", SECOND]);
    drop(engine);
    let engine = open(dir.path()).unwrap();
    assert_eq!((number(&engine), names(dir.path()).len()), (Some(2), 3));
}

#[test]
fn a_state_that_is_given_up_goes_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    let half_built = engine.begin_replacement().unwrap();
    let successor = Uniform::received(&engine, 1).unwrap();
    assert_eq!(names(dir.path()), ["CURRENT", "database", FIRST, SECOND]);
    drop(half_built);
    assert_eq!(names(dir.path()), ["CURRENT", "database", SECOND]);
    drop(successor);
    assert_eq!(names(dir.path()), ["CURRENT", "database"]);
    replace(&engine, 7);
    assert_eq!(number(&engine), Some(7));
}

#[test]
fn what_a_dead_process_left_is_removed_and_strange_files_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    replace(&engine, 1);
    drop(engine);
    for folder in [SECOND, "state-2", "state-00000000000000ff"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("received-00000000"), "half").unwrap();
    }
    for file in ["newest.tmp", "000099.sst", "notes.txt"] {
        fs::write(dir.path().join(file), "half").unwrap();
    }
    // As if it had died before the database of the folder itself was removed.
    fs::remove_file(dir.path().join("CURRENT")).unwrap();
    let engine = open(dir.path()).unwrap();
    assert_eq!(number(&engine), Some(1));
    assert_eq!(names(dir.path()), ["CURRENT", "newest", "notes.txt", FIRST, "state-2"]);
    replace(&engine, 2);
    assert_eq!(number(&engine), Some(2));
}

/// A release that knows nothing of replaced states must not begin anew beside one.
#[test]
fn an_earlier_release_refuses_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    replace(&engine, 1);
    drop(engine.persist().unwrap());
    drop(engine);
    let error = rocksdb::DB::list_cf(&rocksdb::Options::default(), dir.path()).unwrap_err();
    assert!(error.as_ref().contains("CURRENT"), "{error}");
}

#[test]
fn a_state_that_cannot_be_received_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).unwrap();
    Uniform::go_on(&engine, 5).unwrap();
    fs::write(dir.path().join(FIRST), "in the way").unwrap();
    assert!(matches!(engine.begin_replacement(), Err(Error::Io { action: "create folder", .. })));
    let half_built = engine.begin_replacement().unwrap();
    fs::remove_dir_all(dir.path().join(SECOND)).unwrap();
    let mut half_built = half_built;
    half_built.add(SPACES.as_slice()[0], b"a", b"1").unwrap();
    assert!(half_built.finish().is_err());
    assert_eq!(engine.view().get(SPACES.as_slice()[1], b"later").unwrap(), Some(Uniform::value(5)));
    replace(&engine, 1);
    assert_eq!(number(&engine), Some(1));
}

const KILLED: &str = "QUORATE_TEST_KILLED_IN";

/// Not a test by itself: what the process of the next test does until it is killed.
#[test]
fn replace_until_killed() {
    let Some(dir) = std::env::var_os(KILLED) else { return };
    let engine = open(Path::new(&dir)).unwrap();
    let first = number(&engine).unwrap_or(0) + 1;
    for number in first.. {
        replace(&engine, number);
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
    for lines in [0, 1, 2, 4, 5, 7] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "replace_until_killed", "--nocapture"])
            .env(KILLED, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reports = output.lines().map_while(Result::ok);
        let mut swapped = reports.filter_map(|line| line.rsplit_once("swapped ")?.1.parse::<u64>().ok());
        let newest = swapped.nth(lines).expect("the child replaces until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        let engine = open(dir.path()).unwrap();
        let found = number(&engine);
        assert!(found >= Some(newest), "S7: {newest} was swapped in, {found:?} is there");
        assert_eq!(
            names(dir.path()).len(),
            3,
            "one database, its name, and the mark: {:?}",
            names(dir.path())
        );
    }
}
