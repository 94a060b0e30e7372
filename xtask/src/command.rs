//! Running other programs: every failure names the command line that failed.

use std::io::{Seek, Write};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};

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
