//! Fences: what only one crate may name, so that it can be exchanged by changing that crate.

use super::Finding;
use super::source::{code, is_test, is_testing, names, without_tests};
use super::tree::Tree;

/// External packages and the folders whose manifests and sources may name them.
const PACKAGES: [(&str, &[&str]); 5] = [
    ("openraft", &["crates/raft"]),
    ("rocksdb", &["crates/storage-rocksdb"]),
    // The wire: generated code, what serves it, and the tools that speak it.
    (
        "tonic",
        &["crates/proto", "crates/grpc", "crates/peer", "crates/http", "crates/node", "bin", "xtask/load"],
    ),
    ("axum", &["crates/http", "crates/grpc", "crates/node", "crates/peer"]),
    ("clap", &["bin", "crates/node"]),
];

/// The one file that chooses crates by a feature.
const CHOOSER: &str = "bin/quorate/src/backend.rs";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, folders) in PACKAGES {
        findings.extend(check_manifests(tree, package, folders));
        findings.extend(check_sources(tree, package, folders));
    }
    findings.extend(check_features(tree));
    findings
}

/// Also what belongs to it: `openraft-rt-tokio`, `tonic-health`. Tests are not free here.
fn check_manifests(tree: &Tree, package: &str, folders: &[&str]) -> Vec<Finding> {
    let family = format!("{package}-");
    let outside = tree.packages().filter(|found| !is_within(found.folder, folders));
    let all = outside.flat_map(|found| {
        let Manifests { folder, names } = Manifests { folder: found.folder, names: found.manifest };
        let named = names.dependencies.into_iter().chain(names.others);
        named.map(move |name| (folder, name))
    });
    all.filter(|(_, name)| name == package || name.starts_with(&family))
        .map(|(folder, name)| {
            format!("{folder}/Cargo.toml: only {} may depend on {name}", folders.join(", "))
        })
        .collect()
}

struct Manifests<'a> {
    folder: &'a str,
    names: super::manifest::Manifest,
}

fn check_sources(tree: &Tree, package: &str, folders: &[&str]) -> Vec<Finding> {
    let word = format!("{package}::");
    let mut findings = Vec::new();
    for (path, text) in tree.sources().filter(|(path, _)| !is_within(path, folders)) {
        for (at, line) in code(text).lines().enumerate() {
            if names(line, &word) {
                findings.push(format!("{path}:{}: only {} may name {package}", at + 1, folders.join(", ")));
            }
        }
    }
    findings
}

fn check_features(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in
        tree.sources().filter(|(path, _)| *path != CHOOSER && !is_test(path) && !is_testing(path))
    {
        // Names of features are strings, which `code` cuts away: look at the text of lines that are code.
        let cut = code(text);
        for (at, line) in without_tests(&cut).lines().enumerate() {
            let original = text.lines().nth(at).unwrap_or_default();
            if is_feature(line) && !is_allowed(path, original) {
                findings.push(format!("{path}:{}: cfg(feature) belongs into {CHOOSER}", at + 1));
            }
        }
    }
    findings
}

fn is_feature(line: &str) -> bool {
    line.contains("cfg") && line.contains("feature")
}

/// Every crate may offer its doubles and suites to tests, and proto its services to those who speak gRPC.
fn is_allowed(path: &str, line: &str) -> bool {
    line.contains("\"testing\"") || (path.starts_with("crates/proto/") && line.contains("\"services\""))
}

fn is_within(path: &str, folders: &[&str]) -> bool {
    folders
        .iter()
        .any(|folder| path == *folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings<const N: usize>(files: [(&str, &str); N]) -> String {
        check(&Tree::of(files)).join("\n")
    }

    #[test]
    fn a_fenced_package_is_found_in_manifests() {
        let text = "[dependencies]\nopenraft-rt-tokio.workspace = true\n";
        assert!(
            findings([("crates/node/Cargo.toml", text)])
                .contains("only crates/raft may depend on openraft-rt")
        );
        assert!(findings([("crates/raft/Cargo.toml", text)]).is_empty());
        let text = "[dev-dependencies]\nrocksdb = \"1\"\n";
        assert!(findings([("crates/storage/Cargo.toml", text)]).contains("rocksdb"));
    }

    #[test]
    fn a_fenced_package_is_found_in_sources() {
        let text = "fn f() {}\nuse rocksdb::DB;\n";
        assert!(findings([("crates/mvcc/src/lib.rs", text)]).contains("crates/mvcc/src/lib.rs:2"));
        assert!(findings([("crates/storage-rocksdb/src/lib.rs", text)]).is_empty());
        assert!(
            findings([("crates/mvcc/src/lib.rs", "// rocksdb::DB\nuse quorate_storage_rocksdb::Engine;")])
                .is_empty()
        );
    }

    #[test]
    fn only_one_file_chooses_by_feature() {
        let text = "#[cfg(feature = \"memory\")]\nfn f() {}\n";
        assert!(findings([("crates/node/src/lib.rs", text)]).contains("crates/node/src/lib.rs:1"));
        assert!(findings([(CHOOSER, text)]).is_empty());
        assert!(findings([("crates/node/tests/a.rs", text)]).is_empty());
    }

    #[test]
    fn a_crate_may_offer_doubles_and_proto_its_services() {
        let testing = "#[cfg(any(test, feature = \"testing\"))]\npub mod testing;\n";
        assert!(findings([("crates/wal/src/lib.rs", testing)]).is_empty());
        let services = "#[cfg(feature = \"services\")]\npub mod rpc {}\n";
        assert!(findings([("crates/proto/src/lib.rs", services)]).is_empty());
        assert!(findings([("crates/grpc/src/lib.rs", services)]).contains("crates/grpc"));
    }
}
