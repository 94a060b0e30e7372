//! The rules that settings must keep, etcd's where it has them. Each check looks at one thing and gives a value to go on with,
//! so that all problems are found in one go.

use super::problem::{Complaint, Problem};
use super::settings::Settings;
use super::{ClusterState, Config, Discovery, default_host, discovery, gates, log, options};
use crate::bootstrap::{InitialCluster, PairError};
use crate::data_dir::DataDir;
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
        let (listen_client_urls, advertise_client_urls) = check.clients();
        let data_dir = PathBuf::from(match settings.text("data-dir") {
            "" => format!("{}.etcd", settings.text("name")),
            folder => folder.to_owned(),
        });
        let listen_peer_urls = check.listeners("listen-peer-urls");
        let advertise_peer_urls = check.advertised("initial-advertise-peer-urls", &listen_peer_urls);
        let cluster_state = match settings.text("initial-cluster-state") {
            "existing" => ClusterState::Existing,
            _ => ClusterState::New,
        };
        // As for etcd, whoever has data asks no more how it all began.
        let has_begun = DataDir::is_members(&data_dir);
        let discovery = discovery::settle(settings, check.problems, check.remarks, has_begun);
        let initial_cluster = match has_begun || discovery.is_some() {
            true => check.cluster_unchecked(&advertise_peer_urls),
            false => check.cluster(&advertise_peer_urls, cluster_state),
        };
        check.numbers();
        let front_threads = check.size("front-threads");
        let interval = settings.duration("grpc-keepalive-interval");
        let wal_dir = settings.text("wal-dir");
        Self {
            name: settings.text("name").to_owned(),
            data_dir,
            wal_dir: (!wal_dir.is_empty()).then(|| PathBuf::from(wal_dir)),
            listen_client_urls,
            advertise_client_urls,
            advertise_peer_urls,
            listen_peer_urls,
            initial_cluster,
            cluster_token: match &discovery {
                Some(Discovery::Registry(registry)) => registry.token.clone(),
                _ => settings.text("initial-cluster-token").to_owned(),
            },
            discovery,
            cluster_state,
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
            force_new_cluster: settings.switch("force-new-cluster"),
            strict_reconfiguration: settings.switch("strict-reconfig-check"),
            learners_max: check.size("max-learners"),
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

    /// Where clients are served, and where they are told to come. As for etcd, flags and variables must name both; a file
    /// need not, and then the default is advertised.
    fn clients(&mut self) -> (Vec<Url>, Vec<Url>) {
        let (listen, advertise) = ("listen-client-urls", "advertise-client-urls");
        let is_left_out = self.settings.is_set(listen) && !self.settings.is_set(advertise);
        if is_left_out && self.settings.is_explicit(listen) {
            self.complain(listen, Complaint::AdvertiseMissing);
        }
        let listened = self.listeners(listen);
        let advertised = self.advertised(advertise, &listened);
        let is_default = advertised.iter().all(|url| url.to_string() == default(advertise));
        if is_left_out && is_default && advertised.iter().any(|url| !listened.contains(url)) {
            let url = default(advertise);
            self.remarks.push(format!(
                "{advertise} is not set: clients will be told {url}, where nobody may be listening"
            ));
        }
        (listened, advertised)
    }

    fn urls(&mut self, flag: &'static str) -> Vec<Url> {
        let (urls, wrong) = Url::parse_all(self.settings.list(flag));
        if urls.is_empty() && wrong.is_empty() {
            self.complain(flag, Complaint::NoUrl);
        }
        wrong.into_iter().for_each(|wrong| self.complain(flag, wrong));
        urls
    }

    fn advertised(&mut self, flag: &'static str, listen: &[Url]) -> Vec<Url> {
        let urls = self.urls(flag);
        for url in urls.iter().filter(|url| url.host().is_empty()) {
            self.complain(flag, Complaint::Rule(format!("unexpected empty host ({url})")));
        }
        let (urls, remark) = default_host::settle(listen, urls, default(flag), default_host::find);
        self.remarks.extend(remark.map(|remark| format!("{}: {remark}", self.settings.spot(flag))));
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

    /// Who is in the cluster; without `--initial-cluster` this member alone.
    fn cluster(&mut self, own: &[Url], state: ClusterState) -> InitialCluster {
        let (name, text) = (self.settings.text("name"), self.settings.text("initial-cluster"));
        let (cluster, wrong) = named(name, text, own);
        let mut complaints: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        if complaints.is_empty() {
            // Of a list that can only be read in part, nothing else is known.
            let mistakes = cluster.mistakes(name, own, state);
            complaints.extend(mistakes.iter().map(ToString::to_string));
        }
        complaints.into_iter().for_each(|text| self.complain("initial-cluster", Complaint::Rule(text)));
        cluster
    }

    fn cluster_unchecked(&self, own: &[Url]) -> InitialCluster {
        named(self.settings.text("name"), self.settings.text("initial-cluster"), own).0
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

/// What `flag` is if nobody sets it.
fn default(flag: &str) -> &'static str {
    let setting = options::settings().find(|setting| setting.flag == flag);
    setting.expect("the table has every flag that the code asks for").default
}

fn named(name: &str, text: &str, own: &[Url]) -> (InitialCluster, Vec<PairError>) {
    match text {
        "" => (InitialCluster::alone(name, own), Vec::new()),
        text => InitialCluster::parse(text),
    }
}
