use super::*;
use crate::bootstrap::Founding;

const OURS: Identity = Identity { cluster: ClusterId(0xcc), member: MemberId(0x0a) };

/// Opens the directory; an empty one becomes that of [`OURS`], who joins a cluster.
fn open(path: &Path, backend: &'static str) -> Result<DataDir, DirError> {
    match DataDir::open(path, backend)? {
        Opened::Member(data_dir) => Ok(data_dir),
        Opened::Vacant(vacancy) => vacancy.claim(&Beginning::Joins(OURS)),
    }
}

fn refused(path: &Path, backend: &'static str) -> DirError {
    open(path, backend).expect_err("this directory is not ours")
}

#[test]
fn a_new_directory_becomes_the_members_and_stays_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deep/data");
    let node = |name: &str| Node {
        name: name.into(),
        peer_urls: vec![format!("http://{name}:2380")],
        ..Node::default()
    };
    let founders = BTreeMap::from([(0x0a, node("a")), (0xb, node("b"))]);
    let beginning = Beginning::Founds(Founding { identity: OURS, founders: founders.clone() });
    let Opened::Vacant(vacancy) = DataDir::open(&path, "memory").unwrap() else { panic!("who made it?") };
    let first = vacancy.claim(&beginning).unwrap();
    assert_eq!((first.is_new(), first.identity(), first.founders()), (true, &OURS, &founders));
    let text = "{\"format\":1,\"backend\":\"memory\",\"cluster_id\":\"cc\",\"member_id\":\"a\",\"founders\":[\
                {\"id\":\"a\",\"name\":\"a\",\"peerURLs\":[\"http://a:2380\"]},\
                {\"id\":\"b\",\"name\":\"b\",\"peerURLs\":[\"http://b:2380\"]}]}\n";
    assert_eq!(fs::read_to_string(path.join(IDENTITY)).unwrap(), text);
    drop(first);
    let Opened::Member(again) = DataDir::open(&path, "memory").unwrap() else { panic!("it was made") };
    assert_eq!((again.is_new(), again.identity(), again.founders()), (false, &OURS, &founders));
}

#[test]
fn a_directory_that_was_not_claimed_waits_for_another_start_and_keeps_others_out_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let Opened::Vacant(vacancy) = DataDir::open(root.path(), "memory").unwrap() else { panic!("empty") };
    assert!(matches!(DataDir::open(root.path(), "memory"), Err(DirError::InUse(_))));
    assert!(!DataDir::is_members(root.path()));
    drop(vacancy);
    assert!(open(root.path(), "memory").unwrap().is_new());
    assert!(DataDir::is_members(root.path()));
}

#[test]
fn who_joined_a_cluster_founds_none_after_a_restart_and_who_was_alone_before_there_were_founders_does() {
    let root = tempfile::tempdir().unwrap();
    drop(open(root.path(), "memory").unwrap());
    assert!(open(root.path(), "memory").unwrap().founders().is_empty());
    let text = r#"{"format":1,"backend":"memory","cluster_id":"cc","member_id":"a"}"#;
    fs::write(root.path().join(IDENTITY), text).unwrap();
    let alone = BTreeMap::from([(0xa, Node::default())]);
    assert_eq!(open(root.path(), "memory").unwrap().founders(), &alone);
}

#[test]
fn a_directory_in_use_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let _held = open(root.path(), "memory").unwrap();
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
    drop(open(root.path(), "memory").unwrap());
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
    const FOUNDERS: &str = r#"{"format":1,"backend":"memory","cluster_id":"cc","member_id":"a","founders":[{"id":"x","name":"","peerURLs":[]}]}"#;
    for text in ["", "{", "{}", r#"{"format":"x"}"#, r#"{"format":1,"backend":"memory"}"#, FOUNDERS] {
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
    assert!(open(root.path(), "memory").unwrap().is_new());
}

#[test]
fn a_log_that_was_begun_is_missed() {
    let root = tempfile::tempdir().unwrap();
    let dir = open(&root.path().join("data"), "memory").unwrap();
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
    let again = open(&root.path().join("data"), "memory").unwrap();
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
