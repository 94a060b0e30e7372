//! Clients from PyPI: each in a venv of its own in the cache, with the tests of its source distribution.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::super::script::Side;
use super::expected::Expected;
use super::{Scene, Suite};
use crate::command;
use crate::places::Places;
use crate::setup;

/// What the tests of each need besides the client itself, in the versions that its authors name, if they do.
const NEEDS: [(&str, &[&str]); 3] = [
    ("aetcd", &["pifpaf==3.4.0", "pytest==9.0.3", "pytest-asyncio==1.3.0", "pytest-mock==3.15.1"]),
    ("etcd-client-py", &["pytest==9.0.3", "pytest-asyncio==1.3.0", "trafaret==2.1.1"]),
    ("etcd3gw", &["oslotest==6.1.1", "pytest==9.0.3"]),
];
/// Ends a test that hangs, as one does that waits for an event of a watch that was refused.
const PATIENCE: &str = "pytest-timeout==2.4.0";
/// A line a test with nothing behind it, and no files beside the tests. The slowest test takes 9 s with etcd.
const PYTEST: [&str; 11] = [
    "-m",
    "pytest",
    "-v",
    "--color=no",
    "-p",
    "no:cacheprovider",
    "-o",
    "console_output_style=classic",
    "-o",
    "addopts=",
    "--timeout=40",
];

/// Gives one program, the venv's python; the source is beside the venv.
pub(super) fn fetch(suite: &Suite, places: &Places) -> anyhow::Result<Vec<PathBuf>> {
    let needs = NEEDS.iter().find(|(name, _)| *name == suite.name).map_or(&[][..], |(_, needs)| needs);
    let folder = suite.folder(places, &[needs, &[PATIENCE]].concat().join(" "));
    if !folder.is_dir() {
        setup::place(&folder, |folder| fill(suite, needs, folder))
            .with_context(|| format!("get {} {}", suite.name, suite.version))?;
    }
    Ok(vec![python_of(&folder.join("venv"))])
}

fn fill(suite: &Suite, needs: &[&str], folder: &Path) -> anyhow::Result<()> {
    let client = format!("{}=={}", suite.name, suite.version);
    let venv = folder.join("venv");
    make_venv(&venv, &[&[client.as_str(), PATIENCE], needs].concat())?;
    let downloads = folder.join("downloads");
    let mut pip = Command::new(python_of(&venv));
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.name, &client, "--dest"]);
    command::text(pip.arg(&downloads))?;
    let archive = fs::read_dir(&downloads)?.next().context("pip downloaded nothing")??.path();
    let unpacked = folder.join("unpacked");
    command::text(Command::new(python_of(&venv)).args(["-m", "tarfile", "-e"]).arg(archive).arg(&unpacked))?;
    let source = fs::read_dir(&unpacked)?.next().context("the archive is empty")??.path();
    fs::rename(source, folder.join("source"))?;
    Ok(())
}

/// A venv may be moved as long as its programs are called as `python -m`.
pub(super) fn make_venv(venv: &Path, packages: &[&str]) -> anyhow::Result<()> {
    command::text(Command::new("python3").args(["-m", "venv"]).arg(venv))
        .context("python3 with venv is needed for this")?;
    let mut pip = Command::new(python_of(venv));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]);
    command::text(pip.args(packages)).map(drop)
}

fn python_of(venv: &Path) -> PathBuf {
    venv.join("bin/python")
}

/// Against one server on port 2379.
pub(super) fn run(_suite: &Suite, scene: &Scene) -> anyhow::Result<()> {
    let mut server = scene.start("server", &[])?;
    start(python(scene)?.args(PYTEST))?;
    ensure!(server.is_running()?, "the server has ended; it said:\n{}", server.final_lines());
    Ok(())
}

/// Under pifpaf, which starts three members from the `etcd` in the path; one as long as the list waits for clusters.
pub(super) fn run_with_pifpaf(suite: &Suite, scene: &Scene) -> anyhow::Result<()> {
    let alone = scene.side == Side::Ours && Expected::read(suite.list)?.awaits("cluster");
    let programs = scene.place.join("bin");
    fs::create_dir_all(&programs)?;
    symlink(&scene.server, programs.join("etcd"))?;
    symlink(&scene.etcdctl, programs.join("etcdctl"))?;
    let path = std::env::join_paths([programs].into_iter().chain(system_path()))?;
    let mut pifpaf = python(scene)?;
    pifpaf.env("PATH", path).args(["-m", "pifpaf", "-e", "PIFPAF", "run", "etcd"]);
    pifpaf.args(if alone { &[][..] } else { &["--cluster"] }).arg("--");
    pifpaf.args(&scene.programs).args(PYTEST);
    start(pifpaf.args(if alone { &[][..] } else { &["--with-cluster"] }))
}

/// The venv's python in the folder of the source. Tests find what stands in for containers, and no proxy.
fn python(scene: &Scene) -> anyhow::Result<Command> {
    let program = scene.programs.first().context("a program was fetched")?;
    let folder = program.ancestors().nth(3).context("a venv has a folder")?;
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder.join("source")).env("HOME", &scene.place);
    command.env("PATH", std::env::join_paths(system_path())?).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONPATH", scene.root.join("xtask/compat/python/stubs"));
    Ok(command)
}

fn system_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// pytest's exit code says only that some test failed, and its lines say which.
fn start(command: &mut Command) -> anyhow::Result<()> {
    let _ = command.status().with_context(|| format!("start {}", command::line(command)))?;
    Ok(())
}
