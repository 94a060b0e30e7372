//! Calls that only some crates may make: a second net below clippy's, which a crate could switch off.

use super::Finding;
use super::source::{code, is_test, is_testing, names, without_tests};
use super::tree::Tree;

/// Time, chance and concurrency enter here.
const FREE: [&str; 3] = ["crates/tasks/", "bin/", "xtask/"];

/// What nobody else may call, and what to use instead.
const CALLS: [(&str, &str); 12] = [
    ("thread::spawn", "tasks::Group"),
    ("thread::Builder", "tasks::Group"),
    ("thread::sleep", "tasks::Clock"),
    ("Instant::now", "tasks::Clock"),
    ("SystemTime::now", "tasks::Clock"),
    ("tokio::spawn", "tasks::Group"),
    ("task::spawn", "tasks::Group"),
    ("task::spawn_blocking", "tasks::Group"),
    ("time::sleep", "tasks::Clock"),
    ("time::interval", "tasks::Clock"),
    ("time::timeout", "tasks::Clock"),
    ("rand::random", "tasks::entropy"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources().filter(|(path, _)| !is_free(path)) {
        let cut = code(text);
        for (at, line) in without_tests(&cut).lines().enumerate() {
            for (call, instead) in
                CALLS.iter().filter(|(call, _)| names(line, call) || line.contains(&format!("::{call}")))
            {
                findings.push(format!("{path}:{}: {call} is banned here; use {instead}", at + 1));
            }
        }
    }
    findings
}

fn is_free(path: &str) -> bool {
    is_test(path) || is_testing(path) || FREE.iter().any(|folder| path.starts_with(folder))
}

/// `unwrap()` says nothing about why it cannot fail; `expect` does.
pub(crate) fn check_unwraps(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources().filter(|(path, _)| !is_test(path)) {
        let cut = code(text);
        let lines = without_tests(&cut).lines().enumerate().filter(|(_, line)| line.contains(".unwrap()"));
        findings.extend(
            lines.map(|(at, _)| format!("{path}:{}: unwrap(); use expect(\"why it cannot fail\")", at + 1)),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_call_is_found_with_its_line() {
        let tree = Tree::of([("crates/raft/src/lib.rs", "fn f() {\n    std::thread::spawn(|| ());\n}\n")]);
        assert_eq!(
            check(&tree),
            ["crates/raft/src/lib.rs:2: thread::spawn is banned here; use tasks::Group"]
        );
    }

    #[test]
    fn tasks_programs_and_tests_are_free() {
        let text = "fn f() { let now = Instant::now(); }\n";
        let behind = "fn f() {}\n#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }\n";
        let tree = Tree::of([
            ("crates/tasks/src/clock.rs", text),
            ("bin/quorate/src/main.rs", text),
            ("crates/wal/tests/a.rs", text),
            ("crates/wal/src/testing/disk.rs", text),
            ("crates/wal/src/lib.rs", behind),
            ("crates/wal/src/log.rs", "// Instant::now()\nlet a = \"Instant::now\";"),
        ]);
        assert!(check(&tree).is_empty(), "{:?}", check(&tree));
    }

    #[test]
    fn an_unwrap_outside_tests_is_found() {
        let tree = Tree::of([
            ("crates/wal/src/lib.rs", "fn f() { g().unwrap(); }\n"),
            ("crates/wal/src/log.rs", "fn f() {}\n#[cfg(test)]\nmod tests { fn f() { g().unwrap(); } }\n"),
            ("crates/wal/src/log/tests.rs", "fn f() { g().unwrap(); }\n"),
        ]);
        assert_eq!(check_unwraps(&tree).len(), 1);
    }
}
