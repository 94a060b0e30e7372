//! Log lines in etcd's (zap's) shapes, to wherever they are wanted.
//!
//! Scripts and test harnesses read the JSON; the columns of `--log-format=console` are for people. Each line reaches each output whole,
//! in one write. Nothing is buffered, so that the lines before an abort are there.

mod line;
mod rotation;

use crate::config::{Log, LogFormat, LogLevel, LogOutput, Rotation};
use line::{Console, Json};
use rotation::Rotating;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// A log file that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("open log file {}", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

/// Sends everything that is logged from here on to where `log` says. The second call in a process does nothing.
///
/// # Errors
/// A log file that cannot be opened, and then nothing is logged.
pub fn init(log: &Log) -> Result<(), Error> {
    let layers: Result<Vec<_>, Error> = log.outputs.iter().map(|output| layer(log, output)).collect();
    let outcome = tracing_subscriber::registry().with(filter(log.level)).with(layers?).try_init();
    drop(outcome); // a test process may have one already
    Ok(())
}

fn filter(level: LogLevel) -> EnvFilter {
    let ours = match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    // openraft narrates its elections at info, and some orderly shutdowns at error.
    EnvFilter::new(format!("{ours},openraft={}", if ours == "debug" { "info" } else { "off" }))
}

type Filtered = Layered<EnvFilter, Registry>;
type Output = Box<dyn Layer<Filtered> + Send + Sync>;

fn layer(log: &Log, output: &LogOutput) -> Result<Output, Error> {
    Ok(match output {
        LogOutput::Stderr => shaped(log.format, io::stderr, io::stderr().is_terminal()),
        LogOutput::Stdout => shaped(log.format, io::stdout, io::stdout().is_terminal()),
        LogOutput::File(path) => match log.rotation {
            Some(rules) => shaped(log.format, Mutex::new(rotating(path, rules)?), false),
            None => shaped(log.format, Arc::new(appending(path)?), false),
        },
    })
}

fn shaped<W>(format: LogFormat, writer: W, is_terminal: bool) -> Output
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => lines.event_format(Json).boxed(),
        LogFormat::Console => lines.event_format(Console { is_terminal }).boxed(),
    }
}

fn appending(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map_err(|source| Error { path: path.to_owned(), source })
}

fn rotating(path: &Path, rules: Rotation) -> Result<Rotating, Error> {
    Rotating::open(path, rules, line::now).map_err(|source| Error { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
