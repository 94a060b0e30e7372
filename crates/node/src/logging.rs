//! Log lines in etcd's shape: one JSON object a line on stderr, with `level`, `ts`, `caller`, `msg`.
//!
//! Scripts and test harnesses read them; `--log-format=console` is for people.

use crate::config::{LogFormat, LogLevel};
use serde_json::{Map, Value};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Sends everything that is logged from here on to stderr. The second call in a process does nothing.
pub fn init(level: LogLevel, format: LogFormat) {
    let ours = match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    // openraft narrates its elections at info, and some orderly shutdowns at error.
    let filter = EnvFilter::new(format!("{ours},openraft={}", if ours == "debug" { "info" } else { "off" }));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match format {
        LogFormat::Json => lines.event_format(EtcdLines).try_init(),
        LogFormat::Console => lines.with_target(false).try_init(),
    };
    drop(outcome); // a test process may have one already
}

/// etcd's (zap's) line format.
#[derive(Debug)]
struct EtcdLines;

impl<S, N> FormatEvent<S, N> for EtcdLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut ts = String::new();
        SystemTime.format_time(&mut Writer::new(&mut ts))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = format!(r#"{{"level":"{}","ts":"{ts}","caller":"#, level_name(*metadata.level()));
        line.push_str(&Value::from(caller(metadata.file(), metadata.line())).to_string());
        line.push_str(r#","msg":"#);
        line.push_str(&Value::from(fields.message).to_string());
        for (name, value) in fields.others {
            line.push_str(&format!(",{}:{value}", Value::from(name)));
        }
        writeln!(writer, "{line}}}")
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

/// The last folder, the file and the line.
fn caller(file: Option<&str>, line: Option<u32>) -> String {
    let file = file.unwrap_or("unknown");
    let short = file.rmatch_indices('/').nth(1).map_or(file, |(position, _)| &file[position + 1..]);
    format!("{short}:{}", line.unwrap_or(0))
}

#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        } else {
            self.others.insert(field.name().replace('_', "-"), value);
        }
    }
}

impl Visit for Fields {
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

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics with it").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_json_object_in_etcds_shape() {
        let sink = Sink::default();
        let writer = sink.clone();
        let lines =
            tracing_subscriber::fmt().event_format(EtcdLines).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(lines, || {
            tracing::warn!(peer_id = 7, name = "a \"quoted\"\nname", "something odd");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!((&line["level"], &line["msg"]), (&"warn".into(), &"something odd".into()));
        assert_eq!((&line["peer-id"], &line["name"]), (&7.into(), &"a \"quoted\"\nname".into()));
        assert!(line["caller"].as_str().unwrap().starts_with("src/logging.rs:"), "{line}");
        assert!(line["ts"].as_str().unwrap().ends_with('Z'));
    }
}
