//! One event as one line: zap's JSON, and zap's columns.

use serde_json::{Map, Value};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// One JSON object a line, with `level`, `ts`, `caller`, `msg` and what else the event has.
#[derive(Debug)]
pub(super) struct Json;

/// Time, level, place, message and fields, with tabs between them; on a terminal the level in colour.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) is_terminal: bool,
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Line { level, caller, message, others } = Line::of(event);
        let (caller, message) = (Value::from(caller), Value::from(message));
        write!(writer, r#"{{"level":"{}","ts":"{}","caller":{caller},"msg":{message}"#, name(level), now())?;
        for (name, value) in others {
            write!(writer, ",{}:{value}", Value::from(name))?;
        }
        writeln!(writer, "}}")
    }
}

impl<S, N> FormatEvent<S, N> for Console
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Line { level, caller, message, others } = Line::of(event);
        let level = if self.is_terminal {
            format!("\x1b[{}m{}\x1b[0m", colour(level), name(level))
        } else {
            name(level).into()
        };
        // A message of several lines would look like several messages.
        write!(writer, "{}\t{level}\t{caller}\t{}", now(), message.replace('\n', "\\n"))?;
        let fields: Vec<String> =
            others.into_iter().map(|(name, value)| format!("{}: {value}", Value::from(name))).collect();
        if !fields.is_empty() {
            write!(writer, "\t{{{}}}", fields.join(", "))?;
        }
        writeln!(writer)
    }
}

/// The time in UTC to the microsecond: `2026-01-31T12:00:00.000000Z`.
pub(super) fn now() -> String {
    let mut text = String::new();
    SystemTime.format_time(&mut Writer::new(&mut text)).expect("a String takes everything");
    text
}

/// What an event says.
struct Line {
    level: Level,
    caller: String,
    message: String,
    others: Map<String, Value>,
}

impl Line {
    fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let caller = caller(metadata.file(), metadata.line());
        let mut line = Self { level: *metadata.level(), caller, message: String::new(), others: Map::new() };
        event.record(&mut line);
        line
    }

    fn set(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        } else {
            self.others.insert(field.name().replace('_', "-"), value);
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

/// zap's: red, yellow, blue, magenta.
fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 34,
        Level::DEBUG | Level::TRACE => 35,
    }
}

/// The last folder, the file and the line.
fn caller(file: Option<&str>, line: Option<u32>) -> String {
    let file = file.unwrap_or("unknown");
    let short = file.rmatch_indices('/').nth(1).map_or(file, |(position, _)| &file[position + 1..]);
    format!("{short}:{}", line.unwrap_or(0))
}
