//! Builds the simulation of a cluster, and runs seeds or a scenario in it. Nothing of it leaves the process.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context;

use crate::args::Args;
use crate::command;
use crate::places::Places;
use crate::setup;

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let mut words = Vec::new();
    for name in ["--seeds", "--first", "--seed"] {
        if let Some(number) = args.take_value::<u64>(name)? {
            words.extend([name.to_owned(), number.to_string()]);
        }
    }
    if let Some(path) = args.take_value::<PathBuf>("--scenario")? {
        words.extend(["--scenario".to_owned(), path.display().to_string()]);
    }
    args.finish()?;
    let mut build = setup::cargo();
    build.current_dir(&places.root);
    command::run(build.args(["build", "--quiet", "--package", "quorate-simulation", "--example", "sim"]))?;
    let program = places.target.join(format!("debug/examples/sim{}", env::consts::EXE_SUFFIX));
    let begun = Instant::now();
    let status = Command::new(&program).args(words).stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("start {}", program.display()))?;
    println!("sim: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
