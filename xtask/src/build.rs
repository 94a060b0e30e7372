//! Builds a server. Both backends can exist side by side.
//!
//! Cargo writes every feature set to the same path, so each binary is copied to a path of its own right
//! after its build; a server that runs from there is not disturbed by the next build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::args::Args;
use crate::backend::Backend;
use crate::command;
use crate::places::Places;
use crate::setup::{self, Ready};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    pub(crate) fn take(args: &mut Args) -> Profile {
        if args.take_switch("--release") { Profile::Release } else { Profile::Dev }
    }

    /// Cargo's folder for it.
    fn folder(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Release => "release",
        }
    }
}

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let backend = args.take_value("--backend")?.unwrap_or(Backend::RocksDb);
    let profile = Profile::take(&mut args);
    args.finish()?;
    let ready = setup::prepare(places, &[backend])?;
    println!("{}", server(places, &ready, (backend, profile))?.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the server with this backend; gives the path of its own copy.
pub(crate) fn server(
    places: &Places,
    ready: &Ready,
    (backend, profile): (Backend, Profile),
) -> anyhow::Result<PathBuf> {
    if !places.root.join("bin/quorate/Cargo.toml").is_file() {
        bail!("bin/quorate, the server, is not in this clone");
    }
    let mut cargo = ready.cargo(places);
    cargo.args(["build", "--package", "quorate", "--no-default-features", "--features", backend.feature()]);
    compile(cargo, profile)?;
    let place = places.target.join(format!("quorate-{backend}-{}", profile.folder())).join("quorate");
    copy(&places.target.join(profile.folder()).join("quorate"), &place)?;
    Ok(place)
}

/// Builds the load and verification client; gives its path.
pub(crate) fn load(places: &Places, ready: &Ready, profile: Profile) -> anyhow::Result<PathBuf> {
    let mut cargo = ready.cargo(places);
    cargo.args(["build", "--package", "quorate-load"]);
    compile(cargo, profile)?;
    Ok(places.target.join(profile.folder()).join("quorate-load"))
}

fn compile(mut cargo: std::process::Command, profile: Profile) -> anyhow::Result<()> {
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    command::run(&mut cargo)
}

/// By a new file and a rename: a file that is being executed cannot be written.
fn copy(built: &Path, place: &Path) -> anyhow::Result<()> {
    let folder = place.parent().context("a copy has a folder")?;
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!("unfinished-{}", std::process::id()));
    fs::copy(built, &unfinished).with_context(|| format!("copy {}", built.display()))?;
    fs::rename(&unfinished, place)?;
    Ok(())
}
