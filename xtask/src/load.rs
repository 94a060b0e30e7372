//! The program `quorate-load`, which speaks gRPC for us: writes, keeps what was acknowledged, and verifies it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::command;

#[derive(Debug, Clone)]
pub(crate) struct Load {
    program: PathBuf,
}

/// A load that runs beside us; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Load {
    pub(crate) fn new(program: PathBuf) -> Load {
        Load { program }
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// One workload, measured. Gives the program's line of JSON.
    pub(crate) fn measure(&self, arguments: &[String]) -> anyhow::Result<Value> {
        self.report("measure", arguments)
    }

    /// What a way there and back costs at the server at `endpoint`.
    pub(crate) fn round_trip(&self, endpoint: &str) -> anyhow::Result<Value> {
        self.report("round-trip", &["--endpoint".to_owned(), endpoint.to_owned()])
    }

    /// A measurement that asks for something now and then, one line each; `answer` does it. Gives the program's line of JSON.
    pub(crate) fn converse(
        &self,
        arguments: &[String],
        mut answer: impl FnMut(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<Value> {
        let mut command = self.command("failover", arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("start {}", command::line(&command)))?;
        let mut running = Running { child };
        let mut input = running.child.stdin.take().context("stdin is a pipe")?;
        let output = running.child.stdout.take().context("stdout is a pipe")?;
        let mut report = None;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line.starts_with('{') {
                report = Some(serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))?);
            } else {
                writeln!(input, "{}", answer(&line)?)?;
            }
        }
        running.wait()?;
        report.context("quorate-load said nothing")
    }

    /// Writes until the connection dies.
    pub(crate) fn start_chaos(&self, arguments: &[String]) -> anyhow::Result<Running> {
        let mut command = self.command("chaos-write", arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("start {}", command::line(&command)))?;
        Ok(Running { child })
    }

    /// Whether the server at `endpoint` has what the journal says. Gives the counts.
    pub(crate) fn verify(&self, endpoint: &str, journal: &Path) -> anyhow::Result<Value> {
        let journal = journal.display().to_string();
        self.report(
            "verify",
            &["--endpoint".to_owned(), endpoint.to_owned(), "--journal".to_owned(), journal],
        )
    }

    fn report(&self, what: &str, arguments: &[String]) -> anyhow::Result<Value> {
        let mut command = self.command(what, arguments);
        let output = command::output(&mut command)?;
        if !output.status.success() {
            bail!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).with_context(|| format!("{what} printed {text:?}"))
    }

    fn command(&self, what: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(what).args(arguments);
        command
    }
}

impl Running {
    /// Waits for its end; an error if it saw something that must not be.
    pub(crate) fn wait(mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("quorate-load: {status}; its reason stands above");
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number of a report.
pub(crate) fn number(report: &Value, name: &str) -> f64 {
    report.get(name).and_then(Value::as_f64).unwrap_or_default()
}
