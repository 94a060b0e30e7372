//! The crate `etcd-client`: its own tests, built in the cache, outside the workspace.
//!
//! Its build wants protoc, which ours does not; it gets the one that comes with PyPI's `grpcio-tools`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::super::script::Side;
use super::{Scene, Suite, python};
use crate::command;
use crate::places::Places;
use crate::setup;

const PROTOC: &str = "grpcio-tools==1.75.1";
/// The files below `tests`; both together are the suite.
const TESTS: [&str; 2] = ["client", "namespace"];

/// Takes the crate as published and builds its tests; gives their programs.
pub(super) fn fetch(suite: &Suite, places: &Places) -> anyhow::Result<Vec<PathBuf>> {
    let folder = suite.folder(places, PROTOC);
    if !folder.is_dir() {
        setup::place(&folder, |folder| fill(suite, folder))
            .with_context(|| format!("get {} {}", suite.name, suite.version))?;
    }
    let mut cargo = setup::cargo();
    cargo.current_dir(folder.join("source")).env("PROTOC", folder.join("protoc"));
    cargo.args(["test", "--quiet", "--no-run", "--locked", "--message-format", "json", "--target-dir"]);
    cargo.arg(folder.join("target"));
    for test in TESTS {
        cargo.args(["--test", test]);
    }
    let programs = executables(&command::text(&mut cargo)?);
    ensure!(programs.len() == TESTS.len(), "cargo built {programs:?}");
    Ok(programs)
}

fn fill(suite: &Suite, folder: &Path) -> anyhow::Result<()> {
    python::make_venv(&folder.join("venv"), &[PROTOC])?;
    let protoc = folder.join("protoc");
    fs::write(
        &protoc,
        "#!/bin/sh\nexec \"$(dirname \"$0\")\"/venv/bin/python -m grpc_tools.protoc \"$@\"\n",
    )?;
    fs::set_permissions(&protoc, fs::Permissions::from_mode(0o755))?;
    let source = download(suite, &folder.join("asker"))?;
    command::text(Command::new("cp").arg("-r").arg(source).arg(folder.join("source"))).map(drop)
}

/// Cargo downloads a dependency whole, tests included: a package that depends on it is all it takes.
fn download(suite: &Suite, asker: &Path) -> anyhow::Result<PathBuf> {
    let Suite { name, version, .. } = suite;
    fs::create_dir_all(asker)?;
    fs::write(asker.join("lib.rs"), "")?;
    let manifest = format!(
        "[package]\nname = \"asker\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n\
         [dependencies]\n{name} = \"={version}\"\n"
    );
    fs::write(asker.join("Cargo.toml"), manifest)?;
    let mut cargo = setup::cargo();
    cargo.current_dir(asker).args(["metadata", "--format-version", "1", "--quiet"]);
    let said: serde_json::Value = serde_json::from_str(&command::text(&mut cargo)?)?;
    let packages = said["packages"].as_array().context("cargo metadata names no packages")?;
    let found = packages.iter().find(|package| package["name"] == *name).context("it is not among them")?;
    let manifest = found["manifest_path"].as_str().context("it has no path")?;
    Ok(Path::new(manifest).parent().context("a manifest lies in a folder")?.to_owned())
}

/// The programs named in cargo's messages, a JSON object a line.
fn executables(messages: &str) -> Vec<PathBuf> {
    let objects = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    objects.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?))).collect()
}

pub(super) fn run(_suite: &Suite, scene: &Scene) -> anyhow::Result<()> {
    let mut server = scene.start("server", &["--auth-token-ttl", "2"])?;
    add_root(scene);
    for program in &scene.programs {
        run_tests(program, &[])?;
    }
    ensure!(server.is_running()?, "the server has ended; it said:\n{}", server.final_lines());
    drop(server);
    if scene.side == Side::Ours {
        run_streams(scene)?;
    }
    Ok(())
}

/// What etcd 3.5 does not have: ranges in pieces. The author wants them small, with such a limit.
fn run_streams(scene: &Scene) -> anyhow::Result<()> {
    let server = scene.start("server-streams", &["--max-request-bytes", "10240"])?;
    for program in &scene.programs {
        run_tests(program, &["--ignored", "test_get_stream"])?;
    }
    drop(server);
    Ok(())
}

/// The tests switch auth on as this user. Where it cannot be made they say so themselves.
fn add_root(scene: &Scene) {
    for words in [&["user", "add", "root:rootpwd"][..], &["user", "grant-role", "root", "root"]] {
        let mut etcdctl = Command::new(&scene.etcdctl);
        etcdctl.env_clear().env("ETCDCTL_API", "3").args(words);
        match command::text(&mut etcdctl) {
            Ok(said) => println!("{said}"),
            Err(error) => println!("{error:#}"),
        }
    }
}

/// Its exit code says only that some test failed, and its lines say which.
fn run_tests(program: &Path, words: &[&str]) -> anyhow::Result<()> {
    let mut tests = Command::new(program);
    tests.env_clear().args(words);
    let _ = tests.status().with_context(|| format!("start {}", command::line(&tests)))?;
    Ok(())
}
