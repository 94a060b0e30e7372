//! A YAML file with etcd's keys: sections for TLS, sockets and discovery, times in nanoseconds, lists where etcd has lists.
//!
//! Keys that are no settings are warned of, where etcd ignores them. Nothing and, for words and URLs, an empty text leave the default, as for
//! etcd. Times may also be written as Go writes them, and lists with commas.

use super::Contents;
use crate::config::options::{self, Kind, Setting};
use crate::config::problem::{Complaint, Origin, Problem, Spot};
use crate::config::settings::Entry;
use config::{File, FileFormat, Map, Source, Value, ValueKind};

pub(super) fn read(path: &str, text: &str) -> Result<Contents, String> {
    let keys = File::from_str(text, FileFormat::Yaml).collect();
    let keys = keys.map_err(|error| {
        format!("config file {path} is neither YAML nor lines of ETCD_X=\"...\": {error}")
    })?;
    let mut reader = Reader { file: path, contents: Contents::default() };
    reader.section("", keys);
    Ok(reader.contents)
}

struct Reader<'a> {
    file: &'a str,
    contents: Contents,
}

impl Reader<'_> {
    fn section(&mut self, section: &str, keys: Map<String, Value>) {
        let mut keys: Vec<(String, Value)> = keys.into_iter().collect();
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, value) in keys {
            let path = if section.is_empty() { key } else { format!("{section}.{key}") };
            let inner = format!("{path}.");
            let section = options::settings()
                .find(|setting| setting.path().is_some_and(|path| path.starts_with(&inner)));
            if let Some(setting) = options::settings().find(|setting| setting.path() == Some(path.as_str())) {
                self.setting(setting, &path, value.kind);
            } else if let Some(first) = section {
                match value.kind {
                    ValueKind::Table(keys) => self.section(&path, keys),
                    ValueKind::Nil => (),
                    _ => self.complain(first, &path, Complaint::NoSection),
                }
            } else {
                self.unknown(&path);
            }
        }
    }

    fn setting(&mut self, setting: &'static Setting, path: &str, value: ValueKind) {
        match text(setting.kind, value) {
            Ok(Some(text)) => {
                let origin = self.origin(path);
                self.contents.written.insert(setting.flag, Entry { text, origin });
            }
            Ok(None) => (),
            Err(text) => {
                let complaint = Complaint::Unreadable { text, expected: "one value", is_out_of_range: false };
                self.complain(setting, path, complaint);
            }
        }
    }

    fn unknown(&mut self, path: &str) {
        let flag = options::settings().find(|setting| setting.flag == path);
        let hint = match (options::successor(path), flag.map(|setting| setting.place)) {
            (Some(now), _) => format!(" (it went before etcd 3.7, use {now})"),
            (None, Some(options::Place::Section(now))) => format!(" (in a YAML file it is {now})"),
            (None, Some(_)) => " (etcd reads it only as a flag or variable)".to_owned(),
            (None, None) => String::new(),
        };
        self.contents.warnings.push(format!("unknown key {path} in {} is ignored{hint}", self.file));
    }

    fn complain(&mut self, setting: &'static Setting, path: &str, complaint: Complaint) {
        let spot = Spot { flag: setting.flag, origin: self.origin(path) };
        self.contents.problems.push(Problem { spot, complaint });
    }

    fn origin(&self, path: &str) -> Origin {
        Origin::Key { file: self.file.to_owned(), path: path.to_owned() }
    }
}

/// A value as one would write it in a flag, or nothing if it leaves the default.
fn text(kind: Kind, value: ValueKind) -> Result<Option<String>, String> {
    let text = match value {
        ValueKind::Nil => return Ok(None),
        ValueKind::Boolean(is_on) => is_on.to_string(),
        ValueKind::I64(nanos) if kind == Kind::Duration => format!("{nanos}ns"),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::U64(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::String(text) if kind == Kind::Switch => yes_or_no(text),
        ValueKind::String(text) => text,
        ValueKind::Array(values) if matches!(kind, Kind::List(_)) => {
            let texts: Result<Vec<Option<String>>, String> =
                values.into_iter().map(|value| self::text(Kind::Text(""), value.kind)).collect();
            texts?.into_iter().flatten().collect::<Vec<_>>().join(",")
        }
        other => return Err(other.to_string()),
    };
    let leaves_default = text.is_empty() && matches!(kind, Kind::Choice(_) | Kind::List(_) | Kind::Urls);
    Ok((!leaves_default).then_some(text))
}

/// YAML 1.1, which etcd reads, has more words for true and false.
fn yes_or_no(word: String) -> String {
    match word.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" | "true" => "true".to_owned(),
        "n" | "no" | "off" | "false" => "false".to_owned(),
        _ => word,
    }
}
