//! Builds the server and becomes it: signals, exit code and terminal are the server's own.

use std::env;
use std::io::{IsTerminal, stderr};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::args::Args;
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::places::Places;
use crate::setup;

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let backend = args.take_value("--backend")?.unwrap_or(Backend::RocksDb);
    let profile = Profile::take(&mut args);
    let mut arguments = args.take_passed_on();
    args.finish()?;
    let ready = setup::prepare(places, &[backend])?;
    let program = build::server(places, &ready, (backend, profile))?;
    if reads_console(&arguments) {
        arguments.insert(0, "--log-format=console".to_owned());
    }
    eprintln!("starting {} {}", program.display(), arguments.join(" "));
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("start {}", program.display()))
}

/// Whether a person reads the log and has not chosen its form. One setting in a flag and in the
/// environment is fatal to the server, as it is to etcd.
fn reads_console(arguments: &[String]) -> bool {
    let chosen = arguments.iter().any(|word| word.contains("log-format") || word.contains("config-file"));
    let variables = ["ETCD_LOG_FORMAT", "QUORATE_LOG_FORMAT", "ETCD_CONFIG_FILE", "QUORATE_CONFIG_FILE"];
    stderr().is_terminal() && !chosen && variables.iter().all(|name| env::var_os(name).is_none())
}
