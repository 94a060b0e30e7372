//! Running other programs: every failure names the command line that failed.

use std::fs;
use std::io::{Seek, Write};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// What a program on this machine takes to say what it has to say, many times over.
const LINES_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// The command line as somebody would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs it with our stdout and stderr; anything but exit 0 is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("start {}", line(command)))?;
    if !status.success() {
        bail!("{}: {status}", line(command));
    }
    Ok(())
}

/// Runs it and keeps what it prints, whatever its exit code.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("start {}", line(command)))
}

/// As [`output`], with `stdin` to read.
pub(crate) fn output_with(command: &mut Command, stdin: &str) -> anyhow::Result<Output> {
    let mut file = tempfile::tempfile().context("make a file for stdin")?;
    file.write_all(stdin.as_bytes()).and_then(|()| file.rewind()).context("write stdin")?;
    command.stdin(file).output().with_context(|| format!("start {}", line(command)))
}

/// Runs what does not end by itself until it has printed so many lines on stdout, and interrupts it. Gives them, and
/// whatever it said while it ended; fewer if no more came in time.
pub(crate) fn lines_until(command: &mut Command, count: usize) -> anyhow::Result<Vec<String>> {
    let file = tempfile::NamedTempFile::new().context("make a file for stdout")?;
    command.stdin(Stdio::null()).stdout(file.reopen()?).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("start {}", line(command)))?;
    let lines =
        || anyhow::Ok(fs::read_to_string(file.path())?.lines().map(str::to_owned).collect::<Vec<_>>());
    let begun = Instant::now();
    while lines()?.len() < count && begun.elapsed() < LINES_WITHIN && child.try_wait()?.is_none() {
        thread::sleep(POLL);
    }
    let interrupted = Instant::now();
    if child.try_wait()?.is_none() {
        kill_process(Pid::from_child(&child), Signal::INT)?;
    }
    while child.try_wait()?.is_none() {
        if interrupted.elapsed() > LINES_WITHIN {
            child.kill()?;
        }
        thread::sleep(POLL);
    }
    lines()
}

/// What it prints on stdout, trimmed; anything but exit 0 is an error that shows its stderr.
pub(crate) fn text(command: &mut Command) -> anyhow::Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}\n{}", line(command), output.status, reason.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program of this name can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
