//! From arguments, environment and file to settings.

use super::arguments::{self, Senseless};
use super::options::{CONFIG_FILE, Kind, SETTINGS, VERSION, command};
use super::raw::Raw;
use super::{Config, Problem};
use clap::ArgMatches;
use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;
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

/// Settings from one place, by flag name.
#[derive(Debug, Clone)]
struct Place {
    name: &'static str,
    values: BTreeMap<&'static str, String>,
}

impl Source for Place {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let origin = self.name.to_owned();
        let value = |text: &String| Value::new(Some(&origin), ValueKind::String(text.clone()));
        Ok(self.values.iter().map(|(flag, text)| ((*flag).to_owned(), value(text))).collect())
    }
}

/// Reads the command line `arguments` (the program's name first) and `environment`.
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
    match settle(&matches, environment) {
        Ok((config, warnings)) => Parsed::Serve { config: Box::new(config), warnings },
        Err(text) => Parsed::Exit { text, code: 1 },
    }
}

fn settle(
    matches: &ArgMatches,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(Config, Vec<String>), String> {
    let flags = from_flags(matches);
    let (variables, mut warnings) = from_environment(environment);
    let named = |file: &&String| !file.is_empty();
    let flag = matches.get_one::<String>(CONFIG_FILE).filter(named);
    let file = flag.or(variables.get(CONFIG_FILE).filter(named)).cloned();
    let mut builder = config::Config::builder();
    let explicit: Vec<&'static str>;
    if let Some(file) = file {
        if !flags.is_empty() || variables.keys().any(|flag| *flag != CONFIG_FILE) {
            warnings.push("flags and environment are ignored beside a config file".to_owned());
        }
        let text =
            std::fs::read_to_string(&file).map_err(|error| format!("read config file {file}: {error}"))?;
        let source = File::from_str(&text, FileFormat::Yaml);
        let keys = source.collect().map_err(|error| format!("config file {file}: {error}"))?;
        explicit =
            SETTINGS.iter().map(|setting| setting.flag).filter(|flag| keys.contains_key(*flag)).collect();
        builder = builder.add_source(source);
    } else {
        if let Some(flag) = flags.keys().find(|flag| variables.contains_key(*flag)) {
            let name = variable(flag);
            return Err(format!(
                "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag): {name}"
            ));
        }
        let variables = in_force(variables)?;
        explicit = flags.keys().chain(variables.keys()).copied().collect();
        builder = builder
            .add_source(Place { name: "the environment", values: variables })
            .add_source(Place { name: "the command line", values: flags });
    }
    let raw: Raw =
        builder.build().and_then(config::Config::try_deserialize).map_err(|error| error.to_string())?;
    let config = Config::check(raw, &explicit).map_err(|problems| describe(&problems))?;
    Ok((config, warnings))
}

/// The variables that set something: an empty one does not, as for etcd. Switches in our words.
fn in_force(variables: BTreeMap<&'static str, String>) -> Result<BTreeMap<&'static str, String>, String> {
    let set = variables.into_iter().filter(|(_, value)| !value.is_empty());
    set.map(|(flag, value)| {
        let is_switch = SETTINGS.iter().any(|setting| setting.flag == flag && setting.kind == Kind::Switch);
        if !is_switch {
            return Ok((flag, value));
        }
        let truth = arguments::truth(&value)
            .ok_or_else(|| format!("invalid value {value:?} for {}: parse error", variable(flag)))?;
        Ok((flag, truth.to_string()))
    })
    .collect()
}

fn describe(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    format!("the configuration cannot be used:\n{}", lines.join("\n"))
}

fn from_flags(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let value = |flag: &'static str| matches.get_one::<String>(flag).map(|value| (flag, value.clone()));
    SETTINGS.iter().filter_map(|setting| value(setting.flag)).collect()
}

/// The settings in the environment, and a warning for each name that is none.
fn from_environment(
    environment: impl IntoIterator<Item = (String, String)>,
) -> (BTreeMap<&'static str, String>, Vec<String>) {
    let (mut values, mut own, mut warnings) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    let flags = || SETTINGS.iter().map(|setting| setting.flag).chain([CONFIG_FILE]);
    for (name, value) in environment {
        let ours = name.strip_prefix("QUORATE_").map(|rest| format!("ETCD_{rest}"));
        let Some(flag) = flags().find(|flag| variable(flag) == *ours.as_ref().unwrap_or(&name)) else {
            if name.starts_with("ETCD_") || ours.is_some() {
                warnings.push(format!("unrecognized environment variable {name}"));
            }
            continue;
        };
        match ours {
            Some(_) if value.is_empty() => None,
            Some(_) => own.insert(flag, value),
            None => values.insert(flag, value),
        };
    }
    values.extend(own);
    (values, warnings)
}

fn variable(flag: &str) -> String {
    format!("ETCD_{}", flag.to_uppercase().replace('-', "_"))
}
