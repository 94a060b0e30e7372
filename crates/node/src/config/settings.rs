//! All settings, read: what was written where, in the type its row of the table gives it, and defaults for the rest.

use super::number::{self, Misread};
use super::options::{self, Kind, Setting, Status};
use super::problem::{Complaint, Origin, Problem, SWITCH, Spot};
use std::collections::BTreeMap;
use std::time::Duration;

/// What somebody wrote, by flag name.
pub(super) type Written = BTreeMap<&'static str, Entry>;

/// One setting as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// A value in its type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
    Text(String),
    List(Vec<String>),
    Natural(u64),
    Integer(i64),
    Duration(Duration),
    Switch(bool),
}

/// Every setting of the table with a value of its kind.
#[derive(Debug)]
pub(super) struct Settings {
    readings: BTreeMap<&'static str, (Reading, Origin)>,
}

impl Settings {
    /// Reads `written`; what cannot be read is a problem and counts as its default. What is accepted without effect
    /// becomes a remark, what must not be a problem.
    pub(super) fn read(mut written: Written, problems: &mut Vec<Problem>, remarks: &mut Vec<String>) -> Self {
        let mut readings = BTreeMap::new();
        for setting in options::settings() {
            let default = read(setting, setting.default).expect("a test reads every default of the table");
            let Some(Entry { text, origin }) = written.remove(setting.flag) else {
                readings.insert(setting.flag, (default, Origin::Default));
                continue;
            };
            let spot = Spot { flag: setting.flag, origin: origin.clone() };
            let reading = read(setting, &text).unwrap_or_else(|complaint| {
                problems.push(Problem { spot: spot.clone(), complaint });
                default.clone()
            });
            if reading != default {
                match setting.status {
                    Status::InForce => (),
                    Status::NotYet(instead) => {
                        remarks.push(format!("{spot} is accepted but not in force yet: {instead}"));
                    }
                    Status::NoMeaning(why) => {
                        remarks.push(format!("{spot} is accepted but has no meaning here: {why}"));
                    }
                    Status::Refused(what) => {
                        problems.push(Problem { spot, complaint: Complaint::NotThere(what) });
                    }
                }
            }
            readings.insert(setting.flag, (reading, origin));
        }
        Self { readings }
    }

    /// Whether somebody wrote it, be it the default.
    pub(super) fn is_set(&self, flag: &'static str) -> bool {
        *self.origin(flag) != Origin::Default
    }

    /// Whether it was set by a flag or a variable.
    pub(super) fn is_explicit(&self, flag: &'static str) -> bool {
        matches!(self.origin(flag), Origin::Flag | Origin::Variable(_))
    }

    /// Whether it is something other than the default.
    pub(super) fn is_changed(&self, flag: &'static str) -> bool {
        let setting = options::settings().find(|setting| setting.flag == flag);
        let setting = setting.expect("the table has every flag that the code asks for");
        let default = read(setting, setting.default).expect("a test reads every default of the table");
        *self.reading(flag) != default
    }

    pub(super) fn spot(&self, flag: &'static str) -> Spot {
        Spot { flag, origin: self.origin(flag).clone() }
    }

    pub(super) fn text(&self, flag: &'static str) -> &str {
        match self.reading(flag) {
            Reading::Text(text) => text,
            other => panic!("{MISMATCH}: --{flag} is {other:?}"),
        }
    }

    pub(super) fn list(&self, flag: &'static str) -> &[String] {
        match self.reading(flag) {
            Reading::List(texts) => texts,
            other => panic!("{MISMATCH}: --{flag} is {other:?}"),
        }
    }

    pub(super) fn natural(&self, flag: &'static str) -> u64 {
        match self.reading(flag) {
            Reading::Natural(number) => *number,
            other => panic!("{MISMATCH}: --{flag} is {other:?}"),
        }
    }

    pub(super) fn integer(&self, flag: &'static str) -> i64 {
        match self.reading(flag) {
            Reading::Integer(number) => *number,
            other => panic!("{MISMATCH}: --{flag} is {other:?}"),
        }
    }

    pub(super) fn duration(&self, flag: &'static str) -> Duration {
        match self.reading(flag) {
            Reading::Duration(span) => *span,
            other => panic!("{MISMATCH}: --{flag} is {other:?}"),
        }
    }

    pub(super) fn switch(&self, flag: &'static str) -> bool {
        match self.reading(flag) {
            Reading::Switch(is_on) => *is_on,
            other => panic!("{MISMATCH}: --{flag} is {other:?}"),
        }
    }

    fn origin(&self, flag: &'static str) -> &Origin {
        &self.readings.get(flag).expect("the table has every flag that the code asks for").1
    }

    fn reading(&self, flag: &'static str) -> &Reading {
        &self.readings.get(flag).expect("the table has every flag that the code asks for").0
    }
}

/// Every start reads every setting that is in force, so a mistake here cannot go unseen.
const MISMATCH: &str = "the table gives the setting another kind";

fn read(setting: &Setting, text: &str) -> Result<Reading, Complaint> {
    let unreadable = |misread: Misread, expected| Complaint::Unreadable {
        text: text.to_owned(),
        expected,
        is_out_of_range: misread == Misread::Range,
    };
    Ok(match setting.kind {
        Kind::Text(_) => Reading::Text(text.to_owned()),
        Kind::Choice(words) => Reading::Text(choice(words, text)?),
        Kind::List(_) | Kind::Urls => Reading::List(parts(text)),
        Kind::Natural { max, .. } => {
            let number = number::natural(text)
                .and_then(|number| if number <= max { Ok(number) } else { Err(Misread::Range) });
            Reading::Natural(number.map_err(|misread| unreadable(misread, "a whole number"))?)
        }
        Kind::Integer(_) => {
            Reading::Integer(number::integer(text).map_err(|misread| unreadable(misread, "a whole number"))?)
        }
        Kind::Duration => {
            let nanos =
                number::nanoseconds(text).and_then(|nanos| u64::try_from(nanos).map_err(|_| Misread::Range));
            let nanos = nanos.map_err(|misread| unreadable(misread, "a time such as 100ms or 1m30s"))?;
            Reading::Duration(Duration::from_nanos(nanos))
        }
        Kind::Switch => Reading::Switch(truth(text).ok_or_else(|| unreadable(Misread::Syntax, SWITCH))?),
    })
}

/// Log levels are written in capitals too.
fn choice(words: &[&str], text: &str) -> Result<String, Complaint> {
    let word = words.iter().find(|word| **word == text || word.to_uppercase() == text);
    let complaint = || Complaint::Choice { found: text.to_owned(), choices: words.join(", ") };
    word.map(|word| (*word).to_owned()).ok_or_else(complaint)
}

/// The parts of a list with commas, without blanks and repetitions.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if !parts.iter().any(|earlier| earlier == part) {
            parts.push(part.to_owned());
        }
    }
    parts
}

/// Go's words for true and false.
fn truth(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
