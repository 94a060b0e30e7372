use super::*;
use serde_json::Value;
use std::io::Write;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::format::DefaultFields;

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

fn odd_line<E>(shape: E) -> String
where
    E: FormatEvent<Registry, DefaultFields> + Send + Sync + 'static,
{
    let sink = Sink::default();
    let writer = sink.clone();
    let lines = tracing_subscriber::fmt::layer().event_format(shape).with_writer(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
        tracing::warn!(peer_id = 7, name = "a \"quoted\"\nname", "something odd");
    });
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1);
    text.trim_end().to_owned()
}

#[test]
fn a_line_is_one_json_object_in_etcds_shape() {
    let line: Value = serde_json::from_str(&odd_line(Json)).unwrap();
    assert_eq!((&line["level"], &line["msg"]), (&"warn".into(), &"something odd".into()));
    assert_eq!((&line["peer-id"], &line["name"]), (&7.into(), &"a \"quoted\"\nname".into()));
    assert!(line["caller"].as_str().unwrap().starts_with("logging/tests.rs:"), "{line}");
    assert!(line["ts"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_line_for_people_has_zaps_columns() {
    let line = odd_line(Console { is_terminal: false });
    let columns: Vec<&str> = line.split('\t').collect();
    assert!(columns[0].ends_with('Z') && columns[2].starts_with("logging/tests.rs:"), "{line}");
    assert_eq!((columns[1], columns[3]), ("warn", "something odd"));
    assert_eq!(columns[4], r#"{"name": "a \"quoted\"\nname", "peer-id": 7}"#);
    assert!(odd_line(Console { is_terminal: true }).contains("\t\x1b[33mwarn\x1b[0m\t"));
}

#[test]
fn every_output_gets_the_lines_of_its_level() {
    let root = tempfile::tempdir().unwrap();
    let paths = ["plain", "rotating"].map(|name| root.path().join(name));
    let rotation = Rotation { bytes_max: 1 << 20, days_max: 0, backups_max: 0 };
    for (path, rotation) in paths.iter().zip([None, Some(rotation)]) {
        let outputs = vec![LogOutput::File(path.clone())];
        let log = Log { level: LogLevel::Warn, format: LogFormat::Json, outputs, rotation };
        let layers: Vec<_> = log.outputs.iter().map(|output| layer(&log, output).unwrap()).collect();
        let subscriber = tracing_subscriber::registry().with(filter(log.level)).with(layers);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("left out");
            tracing::warn!("kept");
        });
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("kept") && !text.contains("left out") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("no/folder");
    let outputs = vec![LogOutput::File(path.clone())];
    let log = Log { level: LogLevel::Info, format: LogFormat::Json, outputs, rotation: None };
    assert_eq!(init(&log).unwrap_err().to_string(), format!("open log file {}", path.display()));
}
