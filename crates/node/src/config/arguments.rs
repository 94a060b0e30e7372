//! The command line as Go's flag package reads it, made into one that clap reads.
//!
//! Go takes `-name` for `--name`, a value that begins with a dash, and `=1` or `=T` for a switch; the first argument
//! that is neither a flag nor a flag's value ends the flags.

use super::options::{CONFIG_FILE, IGNORED, Kind, SETTINGS, VERSION};
use std::ffi::OsString;

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
        let settled_flag = match kind(name) {
            _ if IGNORED.contains(&name) => None,
            // Help, or unknown: Go reads no further, and clap knows what to say.
            None => {
                settled.push(format!("--{flag}").into());
                return Ok(settled);
            }
            Some(Kind::Switch) => switch(name, value)?,
            Some(kind) => {
                let value = value.map(OsString::from).or_else(|| arguments.next());
                let value = value.ok_or_else(|| misused(format!("flag needs an argument: -{name}")))?;
                Some(valued(name, kind, value)?)
            }
        };
        settled.extend(settled_flag);
    }
    Ok(settled)
}

/// What stands behind the dashes, if `text` is a flag.
fn flag(text: &str) -> Option<&str> {
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    match name {
        "" => None,
        "h" => Some("help"),
        name => Some(name),
    }
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        CONFIG_FILE => Some(Kind::Text),
        VERSION => Some(Kind::Switch),
        name => SETTINGS.iter().find(|setting| setting.flag == name).map(|setting| setting.kind),
    }
}

fn switch(name: &str, value: Option<&str>) -> Result<Option<OsString>, Senseless> {
    let is_on = match value {
        None => true,
        Some(word) => truth(word)
            .ok_or_else(|| misused(format!("invalid boolean value {word:?} for -{name}: parse error")))?,
    };
    Ok(match name {
        VERSION => is_on.then(|| "--version".into()),
        name => Some(format!("--{name}={is_on}").into()),
    })
}

fn valued(name: &str, kind: Kind, value: OsString) -> Result<OsString, Senseless> {
    if kind == Kind::Number && value.to_str().is_none_or(|text| text.parse::<u64>().is_err()) {
        return Err(misused(format!("invalid value {value:?} for flag -{name}: parse error")));
    }
    let mut settled = OsString::from(format!("--{name}="));
    settled.push(value);
    Ok(settled)
}

/// Go's words for true and false.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn not_a_flag(argument: &OsString) -> Senseless {
    Senseless { text: format!("{argument:?} is not a valid flag"), code: 1 }
}

fn misused(text: String) -> Senseless {
    Senseless { text, code: 2 }
}
