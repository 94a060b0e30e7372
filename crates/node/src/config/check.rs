//! The rules that settings must keep, etcd's where it has them. Each check looks at one thing and gives a value to go on with,
//! so that all problems are found in one go.

use super::problem::{Complaint, Problem};
use super::settings::Settings;
use super::{Config, gates, log};
use crate::url::Url;
use quorate_coordinator::Quota;
use quorate_coordinator::auto_compaction::Retention;
use std::path::PathBuf;
use std::time::Duration;

/// etcd's bounds.
const ELECTION_MS_MAX: u64 = 50_000;
const WATCH_PROGRESS_DEFAULT: Duration = Duration::from_secs(600);
const WATCH_PROGRESS_MIN: Duration = Duration::from_millis(100);
/// Above this etcd warns.
const REQUEST_BYTES_RECOMMENDED: u64 = 10 << 20;
/// Above this etcd warns.
const QUOTA_BYTES_RECOMMENDED: i64 = 8 << 30;
/// Above this one request could hold up everybody else's.
const REQUEST_BYTES_MAX: u64 = 1 << 30;

impl Config {
    /// The settings in their place. Worthless if there are problems.
    pub(super) fn check(settings: &Settings, problems: &mut Vec<Problem>, remarks: &mut Vec<String>) -> Self {
        let mut check = Check { settings, problems, remarks };
        check.advertised();
        let advertise_peer_urls = check.advertised_urls("initial-advertise-peer-urls");
        check.cluster(&advertise_peer_urls);
        check.listeners("listen-peer-urls");
        check.numbers();
        let front_threads = check.size("front-threads");
        let interval = settings.duration("grpc-keepalive-interval");
        let wal_dir = settings.text("wal-dir");
        let data_dir = match settings.text("data-dir") {
            "" => format!("{}.etcd", settings.text("name")),
            folder => folder.to_owned(),
        };
        Self {
            name: settings.text("name").to_owned(),
            data_dir: PathBuf::from(data_dir),
            wal_dir: (!wal_dir.is_empty()).then(|| PathBuf::from(wal_dir)),
            listen_client_urls: check.listeners("listen-client-urls"),
            advertise_client_urls: check.advertised_urls("advertise-client-urls"),
            advertise_peer_urls,
            cluster_token: settings.text("initial-cluster-token").to_owned(),
            heartbeat: Duration::from_millis(settings.natural("heartbeat-interval")),
            election_timeout: Duration::from_millis(settings.natural("election-timeout")),
            snapshot_entries: check.positive("snapshot-count", 10_000),
            catchup_entries: check.positive("snapshot-catchup-entries", 5000),
            request_bytes_max: check.size("max-request-bytes"),
            txn_operations_max: check.size("max-txn-ops"),
            streams_max: u32::try_from(settings.natural("max-concurrent-streams")).unwrap_or(u32::MAX),
            keepalive_interval: (!interval.is_zero()).then_some(interval),
            keepalive_timeout: settings.duration("grpc-keepalive-timeout"),
            watch_progress_interval: check.watch_progress(),
            fsync: !settings.switch("unsafe-no-fsync"),
            front_threads: (front_threads > 0).then_some(front_threads),
            quota: check.quota(),
            auto_compaction: check.retention(),
            compaction_records: usize::try_from(settings.integer("compaction-batch-limit"))
                .ok()
                .filter(|records| *records > 0),
            compaction_rest: Some(settings.duration("compaction-sleep-interval"))
                .filter(|rest| !rest.is_zero()),
            gates: gates::settle(settings, check.problems, check.remarks),
            log: log::settle(settings, check.problems, check.remarks),
        }
    }
}

struct Check<'a> {
    settings: &'a Settings,
    problems: &'a mut Vec<Problem>,
    remarks: &'a mut Vec<String>,
}

impl Check<'_> {
    fn complain(&mut self, flag: &'static str, complaint: impl Into<Complaint>) {
        self.problems.push(Problem { spot: self.settings.spot(flag), complaint: complaint.into() });
    }

    fn rule(&mut self, flag: &'static str, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.complain(flag, Complaint::Rule(text()));
        }
    }

    /// As for etcd, flags and variables must name both; a file need not, and then the default is advertised.
    fn advertised(&mut self) {
        if self.settings.is_set("advertise-client-urls") {
            return;
        }
        if self.settings.is_explicit("listen-client-urls") {
            self.complain("listen-client-urls", Complaint::AdvertiseMissing);
        } else if self.settings.is_set("listen-client-urls") {
            let default = self.settings.list("advertise-client-urls").join(",");
            if !self.settings.list("listen-client-urls").contains(&default) {
                self.remarks.push(format!(
                    "advertise-client-urls is not set: clients will be told {default}, where nobody may be listening"
                ));
            }
        }
    }

    fn urls(&mut self, flag: &'static str) -> Vec<Url> {
        let (urls, wrong) = Url::parse_all(self.settings.list(flag));
        if urls.is_empty() && wrong.is_empty() {
            self.complain(flag, Complaint::NoUrl);
        }
        wrong.into_iter().for_each(|wrong| self.complain(flag, wrong));
        urls
    }

    fn advertised_urls(&mut self, flag: &'static str) -> Vec<Url> {
        let urls = self.urls(flag);
        for url in urls.iter().filter(|url| url.host().is_empty()) {
            self.complain(flag, Complaint::Rule(format!("unexpected empty host ({url})")));
        }
        urls
    }

    fn listeners(&mut self, flag: &'static str) -> Vec<Url> {
        let urls = self.urls(flag);
        let mut seen: Vec<(std::net::SocketAddr, &Url)> = Vec::new();
        for url in &urls {
            let address = match url.address() {
                Ok(address) => address,
                Err(wrong) => {
                    self.complain(flag, wrong);
                    continue;
                }
            };
            match seen.iter().find(|(earlier, _)| *earlier == address && address.port() != 0) {
                Some((_, earlier)) => {
                    self.complain(flag, Complaint::SameAddress(earlier.to_string(), url.to_string()));
                }
                None => seen.push((address, url)),
            }
        }
        urls
    }

    /// Only a cluster of this member alone can be formed.
    fn cluster(&mut self, own: &[Url]) {
        if self.settings.text("initial-cluster-state") != "new" {
            let text = "joining an existing cluster is not implemented yet; it must be new";
            self.complain("initial-cluster-state", Complaint::Rule(text.into()));
        }
        let cluster = self.settings.text("initial-cluster");
        if !cluster.is_empty()
            && let Err(why) = alone(cluster, self.settings.text("name"), own)
        {
            self.complain("initial-cluster", Complaint::Rule(why.into()));
        }
    }

    fn numbers(&mut self) {
        let settings = self.settings;
        let (heartbeat, election) =
            (settings.natural("heartbeat-interval"), settings.natural("election-timeout"));
        self.rule("name", !settings.text("name").is_empty(), || "must not be empty".into());
        self.rule("heartbeat-interval", heartbeat > 0, || {
            "--heartbeat-interval must be >0 (set to 0ms)".into()
        });
        self.rule("election-timeout", election > 0, || "--election-timeout must be >0 (set to 0ms)".into());
        self.rule("election-timeout", election == 0 || election >= heartbeat.saturating_mul(5), || {
            format!("--election-timeout[{election}ms] should be at least as 5 times as --heartbeat-interval[{heartbeat}ms]")
        });
        self.rule("election-timeout", election <= ELECTION_MS_MAX, || {
            format!("--election-timeout[{election}ms] is too long, and should be set less than {ELECTION_MS_MAX}ms")
        });
        let request = settings.natural("max-request-bytes");
        self.rule("max-request-bytes", request > 0, || "must be at least 1".into());
        self.rule("max-request-bytes", request <= REQUEST_BYTES_MAX, || "must be at most 1 GiB".into());
        if request > REQUEST_BYTES_RECOMMENDED {
            self.remarks
                .push(format!("exceeded recommended request limit: {request} bytes, more than 10 MiB"));
        }
        let checks = settings.duration("compact-hash-check-time");
        self.rule("compact-hash-check-time", !checks.is_zero(), || {
            "--compact-hash-check-time must be >0 (set to 0s)".into()
        });
        let newest = settings.text("tls-max-version");
        self.rule("tls-max-version", ["", "TLS1.2", "TLS1.3"].contains(&newest), || {
            format!("`{newest}` is not one of TLS1.2, TLS1.3")
        });
    }

    /// Zero means the default.
    fn quota(&mut self) -> Quota {
        let bytes = self.settings.integer("quota-backend-bytes");
        if bytes > QUOTA_BYTES_RECOMMENDED {
            self.remarks.push(format!(
                "{}: {bytes} bytes is more than the recommended maximum, 8 GiB",
                self.settings.spot("quota-backend-bytes")
            ));
        }
        if bytes == 0 { Quota::default() } else { Quota(bytes) }
    }

    /// A number of hours or revisions, or a time. Zero means that everything stays.
    fn retention(&mut self) -> Option<Retention> {
        let text = self.settings.text("auto-compaction-retention");
        let is_revision = self.settings.text("auto-compaction-mode") == "revision";
        let number = text.parse::<u32>().ok().map(u64::from);
        let retention = match (is_revision, number) {
            _ if text.is_empty() => return None,
            (true, _) => text.parse::<i64>().ok().filter(|count| *count >= 0).map(Retention::Revisions),
            (false, Some(hours)) => Some(Retention::Period(Duration::from_secs(hours * 60 * 60))),
            (false, None) => {
                let nanos = super::number::nanoseconds(text).ok().and_then(|nanos| u64::try_from(nanos).ok());
                nanos.map(|nanos| Retention::Period(Duration::from_nanos(nanos)))
            }
        };
        self.rule("auto-compaction-retention", retention.is_some(), || {
            let expected = if is_revision {
                "a number of revisions"
            } else {
                "a number of hours, or a time such as 30m"
            };
            format!("`{text}`: expected {expected}")
        });
        let is_nothing = [Retention::Revisions(0), Retention::Period(Duration::ZERO)];
        retention.filter(|retention| !is_nothing.contains(retention))
    }

    /// Zero means etcd's default.
    fn positive(&mut self, flag: &'static str, default: u64) -> u64 {
        match self.settings.natural(flag) {
            0 => {
                self.remarks.push(format!(
                    "{} is 0: updating it to the default, {default}",
                    self.settings.spot(flag)
                ));
                default
            }
            number => number,
        }
    }

    fn size(&mut self, flag: &'static str) -> usize {
        usize::try_from(self.settings.natural(flag)).unwrap_or(usize::MAX)
    }

    fn watch_progress(&mut self) -> Duration {
        match self.settings.duration("watch-progress-notify-interval") {
            Duration::ZERO => WATCH_PROGRESS_DEFAULT,
            asked if asked < WATCH_PROGRESS_MIN => {
                self.remarks.push("adjusting watch progress notify interval to minimum period: 100ms".into());
                WATCH_PROGRESS_MIN
            }
            asked => asked,
        }
    }
}

/// Whether `cluster` is the member `name` at its `own` URLs, and nobody else.
fn alone(cluster: &str, name: &str, own: &[Url]) -> Result<(), &'static str> {
    let mut urls = Vec::new();
    for part in cluster.split(',').map(str::trim) {
        match part.split_once('=') {
            Some((member, url)) if member == name => urls.push(url.to_owned()),
            Some(_) => {
                return Err("clusters of several members are not implemented yet: name this member alone");
            }
            None => return Err("expected name=url pairs, separated by commas"),
        }
    }
    let (mut urls, _) = Url::parse_all(&urls);
    let mut own = own.to_vec();
    urls.sort();
    own.sort();
    if urls == own {
        Ok(())
    } else {
        Err("this member's URLs there and in --initial-advertise-peer-urls must be the same")
    }
}
