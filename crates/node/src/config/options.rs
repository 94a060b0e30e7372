//! What can be set, and what that does in this release: one table behind flags, environment, files, help and docs.

mod table;

use clap::{Arg, ArgAction, Command};

pub(super) use table::{GROUPS, IGNORED, REMOVED};

/// A setting as an operator sees it.
#[derive(Debug)]
pub(super) struct Setting {
    /// The flag, without its dashes. In the environment: `ETCD_`, upper case, underscores.
    pub(super) flag: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// What holds if nobody sets it, as one would write it in a flag.
    pub(super) default: &'static str,
    /// Where one may write it.
    pub(super) place: Place,
    /// What becomes of it.
    pub(super) status: Status,
    /// What it does, in a line.
    pub(super) help: &'static str,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text; what it stands for.
    Text(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Texts, separated by commas.
    List(&'static str),
    /// URLs, separated by commas.
    Urls,
    /// A whole number in Go's forms, at most so large.
    Natural {
        /// What it counts.
        unit: &'static str,
        /// The largest.
        max: u64,
    },
    /// A whole number that may be negative, in Go's forms.
    Integer(&'static str),
    /// Go's durations. In a YAML file also a whole number of nanoseconds, as for etcd.
    Duration,
    /// Nothing, or `=true` or `=false`.
    Switch,
}

/// Where a setting may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a flag, a variable, and under its own name in a YAML file.
    Everywhere,
    /// In a YAML file it has this path, its sections separated by dots.
    Section(&'static str),
    /// Not in a YAML file.
    NotInYaml,
    /// Only in a YAML file, under this path.
    OnlyInYaml(&'static str),
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It does what it says.
    InForce,
    /// It is accepted and warned of: what it would act on is not there yet. This is what holds instead.
    NotYet(&'static str),
    /// It is accepted and warned of: there is nothing here that it could act on, and this is why.
    NoMeaning(&'static str),
    /// Whoever sets it would be worse off if it were accepted without effect. This is what to do.
    Refused(&'static str),
}

impl Setting {
    /// Its path in a YAML file.
    pub(super) fn path(&self) -> Option<&'static str> {
        match self.place {
            Place::Everywhere => Some(self.flag),
            Place::Section(path) | Place::OnlyInYaml(path) => Some(path),
            Place::NotInYaml => None,
        }
    }

    /// Whether there is a flag and a variable of its name.
    pub(super) fn has_flag(&self) -> bool {
        !matches!(self.place, Place::OnlyInYaml(_))
    }

    fn arg(&self, heading: &'static str) -> Arg {
        let default = if self.default.is_empty() { String::new() } else { format!(" [{}]", self.default) };
        let status = match self.status {
            Status::InForce => "",
            Status::NotYet(_) => " (not in force yet)",
            Status::NoMeaning(_) => " (no meaning here)",
            Status::Refused(_) => " (not there yet: refused)",
        };
        let help = format!("{}{default}{status}", self.help);
        let arg = Arg::new(self.flag).long(self.flag).help(help).help_heading(heading);
        match self.kind {
            // As in Go: a bare switch, or `=true` and `=false`.
            Kind::Switch => {
                let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
                arg.value_name("BOOL")
            }
            kind => arg.action(ArgAction::Set).allow_hyphen_values(true).value_name(kind.value_name()),
        }
    }
}

impl Kind {
    fn value_name(self) -> String {
        match self {
            Self::Text(what) => what.to_owned(),
            Self::Choice(words) => words.join("|"),
            Self::List(what) => format!("{what},..."),
            Self::Urls => "URL,...".to_owned(),
            Self::Natural { unit, .. } | Self::Integer(unit) => unit.to_owned(),
            Self::Duration => "TIME".to_owned(),
            Self::Switch => "BOOL".to_owned(),
        }
    }
}

/// Every setting, in the order of the help.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|(_, settings)| *settings)
}

/// Every setting that has a flag and a variable.
pub(super) fn flags() -> impl Iterator<Item = &'static Setting> {
    settings().filter(|setting| setting.has_flag())
}

/// The variable of a flag.
pub(super) fn variable(flag: &str) -> String {
    format!("ETCD_{}", flag.to_uppercase().replace(['-', '.'], "_"))
}

/// What a name of etcd's past is called now, if it was removed before etcd 3.7.
pub(super) fn successor(name: &str) -> Option<&'static str> {
    REMOVED.iter().find(|(old, _)| *old == name).map(|(_, now)| *now)
}

/// The flag that names a config file.
pub(super) const CONFIG_FILE: &str = "config-file";
/// The flag that prints versions.
pub(super) const VERSION: &str = "version";

const ABOUT: &str = "A coordination server that speaks the etcd v3 API.

Every setting is a flag, an environment variable (ETCD_DATA_DIR for --data-dir; QUORATE_DATA_DIR
beats it) or a line of a config file, as for etcd. A config file excludes flags and environment; one
setting in a flag and in the environment is an error. Times are Go's: 100ms, 1m30s. Defaults stand in
brackets.";

const AFTER: &str =
    "A config file is YAML with etcd's keys, or lines of ETCD_DATA_DIR=\"...\" as in /etc/etcd/etcd.conf.
Settings that are not in force yet are accepted and warned of; docs/compatibility.md lists them.";

/// The command line.
pub(super) fn command() -> Command {
    let file = Arg::new(CONFIG_FILE)
        .long(CONFIG_FILE)
        .value_name("FILE")
        .help("Read all settings from this file, YAML or lines of ETCD_X=\"...\"");
    let version = Arg::new(VERSION).long(VERSION).action(ArgAction::SetTrue).help("Print versions and exit");
    let settings = GROUPS.iter().flat_map(|(heading, settings)| {
        settings.iter().filter(|setting| setting.has_flag()).map(|setting| setting.arg(heading))
    });
    Command::new("quorate")
        .about(ABOUT)
        .after_help(AFTER)
        .next_line_help(true)
        .disable_version_flag(true)
        .args_override_self(true) // given twice: the last wins
        .arg(file)
        .arg(version)
        .args(settings)
}
