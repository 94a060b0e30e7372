use super::*;
use crate::home::Home;
use crate::tuning::Options;
use quorate_storage::testing::SPACES;

/// Opens a database whose own record `key` somebody replaced or took away.
fn reopened_with(key: &[u8], value: Option<&[u8]>) -> Error {
    let dir = tempfile::tempdir().unwrap();
    let open = |spaces| Database::open(Home::open(dir.path(), spaces, &Options::default())?.1);
    let database = open(SPACES).unwrap();
    let mut batch = WriteBatch::default();
    database.put_size(&mut batch, 9);
    match value {
        Some(value) => batch.put_cf(database.own_family(), key, value),
        None => batch.delete_cf(database.own_family(), key),
    }
    database.write(batch).unwrap();
    database.flush().unwrap();
    drop(database);
    let outcome = open(SPACES).and_then(|database| database.size());
    outcome.unwrap_err()
}

#[test]
fn a_newer_format_is_refused() {
    let Error::Unusable { why, .. } = reopened_with(FORMAT, Some(&7u32.to_le_bytes())) else { panic!() };
    assert_eq!(why, Unusable::Newer { found: 7, known: 1 });
}

#[test]
fn own_records_that_make_no_sense_are_corrupt() {
    let cases: [(&[u8], Option<&[u8]>); 4] =
        [(FORMAT, Some(b"1")), (FORMAT, Some(&[0; 4])), (FORMAT, None), (SIZE, Some(b"many"))];
    for (key, value) in cases {
        let error = reopened_with(key, value);
        assert!(matches!(error, Error::Corrupt { .. }), "{key:?} {value:?}: {error}");
    }
}

#[test]
#[should_panic(expected = "the engine's own")]
fn no_space_is_called_default() {
    const SPACES: SpaceSet = SpaceSet::new(&[Space::new(0, "default")]);
    let dir = tempfile::tempdir().unwrap();
    let (_, place) = Home::open(dir.path(), SPACES, &Options::default()).unwrap();
    drop(Database::open(place));
}
