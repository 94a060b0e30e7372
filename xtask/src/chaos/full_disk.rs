//! A disk that fills up: the server ends with a clear message, and with space again it has all it acknowledged.
//!
//! The disk is a small tmpfs in a mount namespace of its own, so nothing of the machine is touched; that needs
//! root. Within the namespace this program runs itself again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, bail, ensure};

use super::Target;
use crate::args::Args;
use crate::command;
use crate::load::{Load, number};
use crate::server::Plan;
use crate::steps::Tally;

const DISK_MIB: usize = 384;
/// What is removed to make space again; segments that are allocated ahead must fit into the rest.
const BALLAST_MIB: usize = 192;
const VALUE_BYTES: usize = 16 * 1024;
const FULL_WITHIN: Duration = Duration::from_secs(120);

/// Fills the disk of one server; says so and counts nothing where no disk can be made.
pub(crate) fn check(target: &Target, load: &Path, tally: &mut Tally) -> anyhow::Result<()> {
    let possible = command::output(Command::new("unshare").args(["--mount", "true"]));
    if !possible.is_ok_and(|output| output.status.success()) {
        println!(
            "SKIPPED {}: a full disk needs a mount namespace; run it as root, with `unshare`",
            target.name
        );
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    let mut namespace = Command::new("unshare");
    namespace.args(["--mount", "--"]).arg(env::current_exe()?).args(["chaos", "--inside"]).arg(place.path());
    namespace.arg("--server").arg(&target.program).arg("--load").arg(load);
    command::run(&mut namespace).with_context(|| format!("{}: full disk", target.name))?;
    println!("ok      {}: a full disk ends it clearly, and with space again all is there", target.name);
    tally.count(true);
    Ok(())
}

/// What runs within the namespace.
pub(crate) fn inside(place: &str, mut args: Args) -> anyhow::Result<ExitCode> {
    let server: PathBuf = args.take_value("--server")?.context("--server")?;
    let load: PathBuf = args.take_value("--load")?.context("--load")?;
    args.finish()?;
    let size = format!("size={DISK_MIB}m");
    command::run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs", place]))?;
    fill(&server, &Load::new(load), Path::new(place))?;
    Ok(ExitCode::SUCCESS)
}

fn fill(server: &Path, load: &Load, disk: &Path) -> anyhow::Result<()> {
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![0; BALLAST_MIB << 20])?;
    // The journal and the log must not share the full disk.
    let elsewhere = tempfile::tempdir()?;
    let journal = elsewhere.path().join("journal").display().to_string();
    let plan = Plan::new(server, disk)?;
    let log = elsewhere.path().join("server.log");
    let mut running = crate::server::Server::spawn(plan.command(), &log)?;
    running.wait_ready()?;
    let words = ["--endpoint", &plan.endpoint(), "--clients", "8", "--journal", &journal];
    let mut words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    words.extend(["--value-bytes".to_owned(), VALUE_BYTES.to_string(), "--fresh-keys".to_owned()]);
    let writes = load.start_chaos(&words)?;
    let status = running.wait_exit(FULL_WITHIN).context("its disk is full")?;
    writes.wait()?;
    let said = running.log_text();
    ensure!(!status.success(), "it ended with success on a full disk");
    let clear = said.lines().rev().take(15).any(is_clear);
    ensure!(clear, "its final words name no lack of space ({status}):\n{}", running.final_lines());
    fs::remove_file(&ballast)?;
    all_is_there(&plan, load, (&log, &journal))
}

pub(super) fn is_clear(line: &str) -> bool {
    let line = line.to_lowercase();
    ["no space left", "disk is full", "os error 28", "storagefull"].iter().any(|words| line.contains(words))
}

fn all_is_there(plan: &Plan, load: &Load, (log, journal): (&Path, &str)) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut server = loop {
        let mut server = crate::server::Server::spawn(plan.command(), log)?;
        match server.wait_ready() {
            Ok(()) => break server,
            Err(error) if begun.elapsed() > Duration::from_secs(5) => {
                return Err(error.context("with space again"));
            }
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    };
    let report = load.verify(&plan.endpoint(), Path::new(journal))?;
    println!("full disk: {} acknowledged, all there with space again", number(&report, "acknowledged"));
    if !server.is_running()? {
        bail!("it ended after the restart:\n{}", server.final_lines());
    }
    Ok(())
}
