//! Whoever started us has the members: we ask by a line on stdout, and are answered on stdin.

use std::fmt::Display;
use std::io::{self, Write};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;

/// SIGKILL for this member; answered once it is gone. Gives the moment before.
pub(crate) fn kill(member: usize) -> anyhow::Result<Duration> {
    ask("kill", member).map(Duration::from_nanos)
}

/// SIGTERM for this member; answered at once. Gives the moment before.
pub(crate) fn stop(member: usize) -> anyhow::Result<Duration> {
    ask("stop", member).map(Duration::from_nanos)
}

/// Starts this member, once the process that it was has ended; answered at once. Gives the new one.
pub(crate) fn start(member: usize) -> anyhow::Result<String> {
    ask::<u32>("start", member).map(|process| process.to_string())
}

fn ask<T: FromStr<Err: Display>>(wish: &str, member: usize) -> anyhow::Result<T> {
    println!("{wish} {member}");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let answer = line.trim_end();
    answer
        .parse()
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("{wish} {member}: {}", if answer.is_empty() { "no answer" } else { answer }))
}
