//! What an operator sets, from flags, environment and file: etcd's names, etcd's rules.
//!
//! - A config file excludes all other flags and the environment.
//! - One setting in a flag and in the environment is an error.
//! - `QUORATE_X` is read as `ETCD_X` and beats it.
//!
//! All problems are reported at once, before a port opens.

mod arguments;
mod options;
mod raw;
mod source;

use crate::url::{Url, UrlError};
use raw::Raw;
use std::path::PathBuf;
use std::time::Duration;

pub use source::{Parsed, parse};

/// More threads than any machine has cores for; each is started before the first client is served.
const FRONT_THREADS_MAX: usize = 1024;

/// The server's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What this member calls itself.
    pub name: String,
    /// Where its data is.
    pub data_dir: PathBuf,
    /// Where its log is, if not in the data directory.
    pub wal_dir: Option<PathBuf>,
    /// Where it serves clients.
    pub listen_client_urls: Vec<Url>,
    /// Where clients are told to find it.
    pub advertise_client_urls: Vec<Url>,
    /// Where other members find it; its id is made of these.
    pub advertise_peer_urls: Vec<Url>,
    /// Part of the ids of a new cluster.
    pub cluster_token: String,
    /// How often a leader makes itself heard.
    pub heartbeat: Duration,
    /// How long a follower waits for a leader.
    pub election_timeout: Duration,
    /// After so many entries the engine is made durable and the log cut.
    pub snapshot_entries: u64,
    /// So many entries stay in the log behind that point.
    pub catchup_entries: u64,
    /// The longest command in bytes.
    pub request_bytes_max: usize,
    /// Whether the log is synced; without it a power failure loses acknowledged writes.
    pub fsync: bool,
    /// Threads that serve clients; none for one a core.
    pub front_threads: Option<usize>,
    /// The least important messages that are logged.
    pub log_level: LogLevel,
    /// In which shape.
    pub log_format: LogFormat,
    /// What was set but is not in force yet, to be warned of.
    pub not_in_force: Vec<&'static str>,
}

/// The least important messages that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are etcd's")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, as etcd's.
    Json,
    /// For people.
    Console,
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A URL that cannot be used.
    #[error("--{flag}: {problem}")]
    Url {
        /// Where it was set.
        flag: &'static str,
        /// What is wrong with it.
        problem: UrlError,
    },
    /// A list of URLs with nothing in it.
    #[error("--{0}: at least one URL is needed")]
    NoUrl(&'static str),
    /// Clients would be told the default address although the server listens elsewhere.
    #[error("--advertise-client-urls is required when --listen-client-urls is set explicitly")]
    AdvertiseMissing,
    /// A number outside its bounds.
    #[error("--{flag}: {what}")]
    Bound {
        /// Where it was set.
        flag: &'static str,
        /// What must hold.
        what: &'static str,
    },
    /// A word that is not one of the choices.
    #[error("--{flag}: `{found}` is not one of {choices}")]
    Choice {
        /// Where it was set.
        flag: &'static str,
        /// The word.
        found: String,
        /// What it may be.
        choices: &'static str,
    },
    /// A cluster that this release cannot form.
    #[error("--initial-cluster: {0}")]
    Cluster(&'static str),
}

impl Config {
    /// The settings in `raw`, or everything that is wrong with them.
    fn check(raw: Raw, explicit: &[&'static str]) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems(Vec::new());
        let is_set = |flag| explicit.contains(&flag);
        if is_set("listen-client-urls") && !is_set("advertise-client-urls") {
            problems.0.push(Problem::AdvertiseMissing);
        }
        let advertise_peer_urls =
            problems.urls("initial-advertise-peer-urls", &raw.initial_advertise_peer_urls);
        problems.cluster(&raw, &advertise_peer_urls);
        problems.bounds(&raw);
        let config = Self {
            data_dir: raw.data_dir.map_or_else(|| PathBuf::from(format!("{}.etcd", raw.name)), PathBuf::from),
            wal_dir: (!raw.wal_dir.is_empty()).then(|| PathBuf::from(&raw.wal_dir)),
            listen_client_urls: problems.listeners("listen-client-urls", &raw.listen_client_urls),
            advertise_client_urls: problems.urls("advertise-client-urls", &raw.advertise_client_urls),
            advertise_peer_urls,
            cluster_token: raw.initial_cluster_token,
            heartbeat: Duration::from_millis(raw.heartbeat_interval),
            election_timeout: Duration::from_millis(raw.election_timeout),
            snapshot_entries: raw.snapshot_count,
            catchup_entries: raw.snapshot_catchup_entries,
            request_bytes_max: raw.max_request_bytes,
            fsync: !raw.unsafe_no_fsync,
            front_threads: (raw.front_threads > 0).then_some(raw.front_threads),
            log_level: problems.log_level(&raw.log_level),
            log_format: problems.log_format(&raw.log_format),
            not_in_force: options::NOT_IN_FORCE.iter().copied().filter(|flag| is_set(flag)).collect(),
            name: raw.name,
        };
        if problems.0.is_empty() { Ok(config) } else { Err(problems.0) }
    }
}

/// What has been found wrong so far. Each method checks one thing and gives a value to go on with.
struct Problems(Vec<Problem>);

impl Problems {
    fn urls(&mut self, flag: &'static str, list: &str) -> Vec<Url> {
        let (urls, problems) = Url::parse_list(list);
        if urls.is_empty() && problems.is_empty() {
            self.0.push(Problem::NoUrl(flag));
        }
        self.0.extend(problems.into_iter().map(|problem| Problem::Url { flag, problem }));
        urls
    }

    fn listeners(&mut self, flag: &'static str, list: &str) -> Vec<Url> {
        let urls = self.urls(flag, list);
        let wrong = urls.iter().filter_map(|url| url.address().err());
        self.0.extend(wrong.map(|problem| Problem::Url { flag, problem }));
        urls
    }

    /// Only a cluster of this member alone can be formed.
    fn cluster(&mut self, raw: &Raw, own: &[Url]) {
        if raw.initial_cluster_state != "new" {
            self.0.push(Problem::Cluster(
                "joining an existing cluster is not implemented yet; --initial-cluster-state must be new",
            ));
        }
        if raw.initial_cluster.is_empty() {
            return;
        }
        let mut urls = Vec::new();
        for part in raw.initial_cluster.split(',') {
            match part.split_once('=') {
                Some((name, url)) if name == raw.name => urls.push(url.to_owned()),
                Some(_) => {
                    return self
                        .0
                        .push(Problem::Cluster("clusters of several members are not implemented yet"));
                }
                None => return self.0.push(Problem::Cluster("expected name=url pairs, separated by commas")),
            }
        }
        let (mut urls, _) = Url::parse_list(&urls.join(","));
        let mut own = own.to_vec();
        urls.sort();
        own.sort();
        if urls != own {
            self.0.push(Problem::Cluster(
                "this member's URLs there and in --initial-advertise-peer-urls must be the same",
            ));
        }
    }

    fn bounds(&mut self, raw: &Raw) {
        let mut check = |holds: bool, flag, what| {
            if !holds {
                self.0.push(Problem::Bound { flag, what });
            }
        };
        check(!raw.name.is_empty(), "name", "must not be empty");
        check(raw.heartbeat_interval > 0, "heartbeat-interval", "must be at least 1 ms");
        check(
            raw.election_timeout >= raw.heartbeat_interval.saturating_mul(5),
            "election-timeout",
            "must be at least five times --heartbeat-interval",
        );
        check(raw.election_timeout <= 50_000, "election-timeout", "must be at most 50000 ms");
        check(raw.front_threads <= FRONT_THREADS_MAX, "front-threads", "must be at most 1024");
        check(raw.snapshot_count > 0, "snapshot-count", "must be at least 1");
        check(raw.max_request_bytes > 0, "max-request-bytes", "must be at least 1");
        check(raw.max_request_bytes <= 1 << 30, "max-request-bytes", "must be at most 1 GiB");
    }

    fn log_level(&mut self, word: &str) -> LogLevel {
        match word {
            "debug" => LogLevel::Debug,
            "info" => LogLevel::Info,
            "warn" => LogLevel::Warn,
            "error" | "panic" | "fatal" | "dpanic" => LogLevel::Error,
            found => {
                let choices = "debug, info, warn, error, panic, fatal";
                self.0.push(Problem::Choice { flag: "log-level", found: found.into(), choices });
                LogLevel::Info
            }
        }
    }

    fn log_format(&mut self, word: &str) -> LogFormat {
        match word {
            "json" => LogFormat::Json,
            "console" => LogFormat::Console,
            found => {
                let choices = "json, console";
                self.0.push(Problem::Choice { flag: "log-format", found: found.into(), choices });
                LogFormat::Json
            }
        }
    }
}

#[cfg(test)]
mod tests;
