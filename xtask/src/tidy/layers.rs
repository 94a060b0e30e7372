//! Who may use whom. A new edge is a decision: it changes this table, with a reason in the commit.

use super::Finding;
use super::tree::{Package, Tree};

/// Internal crates without their prefix `quorate-`, lowest layer first, and what their `[dependencies]` may name.
/// Tests are free: a dev-dependency is not in here, nor what only a crate's feature `testing` switches on.
const TABLE: [(&str, &str); 21] = [
    ("types", ""),
    ("storage", ""),
    ("tasks", ""),
    ("proto", ""),
    ("storage-memory", "storage"),
    ("storage-rocksdb", "storage"),
    ("wal", "tasks"),
    ("mvcc", "types storage proto"),
    ("lease", "types storage proto"),
    ("auth", "types storage proto"),
    ("watch", "types tasks proto"),
    ("state-machine", "types storage proto mvcc lease auth"),
    ("raft", "types storage tasks proto state-machine wal"),
    ("peer", "types proto tasks raft"),
    ("coordinator", "types storage proto mvcc lease auth watch state-machine tasks"),
    ("grpc", "proto types coordinator tasks"),
    ("http", "proto types coordinator tasks"),
    (
        "node",
        "types storage tasks proto wal mvcc lease auth watch state-machine raft peer coordinator grpc http",
    ),
    // Judges what was recorded, and knows nothing of who is judged. For tests and tools only: no row names it.
    ("testkit", ""),
    // A cluster in one process: all of a member but its ports and files. For tests and tools only: no row names it.
    (
        "simulation",
        "types storage storage-memory tasks proto wal mvcc watch state-machine raft coordinator node testkit",
    ),
    // Below `bin`: the server, which alone knows the backends; the state machine names the spaces to open.
    ("quorate", "node storage-memory storage-rocksdb storage state-machine tasks"),
];

/// The load program is a client like any other: all it knows is the wire. What its clients saw it writes down for testkit.
const LOAD: &str = "proto testkit";

const PREFIX: &str = "quorate-";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.packages().flat_map(|package| check_package(&package)).collect()
}

fn check_package(package: &Package<'_>) -> Vec<Finding> {
    let used = package.manifest.dependencies.iter().filter_map(|name| name.strip_prefix(PREFIX));
    let used: Vec<&str> = used.collect();
    let Some(allowed) = allowed(package) else {
        return vec![format!("{}: has no row in xtask/src/tidy/layers.rs", package.folder)];
    };
    let foreign = used.into_iter().filter(|name| !allowed.split(' ').any(|allowed| allowed == *name));
    foreign
        .map(|name| {
            format!(
                "{}/Cargo.toml: may not use {PREFIX}{name}; allowed: {:?} (xtask/src/tidy/layers.rs)",
                package.folder, allowed
            )
        })
        .collect()
}

fn allowed(package: &Package<'_>) -> Option<&'static str> {
    match package.folder {
        "xtask" => Some(""),
        "xtask/load" => Some(LOAD),
        _ => TABLE.iter().find(|(name, _)| *name == package.short()).map(|(_, allowed)| *allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_only_points_down() {
        for (at, (name, allowed)) in TABLE.iter().enumerate() {
            for below in allowed.split(' ').filter(|word| !word.is_empty()) {
                assert!(TABLE[..at].iter().any(|(lower, _)| *lower == below), "{name} uses {below}");
            }
        }
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        let tree =
            Tree::of([("crates/types/Cargo.toml", "[dependencies]\nquorate-storage.workspace = true\n")]);
        assert!(check(&tree)[0].contains("may not use quorate-storage"));
    }

    #[test]
    fn allowed_edges_and_those_of_tests_are_not() {
        let manifest =
            "[dependencies]\nquorate-tasks.workspace = true\n[dev-dependencies]\nquorate-node = 1\n";
        assert!(check(&Tree::of([("crates/wal/Cargo.toml", manifest)])).is_empty());
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(check(&Tree::of([("crates/extra/Cargo.toml", "")]))[0].contains("has no row"));
    }
}
