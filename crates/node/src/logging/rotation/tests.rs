use super::*;
use std::cell::Cell;

thread_local! {
    /// Minutes since the beginning of the test's day.
    static MINUTE: Cell<u32> = const { Cell::new(0) };
}

fn minute() -> String {
    let minute = MINUTE.get();
    format!("2026-03-01T{:02}:{:02}:00.000000Z", minute / 60, minute % 60)
}

fn rules(bytes_max: u64, days_max: u64, backups_max: u64) -> Rotation {
    Rotation { bytes_max, days_max, backups_max }
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let file = |entry: io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(file).collect();
    files.sort();
    files
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_full_file_is_put_aside_under_lumberjacks_name_and_no_line_is_split() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("made/for/it");
    let mut log = Rotating::open(&folder.join("etcd.log"), rules(10, 0, 0), minute).unwrap();
    for (at, line) in ["12345\n", "6789\n", "longer than a whole file\n", "end\n"].into_iter().enumerate() {
        MINUTE.set(at as u32);
        log.write_all(line.as_bytes()).unwrap();
    }
    let expected = [
        ("etcd-2026-03-01T00-01-00.000.log", "12345\n"),
        ("etcd-2026-03-01T00-02-00.000.log", "6789\n"),
        ("etcd-2026-03-01T00-03-00.000.log", "longer than a whole file\n"),
        ("etcd.log", "end\n"),
    ];
    assert_eq!(files(&folder), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn a_file_goes_on_where_the_last_life_ended() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("log");
    for line in ["a\n", "b\n"] {
        Rotating::open(&path, rules(4, 0, 0), minute).unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(files(root.path()), [("log".to_owned(), "a\nb\n".to_owned())]);
    MINUTE.set(7);
    Rotating::open(&path, rules(4, 0, 0), minute).unwrap().write_all(b"c\n").unwrap();
    assert_eq!(names(root.path()), ["log", "log-2026-03-01T00-07-00.000"]);
}

#[test]
fn two_full_files_within_a_millisecond_do_not_write_over_each_other() {
    let root = tempfile::tempdir().unwrap();
    let mut log = Rotating::open(&root.path().join("a.log"), rules(2, 0, 0), minute).unwrap();
    for line in ["1\n", "2\n", "3\n"] {
        log.write_all(line.as_bytes()).unwrap();
    }
    let texts: Vec<String> = files(root.path()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["1\n", "2\n3\n"]);
}

#[test]
fn a_line_is_kept_if_the_file_cannot_be_replaced() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("logs");
    let mut log = Rotating::open(&folder.join("a.log"), rules(2, 0, 0), minute).unwrap();
    log.write_all(b"1\n").unwrap();
    fs::rename(&folder, root.path().join("moved")).unwrap();
    log.write_all(b"2\n").unwrap();
    assert_eq!(fs::read_to_string(root.path().join("moved/a.log")).unwrap(), "1\n2\n");
}

#[test]
fn too_many_and_too_old_files_are_deleted_and_nothing_else() {
    let old = [
        "a-2026-02-26T00-00-00.000.log",
        "a-2026-02-27T11-59-59.999.log",
        "a-2026-02-27T12-00-00.000.log",
        "a-2026-02-28T00-00-00.000.log",
    ];
    let others =
        ["a-2026-02-26.log", "a-notes.log", "b-2020-01-01T00-00-00.000.log", "a-2020-01-01T00-00-00.000.txt"];
    for (rules, kept) in [
        (rules(9, 0, 0), &old[..]),
        (rules(9, 0, 2), &old[2..]),
        (rules(9, 2, 0), &old[2..]),
        (rules(9, 9, 9), &old[..]),
    ] {
        let root = tempfile::tempdir().unwrap();
        for name in old.iter().chain(&others) {
            fs::write(root.path().join(name), "").unwrap();
        }
        MINUTE.set(12 * 60);
        drop(Rotating::open(&root.path().join("a.log"), rules, minute).unwrap());
        let mut expected: Vec<String> =
            kept.iter().chain(&others).chain(&["a.log"]).map(|name| (*name).to_owned()).collect();
        expected.sort();
        assert_eq!(names(root.path()), expected, "{rules:?}");
    }
}

#[test]
fn days_are_counted_over_months_and_leap_years() {
    let between = |from: &str, to: &str| day(to).unwrap() - day(from).unwrap();
    assert_eq!(between("2024-02-28", "2024-03-01"), 2);
    assert_eq!(between("2026-02-28", "2026-03-01"), 1);
    assert_eq!(between("2025-12-31", "2026-01-01"), 1);
    assert_eq!(between("1999-03-01", "2000-03-01"), 366);
    assert_eq!(between("2000-01-01", "2026-01-01"), 9497);
    assert_eq!(day("no date"), None);
}
