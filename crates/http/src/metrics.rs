//! `/metrics`: the names, and where each figure comes from.
//!
//! Names and types are etcd's, oddities included: what only grows is a gauge where etcd says so. What is ours begins
//! with `quorate_`. One registry a node, so that several nodes can live in one process.

mod gathered;

use crate::calls::Calls;
use crate::checks::{Check, PROBES, Probe};
use crate::{Site, answer};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gathered::Gathered;
use prometheus::{Encoder, GaugeVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};
use quorate_coordinator::Coordinator;
use quorate_tasks::poll::PollMeter;
use quorate_types::MemberId;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// The names, in one place.
pub mod names {
    #![expect(
        missing_docs,
        reason = "the names are etcd's; those of ours have their help text in the scrape"
    )]

    pub const GRPC_STARTED: &str = "grpc_server_started_total";
    pub const GRPC_HANDLED: &str = "grpc_server_handled_total";
    pub const GRPC_RECEIVED: &str = "grpc_server_msg_received_total";
    pub const GRPC_SENT: &str = "grpc_server_msg_sent_total";
    pub const CLIENT_RECEIVED_BYTES: &str = "etcd_network_client_grpc_received_bytes_total";
    pub const CLIENT_SENT_BYTES: &str = "etcd_network_client_grpc_sent_bytes_total";

    pub const HAS_LEADER: &str = "etcd_server_has_leader";
    pub const IS_LEADER: &str = "etcd_server_is_leader";
    pub const IS_LEARNER: &str = "etcd_server_is_learner";
    pub const LEADER_CHANGES: &str = "etcd_server_leader_changes_seen_total";
    pub const PROPOSALS_COMMITTED: &str = "etcd_server_proposals_committed_total";
    pub const PROPOSALS_APPLIED: &str = "etcd_server_proposals_applied_total";
    pub const PROPOSALS_PENDING: &str = "etcd_server_proposals_pending";
    pub const PROPOSALS_FAILED: &str = "etcd_server_proposals_failed_total";
    pub const SERVER_ID: &str = "etcd_server_id";
    pub const SERVER_VERSION: &str = "etcd_server_version";
    pub const SERVER_GO_VERSION: &str = "etcd_server_go_version";
    pub const CLUSTER_VERSION: &str = "etcd_cluster_version";
    pub const HEALTH_SUCCESS: &str = "etcd_server_health_success";
    pub const HEALTH_FAILURES: &str = "etcd_server_health_failures";
    pub const HEALTHCHECK: &str = "etcd_server_healthcheck";
    pub const HEALTHCHECKS: &str = "etcd_server_healthchecks_total";

    pub const QUOTA: &str = "etcd_server_quota_backend_bytes";
    pub const DB_SIZE: &str = "etcd_mvcc_db_total_size_in_bytes";
    pub const DB_SIZE_IN_USE: &str = "etcd_mvcc_db_total_size_in_use_in_bytes";
    pub const CURRENT_REVISION: &str = "etcd_debugging_mvcc_current_revision";

    pub const ACTIVE_PEERS: &str = "etcd_network_active_peers";
    pub const KNOWN_PEERS: &str = "etcd_network_known_peers";
    pub const PEER_SENT_BYTES: &str = "etcd_network_peer_sent_bytes_total";
    pub const PEER_RECEIVED_BYTES: &str = "etcd_network_peer_received_bytes_total";
    pub const PEER_SENT_FAILURES: &str = "etcd_network_peer_sent_failures_total";
    pub const PEER_RECEIVED_FAILURES: &str = "etcd_network_peer_received_failures_total";
    pub const PEER_ROUND_TRIP: &str = "etcd_network_peer_round_trip_time_seconds";

    pub const PROCESS_CPU: &str = "process_cpu_seconds_total";
    pub const PROCESS_RESIDENT: &str = "process_resident_memory_bytes";
    pub const PROCESS_VIRTUAL: &str = "process_virtual_memory_bytes";
    pub const PROCESS_STARTED: &str = "process_start_time_seconds";
    pub const PROCESS_THREADS: &str = "process_threads";
    pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
    pub const PROCESS_MAX_FDS: &str = "process_max_fds";
    pub const OS_FD_USED: &str = "os_fd_used";
    pub const OS_FD_LIMIT: &str = "os_fd_limit";

    pub const BUILD: &str = "quorate_build_info";
    pub const FRONT_CONNECTIONS: &str = "quorate_front_connections";
    pub const FRONT_POLL: &str = "quorate_front_poll_seconds";
    pub const FRONT_POLL_LONGEST: &str = "quorate_front_poll_longest_seconds";
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Quorate's own version.
    pub version: &'static str,
    /// The storage backend in it.
    pub backend: String,
}

/// What one front thread counts. Clones count together.
#[derive(Debug, Clone)]
pub struct Front {
    /// The gRPC calls it served.
    pub calls: Calls,
    /// The polls of its connections and calls.
    pub polls: PollMeter,
    /// The connections it has now.
    pub connections: Arc<AtomicUsize>,
}

/// What is counted of the way to another member, and from it.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerFigures {
    /// Which.
    pub member: MemberId,
    /// Bytes of messages to it.
    pub sent_bytes: u64,
    /// Bytes of messages from it.
    pub received_bytes: u64,
    /// Messages to it that brought no answer.
    pub sent_failures: u64,
    /// Messages from it that could not be answered.
    pub received_failures: u64,
    /// Upper bounds in seconds, and how many round trips took longer than the bound before and at most this one.
    pub round_trips: Vec<(f64, u64)>,
    /// Round trips that took longer than the last bound.
    pub longer_round_trips: u64,
    /// How long all round trips took together.
    pub round_trip_total: Duration,
}

/// Tells, when a scrape comes, what is counted of each other member.
pub type Peers = Arc<dyn Fn() -> Vec<PeerFigures> + Send + Sync>;

/// All that a scrape shows of one node.
pub struct Metrics {
    registry: Registry,
    health_success: IntCounter,
    health_failures: IntCounter,
    check: GaugeVec,
    checks: IntCounterVec,
}

impl Metrics {
    /// The metrics of the member behind `door`, with all series that are known from the start at zero.
    #[must_use]
    pub fn new(door: Coordinator, build: Build, fronts: Vec<Front>, peers: Peers) -> Self {
        let registry = Registry::new();
        let counter = |name, help| IntCounter::new(name, help).expect(NAMED);
        let (check_labels, checks_labels) = (["type", "name"], ["type", "name", "status"]);
        let check = Opts::new(names::HEALTHCHECK, "The last result of each check: 1 is well.");
        let checks = Opts::new(names::HEALTHCHECKS, "Results of checks.");
        let metrics = Self {
            health_success: counter(names::HEALTH_SUCCESS, "Answers of /health that were well."),
            health_failures: counter(names::HEALTH_FAILURES, "Answers of /health that were not."),
            check: GaugeVec::new(check, &check_labels).expect(NAMED),
            checks: IntCounterVec::new(checks, &checks_labels).expect(NAMED),
            registry,
        };
        metrics.begin_checks();
        let collectors: [Box<dyn prometheus::core::Collector>; 5] = [
            Box::new(metrics.health_success.clone()),
            Box::new(metrics.health_failures.clone()),
            Box::new(metrics.check.clone()),
            Box::new(metrics.checks.clone()),
            Box::new(Gathered::new(door, build, fronts, peers)),
        ];
        for collector in collectors {
            metrics.registry.register(collector).expect("each name is registered once");
        }
        metrics
    }

    /// Every check has its series before it first ran, as in etcd.
    fn begin_checks(&self) {
        for probe in PROBES {
            for check in probe.checks() {
                self.check.with_label_values(&[probe.name(), check.name()]).set(0.0);
                for status in ["success", "error"] {
                    let _ = self.checks.with_label_values(&[probe.name(), check.name(), status]);
                }
            }
        }
    }

    /// Counts an answer of `/health`.
    pub(crate) fn count_health(&self, is_well: bool) {
        if is_well { &self.health_success } else { &self.health_failures }.inc();
    }

    /// Counts what became of a check.
    pub(crate) fn count_check(&self, probe: Probe, check: Check, is_well: bool) {
        let labels = [probe.name(), check.name()];
        self.check.with_label_values(&labels).set(f64::from(u8::from(is_well)));
        let status = if is_well { "success" } else { "error" };
        self.checks.with_label_values(&[labels[0], labels[1], status]).inc();
    }

    /// Everything, in the text format. Cost: about a thousand lines, and some files of `/proc`.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("memory takes everything");
        text
    }
}

/// As Go's handler says it.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const NAMED: &str = "names and labels are constants of the right form";

/// Law H2.
pub(crate) async fn answer(State(site): State<Site>) -> Response {
    let metrics = site.metrics.clone();
    match site.door.aside(move || metrics.text()).await {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT)], text).into_response(),
        Err(error) => answer::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
