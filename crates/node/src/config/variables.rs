//! Settings by the names of variables, from the environment or from a file of them.

use super::options::{self, CONFIG_FILE, IGNORED, variable};
use super::problem::Origin;
use super::settings::{Entry, Written};

/// One variable, and where it was found.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// What a set of variables says.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// The settings, empty ones too.
    pub(super) written: Written,
    /// The config file that they name.
    pub(super) file: Option<String>,
    /// Names that are no settings, and what is odd about them.
    pub(super) warnings: Vec<String>,
}

impl Variables {
    /// Of one name the last value counts, and `QUORATE_X` beats `ETCD_X` unless it is empty.
    pub(super) fn read(variables: impl IntoIterator<Item = Variable>) -> Self {
        let (mut read, mut own) = (Self::default(), Written::new());
        for Variable { name, value, origin } in variables {
            let (etcds, is_own) = match name.strip_prefix("QUORATE_") {
                Some(rest) => (format!("ETCD_{rest}"), true),
                None => (name.clone(), false),
            };
            if !etcds.starts_with("ETCD_") {
                continue;
            }
            let entry = Entry { text: value, origin };
            if etcds == variable(CONFIG_FILE) {
                if !entry.text.is_empty() && (is_own || read.file.is_none()) {
                    read.file = Some(entry.text);
                }
            } else if etcds == "ETCD_VERSION" {
                read.warnings
                    .push("cannot set special environment variable ETCD_VERSION: ignored".to_owned());
            } else if let Some(setting) = options::flags().find(|setting| variable(setting.flag) == etcds) {
                match is_own {
                    true if entry.text.is_empty() => None,
                    true => own.insert(setting.flag, entry),
                    false => read.written.insert(setting.flag, entry),
                };
            } else if !IGNORED.iter().any(|flag| variable(flag) == etcds) {
                read.warnings.push(unrecognized(&name, &etcds));
            }
        }
        read.written.extend(own);
        read
    }
}

fn unrecognized(name: &str, etcds: &str) -> String {
    let removed = options::REMOVED.iter().find(|(flag, _)| variable(flag) == etcds);
    let now = removed.map(|(_, now)| format!("; it went before etcd 3.7, use {now}"));
    format!("unrecognized environment variable {name}{}", now.unwrap_or_default())
}
