//! The command line as Go's flag package reads it, made into one that clap reads.
//!
//! Go takes `-name` for `--name`, a value that begins with a dash, and `=1` or `=T` for a switch; the first argument
//! that is neither a flag nor a flag's value ends the flags.

use super::options::{self, CONFIG_FILE, IGNORED, Kind, VERSION};
use super::problem::SWITCH;
use std::ffi::OsString;

const HELP: &str = "help";

/// Why a command line makes no sense, and the code to exit with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Senseless {
    pub(super) text: String,
    pub(super) code: u8,
}

/// `arguments`, the program's name first, with two dashes before every flag and `=` before every value.
pub(super) fn settle(arguments: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Senseless> {
    let mut arguments = arguments.into_iter();
    let mut settled: Vec<OsString> = arguments.next().into_iter().collect();
    while let Some(argument) = arguments.next() {
        // What is not UTF-8 is for clap to refuse.
        let Some(text) = argument.to_str() else {
            settled.push(argument);
            continue;
        };
        let Some(flag) = flag(text) else {
            let stray = if text == "--" { arguments.next() } else { Some(argument) };
            return stray.map_or(Ok(settled), |stray| Err(not_a_flag(&stray)));
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        match kind(name) {
            _ if IGNORED.contains(&name) => (),
            // Go reads no further.
            None if name == HELP => {
                settled.push("--help".into());
                return Ok(settled);
            }
            None => return Err(unknown(name)),
            Some(Kind::Switch) => settled.extend(switch(name, value)?),
            Some(_) => {
                let value = value.map(OsString::from).or_else(|| arguments.next());
                let value = value.ok_or_else(|| misused(format!("flag needs an argument: -{name}")))?;
                let mut whole = OsString::from(format!("--{name}="));
                whole.push(value);
                settled.push(whole);
            }
        }
    }
    Ok(settled)
}

/// What stands behind the dashes, if `text` is a flag.
fn flag(text: &str) -> Option<&str> {
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    match name {
        "" => None,
        "h" => Some(HELP),
        name => Some(name),
    }
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        CONFIG_FILE => Some(Kind::Text("FILE")),
        VERSION => Some(Kind::Switch),
        name => options::flags().find(|setting| setting.flag == name).map(|setting| setting.kind),
    }
}

/// A switch with a value; what is none of Go's words is complained of where all values are read.
fn switch(name: &str, value: Option<&str>) -> Result<Option<OsString>, Senseless> {
    match (name, value.unwrap_or("true")) {
        (VERSION, "1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some("--version".into())),
        (VERSION, "0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(None),
        (VERSION, word) => Err(misused(format!(
            "invalid boolean value {word:?} for -{name}: parse error; expected {SWITCH}"
        ))),
        (name, word) => Ok(Some(format!("--{name}={word}").into())),
    }
}

/// Go's words, and what the flag is called now if it is one of etcd's past.
fn unknown(name: &str) -> Senseless {
    let now = options::successor(name).map(|now| format!("; it went before etcd 3.7, use {now}"));
    misused(format!(
        "flag provided but not defined: -{name}{}\nRun with --help for all flags.",
        now.unwrap_or_default()
    ))
}

fn not_a_flag(argument: &OsString) -> Senseless {
    Senseless { text: format!("{argument:?} is not a valid flag"), code: 1 }
}

fn misused(text: String) -> Senseless {
    Senseless { text, code: 2 }
}
