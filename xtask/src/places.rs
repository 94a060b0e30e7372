//! Where things are: the workspace, cargo's target folder, and the cache that outlives both.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context;

#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The folder of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// Downloads and the RocksDB library: kept across clones and target folders.
    pub(crate) cache: PathBuf,
}

impl Places {
    pub(crate) fn find() -> anyhow::Result<Places> {
        let root = root()?;
        let target = target(&root);
        Ok(Places { root, target, cache: cache() })
    }
}

/// Cargo says at run time where this package is. The place it was compiled at would be wrong as soon as
/// two clones share a target folder.
fn root() -> anyhow::Result<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => PathBuf::from(package),
        None => env::current_dir()?,
    };
    let found = start.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    found.map(Path::to_owned).context("not inside the Quorate workspace; change into the clone first")
}

/// This program lies in `target/debug/xtask`, whatever named the target folder (a variable, a config file).
fn target(root: &Path) -> PathBuf {
    let program = env::current_exe().ok();
    let folder = program.as_deref().and_then(|path| path.parent()?.parent());
    folder.map_or_else(|| root.join("target"), Path::to_owned)
}

fn cache() -> PathBuf {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(place) = named("QUORATE_CACHE") {
        return place;
    }
    if let Some(place) = named("XDG_CACHE_HOME") {
        return place.join("quorate");
    }
    if let Some(home) = named("HOME") {
        return home.join(".cache/quorate");
    }
    let place = env::temp_dir().join("quorate-cache");
    eprintln!("setup: HOME is not set: the cache is {} (QUORATE_CACHE names another place)", place.display());
    place
}
