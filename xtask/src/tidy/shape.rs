//! The shape of the project: essays, examples, names, sizes, and what lies in the root folder.

use super::Finding;
use super::source::is_test;
use super::tree::Tree;

/// Names that say nothing.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "helper", "misc", "manager"];

/// What the root folder may hold besides dotfiles.
const ROOT: [&str; 14] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "proto",
    "bin",
    "xtask",
    "deploy",
    "docs",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "rustfmt.toml",
    "clippy.toml",
    "target",
];

const TYPES_LINES_MAX: usize = 800;

/// Every crate and program says first why it exists.
pub(crate) fn check_essays(tree: &Tree) -> Vec<Finding> {
    let roots =
        tree.sources().filter(|(path, _)| path.ends_with("src/lib.rs") || path.ends_with("src/main.rs"));
    let silent = roots.filter(|(_, text)| !text.starts_with("//! "));
    silent.map(|(path, _)| format!("{path}: opens without an essay (`//! why it exists`)")).collect()
}

/// Every library has an example that runs and a line in README's list of crates.
pub(crate) fn check_examples(tree: &Tree) -> Vec<Finding> {
    let readme = tree.files.get("README.md").map(String::as_str).unwrap_or_default();
    let mut findings = Vec::new();
    for package in tree.packages().filter(|package| package.folder.starts_with("crates/")) {
        let examples = format!("{}/examples/", package.folder);
        if !tree.files.keys().any(|path| path.starts_with(&examples) && path.ends_with(".rs")) {
            findings.push(format!("{}: has no example; one small program in {examples}", package.folder));
        }
        if !readme.contains(&format!("`{}`", package.short())) {
            findings.push(format!("README.md: no line about `{}`", package.short()));
        }
    }
    findings
}

pub(crate) fn check_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _) in tree.sources() {
        let parts: Vec<&str> = path.split('/').map(|part| part.trim_end_matches(".rs")).collect();
        if parts.iter().any(|part| EMPTY_NAMES.contains(part)) {
            findings.push(format!("{path}: call it after the noun it holds"));
        }
        if path.ends_with("/mod.rs") && !is_test(path) {
            findings.push(format!("{path}: no mod.rs; `apply.rs` stands beside `apply/`"));
        }
    }
    findings
}

/// A type lives in the lowest crate that uses it; `types` must not become the place for everything.
pub(crate) fn check_types(tree: &Tree) -> Vec<Finding> {
    let sources = tree.sources().filter(|(path, _)| path.starts_with("crates/types/src/"));
    let lines: usize = sources.map(|(_, text)| text.lines().count()).sum();
    if lines <= TYPES_LINES_MAX {
        return Vec::new();
    }
    vec![format!(
        "crates/types: {lines} lines, at most {TYPES_LINES_MAX}; move a type to the crate that uses it"
    )]
}

pub(crate) fn check_root(tree: &Tree) -> Vec<Finding> {
    let foreign = tree.root.iter().filter(|name| !name.starts_with('.') && !ROOT.contains(&name.as_str()));
    foreign
        .filter(|name| !name.ends_with(".etcd"))
        .map(|name| format!("{name}: does not belong into the root folder"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_opens_without_an_essay_is_found() {
        let tree =
            Tree::of([("crates/a/src/lib.rs", "pub fn f() {}"), ("crates/b/src/lib.rs", "//! Why.\n")]);
        assert_eq!(check_essays(&tree).len(), 1);
    }

    #[test]
    fn a_crate_without_example_or_line_is_found() {
        let bare = Tree::of([("crates/a/Cargo.toml", ""), ("README.md", "")]);
        assert_eq!(check_examples(&bare).len(), 2);
        let whole = Tree::of([
            ("crates/a/Cargo.toml", ""),
            ("crates/a/examples/walk.rs", ""),
            ("README.md", "| `a` | it is |"),
        ]);
        assert!(check_examples(&whole).is_empty());
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        let tree = Tree::of([
            ("crates/a/src/utils.rs", ""),
            ("crates/a/src/apply/mod.rs", ""),
            ("crates/a/src/utility_function.rs", ""),
        ]);
        assert_eq!(check_names(&tree).len(), 2);
    }

    #[test]
    fn types_is_capped() {
        let lines = "\n".repeat(TYPES_LINES_MAX);
        assert!(check_types(&Tree::of([("crates/types/src/lib.rs", &lines)])).is_empty());
        let tree = Tree::of([("crates/types/src/lib.rs", &lines), ("crates/types/src/key.rs", "a\n")]);
        assert_eq!(check_types(&tree).len(), 1);
    }

    #[test]
    fn the_root_holds_only_what_belongs_there() {
        let mut tree = Tree::of([]);
        tree.root = ["Cargo.toml", ".git", "default.etcd", "notes.txt"].map(str::to_owned).into();
        assert_eq!(check_root(&tree), ["notes.txt: does not belong into the root folder"]);
    }
}
