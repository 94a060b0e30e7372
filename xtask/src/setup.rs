//! Finds or installs what a build needs, and says what it did: one line each, on stderr.
//!
//! Every other subcommand runs this first, so it must cost nothing when all is there: it looks at files
//! and starts at most a handful of short programs. What takes long (RocksDB's C++) is kept in the cache
//! folder, once per machine for all profiles, feature sets, clones and target folders.
//!
//! Laws: S1 a second run changes nothing. S2 what is put into the cache appears whole or not at all.

mod archive;
mod clients;
mod compiler;
mod libclang;
mod newest;
mod recipe;

mod settings;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::args::Args;
use crate::backend::Backend;
use crate::places::Places;

pub(crate) use clients::{Clients, Etcd, place};

/// A variable for cargo, and its value.
type Setting = (&'static str, OsString);

/// What `prepare` found: what cargo has to be told.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    settings: Vec<Setting>,
}

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let compat = args.take_switch("--compat");
    args.finish()?;
    prepare(places, &[Backend::RocksDb])?;
    if compat {
        Clients::prepare(places)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the machine able to build servers with these backends.
pub(crate) fn prepare(places: &Places, backends: &[Backend]) -> anyhow::Result<Ready> {
    compiler::require()?;
    if !backends.contains(&Backend::RocksDb) {
        return Ok(Ready::default());
    }
    let mut settings = libclang::prepare(places)?;
    settings.extend(archive::prepare(places, &settings)?);
    settings::write(&places.root, &settings)?;
    Ok(Ready { settings })
}

impl Ready {
    /// cargo in the workspace, told where the libraries are even where it does not read `local.toml`.
    pub(crate) fn cargo(&self, places: &Places) -> Command {
        let mut command = cargo();
        command.current_dir(&places.root).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The cargo that runs us, so that `cargo +toolchain xtask` keeps its toolchain.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// One line about what setup found or did.
fn say(part: &str, what: &str) {
    eprintln!("setup: {part}: {what}");
}
