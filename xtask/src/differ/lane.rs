//! A pair of servers and the program that compares them. It asks for fresh servers by a line of its output.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use super::Programs;
use crate::command;
use crate::server::{Plan, Server};

const WISH: &str = "fresh";
/// Where files are memory.
const MEMORY: &str = "/dev/shm";
/// A lane needs less; what else is there needs some too.
const ROOM_BYTES: u64 = 2 << 30;
/// The last lines of a server that died.
const ENDED: &str = "a server ended";

pub(super) struct Lane<'a> {
    programs: Programs<'a>,
    running: Option<Running>,
    /// A server that died was told of: it does so in every trial of shrinking.
    is_told: bool,
}

/// Both servers, and the place of their data, which goes with them.
struct Running {
    etcd: Server,
    ours: Server,
    endpoints: (String, String),
    _place: tempfile::TempDir,
}

/// Ends the program that compares if we go first.
struct Comparer(Child);

impl Drop for Comparer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'a> Lane<'a> {
    pub(super) fn new(programs: Programs<'a>) -> Lane<'a> {
        Lane { programs, running: None, is_told: false }
    }

    /// Runs the program to its end. Gives its line of JSON.
    pub(super) fn run(&mut self, words: &[String]) -> anyhow::Result<Value> {
        let mut command = Command::new(self.programs.load);
        command
            .arg("differ")
            .args(["--etcd", self.programs.etcd.version])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("start {}", command::line(&command)))?;
        let mut comparer = Comparer(child);
        let mut input = comparer.0.stdin.take().context("stdin is a pipe")?;
        let output = comparer.0.stdout.take().context("stdout is a pipe")?;
        let mut report = None;
        for line in BufReader::new(output).lines() {
            match line?.as_str() {
                WISH => {
                    self.say_who_ended()?;
                    self.running = None;
                    let running = Running::start(self.programs)?;
                    writeln!(input, "{} {}", running.endpoints.0, running.endpoints.1)?;
                    self.running = Some(running);
                }
                line => {
                    report = Some(serde_json::from_str(line).with_context(|| format!("it said {line:?}"))?);
                }
            }
        }
        let status = comparer.0.wait()?;
        if !status.success() {
            bail!("quorate-load differ: {status}; its reason stands above");
        }
        report.context("quorate-load differ said nothing")
    }

    /// A history may have been more than a server could take.
    fn say_who_ended(&mut self) -> anyhow::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        for (name, server) in [("etcd", &mut running.etcd), ("ours", &mut running.ours)] {
            if !self.is_told && !server.is_running()? {
                self.is_told = true;
                println!("{ENDED}: {name}; it said:\n{}", server.final_lines());
            }
        }
        Ok(())
    }
}

impl Running {
    fn start(programs: Programs<'_>) -> anyhow::Result<Running> {
        let place = place()?;
        let start = |name: &str, program: &Path| {
            let folder = place.path().join(name);
            std::fs::create_dir(&folder)?;
            let plan = Plan::new(program, &folder)?;
            let mut command = plan.command();
            // Elections as always: ours extends all leases if it was not given the processor for as long as one takes.
            command.arg("--unsafe-no-fsync");
            let server = Server::spawn(command, &plan.log())?;
            anyhow::Ok((server, plan.endpoint()))
        };
        let (mut etcd, etcd_endpoint) = start("etcd", &programs.etcd.program)?;
        let (mut ours, ours_endpoint) = start("ours", programs.ours)?;
        etcd.wait_ready().context("etcd")?;
        ours.wait_ready().context("our server")?;
        Ok(Running { etcd, ours, endpoints: (etcd_endpoint, ours_endpoint), _place: place })
    }
}

fn place() -> anyhow::Result<tempfile::TempDir> {
    let has_room = rustix::fs::statvfs(MEMORY)
        .is_ok_and(|memory| memory.f_bavail.saturating_mul(memory.f_frsize) > ROOM_BYTES);
    let place = if has_room { tempfile::tempdir_in(MEMORY) } else { tempfile::tempdir() };
    place.context("make a place for the servers")
}
