use super::*;

const OURS: Identity = Identity { cluster: ClusterId(0xcc), member: MemberId(0x0a) };
const OTHER: Identity = Identity { cluster: ClusterId(1), member: MemberId(2) };

fn refused(path: &Path, backend: &'static str) -> DirError {
    DataDir::open(path, backend, &OURS).expect_err("this directory is not ours")
}

#[test]
fn a_new_directory_becomes_the_founders_and_stays_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deep/data");
    let first = DataDir::open(&path, "memory", &OURS).unwrap();
    assert!(first.is_new() && *first.identity() == OURS);
    drop(first);
    let again = DataDir::open(&path, "memory", &OTHER).unwrap();
    assert!(!again.is_new() && *again.identity() == OURS);
}

#[test]
fn a_directory_in_use_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let _held = DataDir::open(root.path(), "memory", &OURS).unwrap();
    assert!(matches!(refused(root.path(), "memory"), DirError::InUse(_)));
}

#[test]
fn etcds_directory_is_refused_and_left_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("member/snap")).unwrap();
    assert!(matches!(refused(root.path(), "memory"), DirError::Etcd(_)));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn somebody_elses_files_are_named() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("thesis.tex"), "").unwrap();
    assert!(refused(root.path(), "memory").to_string().contains("thesis.tex"));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn the_other_backends_directory_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    drop(DataDir::open(root.path(), "memory", &OURS).unwrap());
    let message = refused(root.path(), "rocksdb").to_string();
    assert!(message.contains("written by the memory backend") && message.contains("rocksdb"), "{message}");
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(IDENTITY), r#"{"format":7,"shape":"unknown"}"#).unwrap();
    let message = refused(root.path(), "memory").to_string();
    assert!(message.contains("format version 7") && message.contains("up to 1"), "{message}");
}

#[test]
fn a_damaged_identity_is_refused_never_replaced() {
    for text in ["", "{", "{}", r#"{"format":"x"}"#, r#"{"format":1,"backend":"memory"}"#] {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(IDENTITY), text).unwrap();
        assert!(matches!(refused(root.path(), "memory"), DirError::Damaged(_)), "{text}");
        assert_eq!(fs::read_to_string(root.path().join(IDENTITY)).unwrap(), text);
    }
}

#[test]
fn a_start_that_was_cut_short_is_made_good() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(LOCK), "").unwrap();
    fs::write(root.path().join(IDENTITY_DRAFT), "{\"for").unwrap();
    assert!(DataDir::open(root.path(), "memory", &OURS).unwrap().is_new());
}

#[test]
fn a_log_that_was_begun_is_missed() {
    let root = tempfile::tempdir().unwrap();
    let dir = DataDir::open(&root.path().join("data"), "memory", &OURS).unwrap();
    let elsewhere = root.path().join("elsewhere");
    assert!(dir.check_log(&elsewhere).is_ok(), "a start that was cut short had no log yet");
    dir.note_log().unwrap();
    dir.note_log().unwrap();
    let message = dir.check_log(&elsewhere).unwrap_err().to_string();
    for part in ["data has served clients before", "no log in", "elsewhere", "--wal-dir"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    fs::create_dir(&elsewhere).unwrap();
    assert!(matches!(dir.check_log(&elsewhere), Err(DirError::LogMissing { .. })));
    fs::write(elsewhere.join("0000000000000001.wal"), "").unwrap();
    assert!(matches!(dir.check_log(&elsewhere), Err(DirError::ForeignLog { .. })), "a new member has none");
    drop(dir);
    let again = DataDir::open(&root.path().join("data"), "memory", &OURS).unwrap();
    assert!(again.check_log(&elsewhere).is_ok(), "what is in it is for the log to judge");
}

#[test]
fn a_directory_that_cannot_be_looked_into_is_not_taken_for_a_new_one() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(refused(&file, "memory"), DirError::Io { .. }));
    assert!(matches!(refused(&file.join("below"), "memory"), DirError::Io { .. }));
}
