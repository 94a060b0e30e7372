//! What is wrong with a setting: where it was written, what it says, what to do.

use crate::url::UrlError;
use std::fmt;

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nowhere.
    Default,
    /// On the command line.
    Flag,
    /// In the environment, under this name.
    Variable(String),
    /// In a YAML file.
    Key {
        /// Which.
        file: String,
        /// Under which path.
        path: String,
    },
    /// In a file of variables.
    Line {
        /// Which.
        file: String,
        /// Under which name.
        name: String,
        /// In which line, the first being 1.
        number: usize,
    },
}

/// A setting and where it was written: how an operator finds it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) flag: &'static str,
    pub(super) origin: Origin,
}

impl fmt::Display for Spot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default | Origin::Flag => write!(formatter, "--{}", self.flag),
            Origin::Variable(name) => write!(formatter, "{name} in the environment"),
            Origin::Key { file, path } => write!(formatter, "{path} in {file}"),
            Origin::Line { file, name, number } => write!(formatter, "{name} in {file}, line {number}"),
        }
    }
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) spot: Spot,
    pub(super) complaint: Complaint,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Complaint {
    #[error("invalid value {text:?}; expected {expected}")]
    Unreadable { text: String, expected: &'static str, is_out_of_range: bool },
    #[error("`{found}` is not one of {choices}")]
    Choice { found: String, choices: String },
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error("at least one URL is needed")]
    NoUrl,
    #[error("{0} and {1} are the same place: name one of them")]
    SameAddress(String, String),
    /// etcd's words.
    #[error("--advertise-client-urls is required when --listen-client-urls is set explicitly")]
    AdvertiseMissing,
    /// A rule that the value breaks, in etcd's words where it has the same rule.
    #[error("{0}")]
    Rule(String),
    #[error("this would have no effect yet. {0}")]
    NotThere(&'static str),
    #[error("expected a section of settings")]
    NoSection,
}

impl Problem {
    /// Whether Go would have refused the flag itself, and ended with 2.
    pub(super) fn is_misuse(&self) -> bool {
        self.spot.origin == Origin::Flag && matches!(self.complaint, Complaint::Unreadable { .. })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.complaint, &self.spot.origin) {
            // As Go's flag package says it.
            (Complaint::Unreadable { text, expected, .. }, Origin::Flag) if *expected == SWITCH => {
                let flag = self.spot.flag;
                write!(
                    formatter,
                    "invalid boolean value {text:?} for -{flag}: parse error; expected {expected}"
                )
            }
            (Complaint::Unreadable { text, expected, is_out_of_range }, origin) => {
                let why = if *is_out_of_range { "value out of range" } else { "parse error" };
                let flag = if *origin == Origin::Flag {
                    format!("flag -{}", self.spot.flag)
                } else {
                    self.spot.to_string()
                };
                write!(formatter, "invalid value {text:?} for {flag}: {why}; expected {expected}")
            }
            (complaint, _) => write!(formatter, "{}: {complaint}", self.spot),
        }
    }
}

/// What a switch expects.
pub(super) const SWITCH: &str = "true or false";
