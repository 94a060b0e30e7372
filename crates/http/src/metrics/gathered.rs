//! The figures that somebody else keeps: they are asked for when a scrape comes.

mod peers;

use super::{Build, Front, Peers, names};
use crate::calls::{CODES, Calls, METHODS, Method, Sum};
use crate::process::Process;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use quorate_coordinator::Coordinator;
use quorate_tasks::poll::{POLL_CLASSES, Polls};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// Names and values, sorted by name.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Where the figures come from.
pub(super) struct Gathered {
    door: Coordinator,
    build: Build,
    fronts: Vec<Front>,
    peers: Peers,
    /// A registry wants one; nothing is checked against it.
    desc: Desc,
}

impl Gathered {
    pub(super) fn new(door: Coordinator, build: Build, fronts: Vec<Front>, peers: Peers) -> Self {
        let desc = Desc::new("quorate_gathered".into(), "Gathered.".into(), Vec::new(), HashMap::new())
            .expect("the name is of the right form");
        Self { door, build, fronts, peers, desc }
    }
}

impl Collector for Gathered {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = calls(&Calls::sums(self.fronts.iter().map(|front| &front.calls)));
        families.extend(self.member());
        families.extend(self.identity());
        families.extend(process(&Process::now()));
        families.extend(self.fronts());
        families.extend(peers::families(&self.door, &(self.peers)()));
        families
    }
}

impl Gathered {
    /// What this member says of itself.
    fn member(&self) -> Vec<MetricFamily> {
        use names::*;
        let status = self.door.status();
        let (standing, bytes) = (status.standing, status.size as f64);
        let leads = standing.leader == Some(self.door.member());
        let is = |holds: bool| f64::from(u8::from(holds));
        vec![
            gauge(HAS_LEADER, "1 if this member knows of a leader.", is(standing.leader.is_some())),
            gauge(IS_LEADER, "1 if this member leads.", is(leads)),
            gauge(IS_LEARNER, "1 if this member is a learner.", is(self.door.is_learner())),
            counter(
                LEADER_CHANGES,
                "Leaders that this member has seen come after another, the first included.",
                standing.leaders as f64,
            ),
            gauge(PROPOSALS_COMMITTED, "The last log entry that is committed.", standing.committed as f64),
            gauge(PROPOSALS_APPLIED, "The last log entry that is applied.", status.applied as f64),
            gauge(PROPOSALS_PENDING, "Proposals that wait for their answer.", status.pending as f64),
            counter(PROPOSALS_FAILED, "Proposals that were rejected or timed out.", status.failed as f64),
            gauge(DB_SIZE, "Bytes of all stored records, as the quota counts them.", bytes),
            gauge(DB_SIZE_IN_USE, "The same: freed space does not count.", bytes),
            gauge(
                QUOTA,
                "Bytes that may be stored; negative for any number.",
                self.door.limits().quota.0 as f64,
            ),
            gauge(CURRENT_REVISION, "The revision of the key space.", status.revision.0 as f64),
        ]
    }

    /// Who this is: series whose labels say it, and whose value is 1.
    fn identity(&self) -> Vec<MetricFamily> {
        use names::*;
        let row = |name, help, label, value: &str| {
            family(name, help, MetricType::GAUGE, vec![gauge_row(vec![(label, value)], 1.0)])
        };
        let agreed = self.door.status().cluster_version;
        let cluster = agreed.map(|version| {
            row(
                CLUSTER_VERSION,
                "The version that the members agreed on.",
                "cluster_version",
                &format!("{}.{}", version.major, version.minor),
            )
        });
        let member = format!("{:x}", self.door.member().0);
        let build = vec![("backend", self.build.backend.as_str()), ("version", self.build.version)];
        let mut families = vec![
            row(SERVER_ID, "This member.", "server_id", &member),
            row(SERVER_VERSION, "The version of etcd that it speaks.", "server_version", crate::ETCD_VERSION),
            row(SERVER_GO_VERSION, "What it was built with.", "server_go_version", COMPILER),
            family(BUILD, "Quorate's own version.", MetricType::GAUGE, vec![gauge_row(build, 1.0)]),
        ];
        families.extend(cluster);
        families
    }

    fn fronts(&self) -> Vec<MetricFamily> {
        use names::*;
        let rows = |row: &dyn Fn(&Front, Labels<'_>) -> Metric| {
            let row = |(at, front)| row(front, vec![("thread", &format!("{at}"))]);
            self.fronts.iter().enumerate().map(row).collect()
        };
        let connections =
            rows(&|front, labels| gauge_row(labels, front.connections.load(Ordering::Relaxed) as f64));
        let longest = rows(&|front, labels| gauge_row(labels, front.polls.polls().longest.as_secs_f64()));
        let polls = rows(&|front, labels| poll_row(labels, &front.polls.polls()));
        vec![
            family(FRONT_CONNECTIONS, "Connections of a front thread.", MetricType::GAUGE, connections),
            family(FRONT_POLL_LONGEST, "The longest poll of a front thread.", MetricType::GAUGE, longest),
            family(
                FRONT_POLL,
                "How long connections and calls kept a front thread.",
                MetricType::HISTOGRAM,
                polls,
            ),
        ]
    }
}

/// Dashboards show etcd's Go version; this is its place.
const COMPILER: &str = concat!("rust", env!("CARGO_PKG_RUST_VERSION"));

fn calls(sums: &[Sum]) -> Vec<MetricFamily> {
    use names::*;
    let rows = |figure: &dyn Fn(&Sum) -> u64| -> Vec<Metric> {
        let row = |(method, sum)| counter_row(method_labels(method, None), figure(sum) as f64);
        METHODS.iter().zip(sums).map(row).collect()
    };
    let handled = METHODS.iter().zip(sums).flat_map(|(method, sum)| {
        CODES
            .iter()
            .zip(sum.handled)
            .map(move |(code, count)| counter_row(method_labels(method, Some(code)), count as f64))
    });
    let total = |figure: &dyn Fn(&Sum) -> u64| sums.iter().map(figure).sum::<u64>() as f64;
    vec![
        family(GRPC_STARTED, "Calls begun.", MetricType::COUNTER, rows(&|sum| sum.started)),
        family(GRPC_HANDLED, "Calls ended, by code.", MetricType::COUNTER, handled.collect()),
        family(GRPC_RECEIVED, "Messages received.", MetricType::COUNTER, rows(&|sum| sum.messages_received)),
        family(GRPC_SENT, "Messages sent.", MetricType::COUNTER, rows(&|sum| sum.messages_sent)),
        counter(CLIENT_RECEIVED_BYTES, "Bytes of clients' messages.", total(&|sum| sum.bytes_received)),
        counter(CLIENT_SENT_BYTES, "Bytes of messages to clients.", total(&|sum| sum.bytes_sent)),
    ]
}

/// Sorted by name, as Prometheus's own library writes them.
fn method_labels(method: &Method, code: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let mut labels = Vec::with_capacity(4);
    labels.extend(code.map(|code| ("grpc_code", code)));
    labels.push(("grpc_method", method.name));
    labels.push(("grpc_service", method.service));
    labels.push(("grpc_type", method.kind));
    labels
}

fn process(process: &Process) -> Vec<MetricFamily> {
    use names::*;
    let cpu = process.cpu_seconds.map(|value| counter(PROCESS_CPU, "CPU time used.", value));
    let gauges = [
        (PROCESS_RESIDENT, "Memory in RAM.", process.resident_bytes),
        (PROCESS_VIRTUAL, "Address space in use.", process.virtual_bytes),
        (PROCESS_STARTED, "When this process started, in Unix time.", process.started_seconds),
        (PROCESS_THREADS, "Threads.", process.threads),
        (PROCESS_OPEN_FDS, "Open file descriptors.", process.open_descriptors),
        (PROCESS_MAX_FDS, "File descriptors that may be open.", process.descriptors_max),
        (OS_FD_USED, "Open file descriptors.", process.open_descriptors),
        (OS_FD_LIMIT, "File descriptors that may be open.", process.descriptors_max),
    ];
    let gauges =
        gauges.into_iter().filter_map(|(name, help, value)| value.map(|value| gauge(name, help, value)));
    cpu.into_iter().chain(gauges).collect()
}

fn poll_row(labels: Labels<'_>, polls: &Polls) -> Metric {
    let mut below = 0;
    let buckets = POLL_CLASSES.iter().zip(polls.classes).map(|(bound, count)| {
        below += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound.as_secs_f64());
        bucket.set_cumulative_count(below);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(polls.classes.iter().sum());
    histogram.set_sample_sum(polls.total.as_secs_f64());
    let mut row = labelled(labels);
    row.set_histogram(histogram);
    row
}

fn gauge(name: &str, help: &str, value: f64) -> MetricFamily {
    family(name, help, MetricType::GAUGE, vec![gauge_row(Vec::new(), value)])
}

fn counter(name: &str, help: &str, value: f64) -> MetricFamily {
    family(name, help, MetricType::COUNTER, vec![counter_row(Vec::new(), value)])
}

fn family(name: &str, help: &str, kind: MetricType, rows: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(rows);
    family
}

fn gauge_row(labels: Labels<'_>, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut row = labelled(labels);
    row.set_gauge(gauge);
    row
}

fn counter_row(labels: Labels<'_>, value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut row = labelled(labels);
    row.set_counter(counter);
    row
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    Metric::from_label(labels.into_iter().map(pair).collect())
}
