//! What is logged, how and where.

use super::problem::{Complaint, Problem};
use super::settings::Settings;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What is logged, how and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least important messages that are logged.
    pub level: LogLevel,
    /// In which shape.
    pub format: LogFormat,
    /// Where to; each gets every line.
    pub outputs: Vec<LogOutput>,
    /// When the file among them is long enough; none for never. Then there is at most one file.
    pub rotation: Option<Rotation>,
}

/// The least important messages that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are etcd's")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, as etcd's.
    Json,
    /// For people: columns, in colours on a terminal.
    Console,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// To the end of this file.
    File(PathBuf),
}

/// When a log file is replaced, and which old ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// A file takes no line that would make it longer.
    pub bytes_max: u64,
    /// Old files are deleted after so many days; 0 for never.
    pub days_max: u64,
    /// So many old files are kept; 0 for all.
    pub backups_max: u64,
}

/// Lumberjack's, which etcd uses.
const BYTES_DEFAULT: u64 = 100 * MEGABYTE;
const MEGABYTE: u64 = 1 << 20;

/// The settings for the log; what is wrong with them goes to `problems`.
pub(super) fn settle(settings: &Settings, problems: &mut Vec<Problem>, remarks: &mut Vec<String>) -> Log {
    let mut complain = |flag, text: String| {
        problems.push(Problem { spot: settings.spot(flag), complaint: Complaint::Rule(text) });
    };
    match settings.text("logger") {
        "zap" => (),
        "capnslog" => complain("logger", "--logger=capnslog is removed in v3.5; leave it at zap".into()),
        other => complain("logger", format!("unknown logger option \"{other}\"; only zap is known")),
    }
    let names = settings.list("log-outputs");
    if names.len() > 1 && names.iter().any(|name| name == "default") {
        complain("log-outputs", "multi logoutput for \"default\" is not supported yet; use stderr".into());
    }
    if names.iter().any(|name| name == JOURNAL) {
        let text = "writing to the journal itself is not implemented; under systemd stderr goes there";
        complain("log-outputs", format!("{JOURNAL}: {text}"));
    }
    let outputs = outputs(names);
    let is_rotating = settings.switch("enable-log-rotation");
    let rotation = is_rotating.then(|| {
        let files = outputs.iter().filter(|output| matches!(output, LogOutput::File(_))).count();
        if files > 1 || files == 0 && outputs.len() == 1 {
            let text = "--log-outputs requires a single file path when --log-rotate-config-json is defined";
            complain("enable-log-rotation", text.into());
        }
        rotation(settings.text("log-rotation-config-json"), remarks).unwrap_or_else(|text| {
            complain("log-rotation-config-json", text);
            Rotation { bytes_max: BYTES_DEFAULT, days_max: 0, backups_max: 0 }
        })
    });
    Log {
        level: level(settings.text("log-level")),
        format: format(settings.text("log-format")),
        outputs,
        rotation,
    }
}

const JOURNAL: &str = "systemd/journal";

fn outputs(names: &[String]) -> Vec<LogOutput> {
    let output = |name: &String| match name.as_str() {
        "default" | "stderr" | JOURNAL => LogOutput::Stderr,
        "stdout" => LogOutput::Stdout,
        path => LogOutput::File(PathBuf::from(path)),
    };
    if names.is_empty() { vec![LogOutput::Stderr] } else { names.iter().map(output).collect() }
}

/// Messages above `error` do not exist here.
fn level(word: &str) -> LogLevel {
    match word {
        "debug" => LogLevel::Debug,
        "info" => LogLevel::Info,
        "warn" => LogLevel::Warn,
        _ => LogLevel::Error,
    }
}

fn format(word: &str) -> LogFormat {
    if word == "console" { LogFormat::Console } else { LogFormat::Json }
}

/// Go reads JSON's names in any case, and passes over those it does not know.
fn rotation(json: &str, remarks: &mut Vec<String>) -> Result<Rotation, String> {
    let json: Value = serde_json::from_str(json)
        .map_err(|error| format!("improperly formatted log rotation config: {error}"))?;
    let Value::Object(fields) = json else {
        return Err("invalid log rotation config: expected an object, as {\"maxsize\": 100}".into());
    };
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let number = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value.as_u64().ok_or_else(|| {
            format!("invalid log rotation config: {name} must be a whole number, not {value}")
        }),
    };
    let switch = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| format!("invalid log rotation config: {name} must be true or false, not {value}")),
    };
    if switch("compress")? {
        remarks.push(
            "compress in --log-rotation-config-json is not in force yet: old log files stay as they are"
                .into(),
        );
    }
    if switch("localtime")? {
        remarks.push(
            "localtime in --log-rotation-config-json is not in force yet: old log files are named in UTC"
                .into(),
        );
    }
    let bytes_max = match number("maxsize")? {
        0 => BYTES_DEFAULT,
        megabytes => megabytes.saturating_mul(MEGABYTE),
    };
    Ok(Rotation { bytes_max, days_max: number("maxage")?, backups_max: number("maxbackups")? })
}
