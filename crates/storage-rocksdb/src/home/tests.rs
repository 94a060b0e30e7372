use super::*;
use quorate_storage::testing::SPACES;

fn open(dir: &Path) -> Result<(Arc<Home>, Place), Error> {
    Home::open(dir, SPACES, &Options::default())
}

#[test]
fn a_pointer_that_makes_no_sense_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let contents: [&[u8]; 8] = [
        b"",
        b"1",
        b"0 state-0000000000000001\n",
        b"one state-0000000000000001\n",
        b"1 state-0000000000000001",
        b"1 state-1\n",
        b"1 state-0000000000000000\n",
        b"1 \xff\n",
    ];
    for content in contents {
        fs::write(dir.path().join(NEWEST), content).unwrap();
        let error = open(dir.path()).map(|_| ()).unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt { path, .. } if path.ends_with(NEWEST)),
            "{content:?}: {error}"
        );
    }
}

#[test]
fn a_newer_pointer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(NEWEST), "2 whatever comes").unwrap();
    let Err(Error::Unusable { why, .. }) = open(dir.path()) else { panic!() };
    assert_eq!(why, Unusable::Newer { found: 2, known: 1 });
}

#[test]
fn a_state_that_is_named_and_not_there_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(NEWEST), "1 state-0000000000000007\n").unwrap();
    for _ in 0..2 {
        let Err(Error::Corrupt { what, .. }) = open(dir.path()) else { panic!() };
        assert_eq!(what, "the state that it names is not there");
    }
}

#[test]
fn only_folders_with_a_number_of_ours_are_states() {
    assert_eq!(number("state-00000000000000ff"), Some(255));
    for name in
        ["state-", "state-ff", "state-0000000000000000", "state-00000000000000FF", "State-00000000000000ff"]
    {
        assert_eq!(number(name), None, "{name}");
    }
}
