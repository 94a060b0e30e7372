//! The etcd that we follow, with its etcdctl and etcdutl: Go builds them of what its module proxy serves.
//!
//! `xtask/compat/go/etcd` pins every module. Nobody publishes these programs where the other ones come from, and not
//! every machine has a Go that is new enough, so whoever needs a real etcd goes on with the older one without them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use super::clients::place;
use super::say;
use crate::command;
use crate::places::Places;

pub(super) const VERSION: &str = "3.7.1";
const MODULE: &str = "xtask/compat/go/etcd";
/// What each program is called, and its package.
const PROGRAMS: [(&str, &str); 3] = [
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
    ("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
];

/// The folder with the programs, found in the cache or built. The first time: a minute of two cores, and 100 MB to fetch.
pub(super) fn prepare(places: &Places) -> anyhow::Result<PathBuf> {
    let folder = places.cache.join(format!("etcd-{VERSION}"));
    if !folder.is_dir() {
        ensure!(command::exists("go"), "go is not on the path");
        say("compat", &format!("building etcd {VERSION} with Go"));
        place(&folder, |folder| build(&places.root.join(MODULE), folder))?;
    }
    Ok(folder)
}

fn build(module: &Path, folder: &Path) -> anyhow::Result<()> {
    for (name, package) in PROGRAMS {
        let mut go = Command::new("go");
        go.args(["build", "-mod=readonly", "-trimpath", "-o"]).arg(folder.join(name)).arg(package);
        // Another toolchain than the one that is here would be a download that nobody asked for.
        go.envs([("GOTOOLCHAIN", "local"), ("CGO_ENABLED", "0"), ("GOFLAGS", "")]).current_dir(module);
        command::text(&mut go)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_pins_this_version_of_every_program() {
        let module = include_str!("../../compat/go/etcd/go.mod");
        for (name, package) in PROGRAMS {
            assert!(module.contains(&format!("{package} v{VERSION}")), "{name}");
        }
    }
}
