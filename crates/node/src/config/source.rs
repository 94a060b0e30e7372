//! From arguments, environment and file to settings. etcd's rules of which counts are here and nowhere else.

use super::Config;
use super::arguments::{self, Senseless};
use super::file::{self, Contents};
use super::options::{self, CONFIG_FILE, VERSION, command};
use super::problem::{Origin, Problem};
use super::settings::{Entry, Settings, Written};
use super::variables::{Variable, Variables};
use clap::ArgMatches;
use std::ffi::OsString;

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// To serve.
    Serve {
        /// With these settings.
        config: Box<Config>,
        /// And these remarks, to be logged.
        warnings: Vec<String>,
    },
    /// To print versions and exit.
    Version,
    /// To print this and exit with this code: help, or an argument that makes no sense.
    Exit {
        /// What to print.
        text: String,
        /// 0 for help, 2 for an argument that cannot be read, 1 for a setting that cannot be used.
        code: u8,
    },
}

/// Reads the command line `arguments` (the program's name first), `environment`, and the config file they name, if any.
///
/// Everything that is wrong is told at once. Opens no port and no log; the only file it reads is the config file.
#[must_use]
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Parsed {
    let arguments = match arguments::settle(arguments) {
        Ok(arguments) => arguments,
        Err(Senseless { text, code }) => return Parsed::Exit { text, code },
    };
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            return Parsed::Exit { text: error.render().to_string(), code };
        }
    };
    if matches.get_flag(VERSION) {
        return Parsed::Version;
    }
    let contents = match choose(&matches, environment) {
        Ok(contents) => contents,
        Err(text) => return Parsed::Exit { text, code: 1 },
    };
    settle(contents)
}

/// What counts: the config file alone, or flags and environment, which must not both say the same.
fn choose(
    matches: &ArgMatches,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Contents, String> {
    let flags = from_flags(matches);
    let environment = environment.into_iter().map(|(name, value)| {
        let origin = Origin::Variable(name.clone());
        Variable { name, value, origin }
    });
    let Variables { mut written, file, warnings } = Variables::read(environment);
    let named = matches.get_one::<String>(CONFIG_FILE).filter(|file| !file.is_empty()).cloned();
    if let Some(file) = named.or(file) {
        let mut contents = file::read(&file)?;
        if !flags.is_empty() || !written.is_empty() {
            contents.warnings.push("flags and environment are ignored beside a config file".to_owned());
        }
        contents.warnings.extend(warnings);
        return Ok(contents);
    }
    let conflicts: Vec<String> =
        flags.keys().filter_map(|flag| written.get(flag)).map(|entry| shadowed(&entry.origin)).collect();
    if !conflicts.is_empty() {
        return Err(conflicts.join("\n"));
    }
    written.retain(|_, entry| !entry.text.is_empty()); // an empty variable sets nothing, as for etcd
    written.extend(flags);
    Ok(Contents { written, warnings, problems: Vec::new() })
}

/// etcd's words.
fn shadowed(origin: &Origin) -> String {
    let Origin::Variable(name) = origin else { unreachable!("only a variable can be shadowed by a flag") };
    format!(
        "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag): {name}"
    )
}

fn from_flags(matches: &ArgMatches) -> Written {
    let entry = |flag: &'static str| {
        let text = matches.get_one::<String>(flag)?.clone();
        Some((flag, Entry { text, origin: Origin::Flag }))
    };
    options::flags().filter_map(|setting| entry(setting.flag)).collect()
}

fn settle(contents: Contents) -> Parsed {
    let Contents { written, mut warnings, mut problems } = contents;
    let settings = Settings::read(written, &mut problems, &mut warnings);
    let config = Config::check(&settings, &mut problems, &mut warnings);
    if problems.is_empty() {
        return Parsed::Serve { config: Box::new(config), warnings };
    }
    let is_misuse = problems.iter().any(Problem::is_misuse);
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    let text = match problems.as_slice() {
        [alone] if is_misuse => alone.to_string(), // as Go says it
        _ => format!("the configuration cannot be used:\n{}", lines.join("\n")),
    };
    Parsed::Exit { text, code: if is_misuse { 2 } else { 1 } }
}
