//! One table: flags, environment names, file keys and help.

use clap::{Arg, ArgAction, Command};

/// A setting as an operator sees it.
pub(super) struct Setting {
    /// The flag, and the key in a file. In the environment: `ETCD_`, upper case, underscores.
    pub(super) flag: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// What a value looks like.
    value: &'static str,
    /// What it does, with its default.
    help: &'static str,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A whole number, not negative.
    Number,
    /// Nothing, or `=true` or `=false`.
    Switch,
}

const fn text(flag: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { flag, kind: Kind::Text, value, help }
}

const fn number(flag: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { flag, kind: Kind::Number, value, help }
}

const fn switch(flag: &'static str, help: &'static str) -> Setting {
    Setting { flag, kind: Kind::Switch, value: "BOOL", help }
}

/// Every setting of this release. The heading of each group of them stands beside it in [`command`].
pub(super) const SETTINGS: [Setting; 19] = [
    text("name", "NAME", "What this member calls itself [default: default]"),
    text("data-dir", "DIR", "Where its data is kept [default: NAME.etcd]"),
    text("wal-dir", "DIR", "Where its log is kept, best on a disk of its own [default: DATA-DIR/wal]"),
    text("listen-client-urls", "URLS", "Where to serve clients [default: http://localhost:2379]"),
    text(
        "advertise-client-urls",
        "URLS",
        "Where clients are told to find this member [default: http://localhost:2379]",
    ),
    text(
        "listen-peer-urls",
        "URLS",
        "Where to serve other members; not in force yet [default: http://localhost:2380]",
    ),
    text(
        "initial-advertise-peer-urls",
        "URLS",
        "Where other members find this one; its id is made of them [default: http://localhost:2380]",
    ),
    text(
        "initial-cluster",
        "NAME=URL,...",
        "The members that found the cluster; this one only, in this release",
    ),
    text("initial-cluster-token", "TOKEN", "Keeps clusters with equal URLs apart [default: etcd-cluster]"),
    text("initial-cluster-state", "STATE", "new; existing is not implemented yet [default: new]"),
    number("heartbeat-interval", "MS", "How often a leader makes itself heard [default: 100]"),
    number("election-timeout", "MS", "How long a follower waits for a leader [default: 1000]"),
    number(
        "snapshot-count",
        "ENTRIES",
        "Make the engine durable and cut the log after so many entries [default: 10000]",
    ),
    number("snapshot-catchup-entries", "ENTRIES", "Keep so many of them in the log [default: 5000]"),
    number("max-request-bytes", "BYTES", "The longest command [default: 1572864]"),
    switch("unsafe-no-fsync", "Never sync the log: a power failure loses acknowledged writes"),
    number("front-threads", "COUNT", "Threads that serve clients; 0 for one a core [default: 0]"),
    text("log-level", "LEVEL", "debug, info, warn, error, panic or fatal [default: info]"),
    text("log-format", "FORMAT", "json, or console for people [default: json]"),
];

/// Accepted, but without effect in this release: a start that sets one warns.
pub(super) const NOT_IN_FORCE: [&str; 1] = ["listen-peer-urls"];

/// Flags of etcd's past that it still accepts, as switches, and ignores.
pub(super) const IGNORED: [&str; 13] = [
    "cluster-active-size",
    "cluster-remove-delay",
    "cluster-sync-interval",
    "config",
    "force",
    "max-result-buffer",
    "max-retry-attempts",
    "peer-heartbeat-interval",
    "peer-election-timeout",
    "retry-interval",
    "snapshot",
    "v",
    "vv",
];

/// The flag that names a config file.
pub(super) const CONFIG_FILE: &str = "config-file";
/// The flag that prints versions.
pub(super) const VERSION: &str = "version";

const ABOUT: &str = "A coordination server that speaks the etcd v3 API.

Every setting is a flag, an environment variable (ETCD_DATA_DIR for --data-dir) or a key of a YAML file, as for etcd. \
A file excludes flags and environment.";

/// The command line.
pub(super) fn command() -> Command {
    let file =
        Arg::new(CONFIG_FILE).long(CONFIG_FILE).value_name("FILE").help("Read all settings from a YAML file");
    let version = Arg::new(VERSION).long(VERSION).action(ArgAction::SetTrue).help("Print versions and exit");
    let settings = SETTINGS.iter().map(|setting| {
        let arg = Arg::new(setting.flag).long(setting.flag).help(setting.help);
        let arg = arg.value_name(setting.value);
        match setting.kind {
            Kind::Text | Kind::Number => arg.action(ArgAction::Set).allow_hyphen_values(true),
            // As in Go: a bare switch, or `=true` and `=false`.
            Kind::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        }
    });
    Command::new("quorate")
        .about(ABOUT)
        .disable_version_flag(true)
        .args_override_self(true) // given twice: the last wins
        .arg(file)
        .arg(version)
        .args(settings)
}
