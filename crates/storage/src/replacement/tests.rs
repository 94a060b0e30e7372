use super::*;

const FIRST: Space = Space::new(0, "first");
const SECOND: Space = Space::new(1, "second").uncounted();

#[test]
fn records_come_by_space_then_by_key_each_once() {
    let mut progress = Progress::default();
    assert_eq!(progress.last(), None);
    let accepted = [(FIRST, ""), (FIRST, "b"), (FIRST, "ba"), (SECOND, ""), (SECOND, "a")];
    for (space, key) in accepted {
        progress.note(space, key.as_bytes(), b"value").unwrap();
        assert_eq!(progress.last(), Some((space, key.as_bytes())));
    }
    for (space, key) in [(SECOND, "a"), (SECOND, ""), (FIRST, "z")] {
        let before = progress.size();
        let error = progress.note(space, key.as_bytes(), b"value").unwrap_err();
        assert!(matches!(error, Error::Unordered { space: name } if name == space.name()), "{error}");
        assert_eq!((progress.last(), progress.size()), (Some((SECOND, &b"a"[..])), before));
    }
}

#[test]
fn only_counted_spaces_weigh() {
    let mut progress = Progress::default();
    progress.note(FIRST, b"ab", b"cde").unwrap();
    progress.note(SECOND, b"ab", b"cde").unwrap();
    assert_eq!(progress.size(), 5 + RECORD_OVERHEAD);
}
