//! Everything that decides what the RocksDB archive contains, and therefore its place in the cache.
//!
//! It is read from the files that cargo itself obeys, so that there is one source for each fact.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::command;
use crate::fingerprint::fingerprint;

/// What is built before some crate of the workspace has put RocksDB into Cargo.lock.
const VERSION: &str = "0.19.0+11.8.1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// Version of the crate `librocksdb-sys`; behind the plus that of RocksDB.
    pub(crate) version: String,
    pub(crate) features: Vec<String>,
    /// They reach gcc as -march and -m options.
    pub(crate) rustflags: Vec<String>,
    pub(crate) target: String,
}

impl Recipe {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Recipe> {
        let read = |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("read {name}"));
        let target = host()?;
        let rustflags = match env::var("RUSTFLAGS") {
            Ok(given) => given.split_whitespace().map(str::to_owned).collect(),
            Err(_) => configured_flags(&read(".cargo/config.toml")?, &target),
        };
        let version = locked_version(&read("Cargo.lock")?, "librocksdb-sys");
        let features = features(&read("Cargo.toml")?, "rocksdb");
        Ok(Recipe { version: version.unwrap_or_else(|| VERSION.to_owned()), features, rustflags, target })
    }

    /// The archive's folder in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("rocksdb-{}-{:08x}", self.version, fingerprint(&self.text()))
    }

    pub(crate) fn text(&self) -> String {
        let Recipe { version, features, rustflags, target } = self;
        format!(
            "librocksdb-sys {version}\nfeatures {}\nrustflags {}\ntarget {target}\n",
            features.join(" "),
            rustflags.join(" ")
        )
    }

    /// The version as a requirement: cargo compares nothing behind the plus.
    pub(crate) fn requirement(&self) -> &str {
        self.version.split('+').next().unwrap_or(&self.version)
    }
}

fn host() -> anyhow::Result<String> {
    let said = command::text(Command::new("rustc").arg("-vV"))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc -vV names no host")?.to_owned())
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let after = lock.lines().skip_while(|line| *line != name).nth(1)?;
    Some(after.strip_prefix("version = ")?.trim_matches('"').to_owned())
}

/// The quoted words of `rustflags = […]` in the section of this target.
fn configured_flags(config: &str, target: &str) -> Vec<String> {
    let section = format!("[target.{target}]");
    let lines = config.lines().skip_while(|line| *line != section).skip(1);
    let mut inside = lines.take_while(|line| !line.starts_with('['));
    inside.find(|line| line.starts_with("rustflags")).map(quoted).unwrap_or_default()
}

/// The features with which the workspace takes a dependency.
fn features(manifest: &str, dependency: &str) -> Vec<String> {
    let start = format!("{dependency} = ");
    let line = manifest.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
    line.split_once("features = [").map(|(_, list)| quoted(list)).unwrap_or_default()
}

fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
