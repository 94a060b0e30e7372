//! What is measured on clusters: for each case its variants, the figures that are shown, and their gates.

use std::str::FromStr;

use serde_json::Value;

use super::gates::{Bound, Gate, Numbers};
use super::members::Size;
use crate::bench::table::missing;
use crate::bench::workload::{Column, Row, Workload};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Put,
    Election,
    HandOver,
    FollowerRead,
    Join,
}

/// One table of the output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) clients: u32,
    pub(crate) sizes: Sizes,
}

/// What the command line may change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) ops: Option<u64>,
    pub(crate) tries: Option<u32>,
    pub(crate) bytes: u64,
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) is_quick: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub(crate) election_ms: u32,
    pub(crate) heartbeat_ms: u32,
}

/// One measurement, on a fresh cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variant {
    pub(crate) label: String,
    pub(crate) size: Size,
    /// Flags for the servers.
    pub(crate) settings: Vec<String>,
    pub(crate) way: Way,
    pub(crate) gates: Vec<Gate>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Way {
    /// A closed loop on members that stay.
    Loop(Row, Reached),
    /// `quorate-load cluster` with these words; it has members come and go.
    Talk(Vec<String>),
}

/// Which members the clients are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    All,
    Leader,
    Follower,
}

const ONE: Size = Size { founders: 1, joiners: 0 };
const THREE: Size = Size { founders: 3, joiners: 0 };
const DEFAULT: Timeouts = Timeouts { election_ms: 1000, heartbeat_ms: 100 };
const SHORT: Timeouts = Timeouts { election_ms: 200, heartbeat_ms: 20 };
/// Whether a cluster takes 1 GB is not the question.
const QUOTA: &str = "--quota-backend-bytes=8589934592";

const PUTS: [Column; 7] = [
    ("puts/s", "rate"),
    ("of one node", "of_one"),
    ("p50 us", "p50_us"),
    ("p99 us", "p99_us"),
    ("CPU us/put", "server_cpu_us"),
    ("RSS MiB", "server_rss_mib"),
    ("load us/put", "own_cpu_us"),
];
const READS: [Column; 8] = [
    ("ranges/s", "rate"),
    ("p50 us", "p50_us"),
    ("p99 us", "p99_us"),
    ("p50 more us", "more_us"),
    ("CPU us/range", "server_cpu_us"),
    ("call us", "call_us"),
    ("TCP us", "tcp_us"),
    ("load us/range", "own_cpu_us"),
];
const ELECTIONS: [Column; 7] = [
    ("write min ms", "write_min_ms"),
    ("median ms", "write_median_ms"),
    ("p99 ms", "write_p99_ms"),
    ("max ms", "write_max_ms"),
    ("status median ms", "status_median_ms"),
    ("status max ms", "status_max_ms"),
    ("no answer", "unacknowledged"),
];
const HAND_OVERS: [Column; 6] = [
    ("silence min ms", "silence_min_ms"),
    ("median ms", "silence_median_ms"),
    ("p99 ms", "silence_p99_ms"),
    ("max ms", "silence_max_ms"),
    ("longest put ms", "latency_max_ms"),
    ("no answer", "unacknowledged"),
];
const JOINS: [Column; 9] = [
    ("level after s", "level_s"),
    ("MiB/s", "mib_per_s"),
    ("p50 before us", "p50_before_us"),
    ("p50 during us", "p50_us"),
    ("p99 before us", "p99_before_us"),
    ("p99 during us", "p99_us"),
    ("during/before", "p99_ratio"),
    ("leader peak MiB", "leader_peak_mib"),
    ("joiner peak MiB", "joiner_peak_mib"),
];

impl Kind {
    pub(crate) const ALL: [Kind; 5] =
        [Kind::Put, Kind::Election, Kind::HandOver, Kind::FollowerRead, Kind::Join];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Put => "cluster-put",
            Kind::Election => "election",
            Kind::HandOver => "hand-over",
            Kind::FollowerRead => "follower-read",
            Kind::Join => "join",
        }
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Kind::Put => &PUTS,
            Kind::Election => &ELECTIONS,
            Kind::HandOver => &HAND_OVERS,
            Kind::FollowerRead => &READS,
            Kind::Join => &JOINS,
        }
    }

    /// Rounds if nobody says otherwise: tries are rounds enough, and a gigabyte takes its time.
    pub(crate) fn rounds(self) -> u32 {
        match self {
            Kind::Put | Kind::FollowerRead => 3,
            Kind::Election | Kind::HandOver | Kind::Join => 1,
        }
    }

    /// The cases that are measured; `clients` instead of the kind's own where clients are counted.
    pub(crate) fn cases(self, clients: Option<&[u32]>, sizes: Sizes) -> Vec<Case> {
        let own: &[u32] = match self {
            Kind::Put => &[100, 1000],
            Kind::FollowerRead => &[1, 100],
            Kind::Election | Kind::HandOver | Kind::Join => &[0],
        };
        let clients = if own == [0] { own } else { clients.unwrap_or(own) };
        clients.iter().map(|&clients| Case { kind: self, clients, sizes }).collect()
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Kind> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            let names = Kind::ALL.map(Kind::name).join(" ");
            anyhow::anyhow!("no workload on clusters is called {text:?}; there are {names}")
        })
    }
}

impl Case {
    pub(crate) fn heading(&self) -> String {
        let name = self.kind.name();
        match self.kind {
            Kind::Put | Kind::FollowerRead => {
                format!("{name}: {} {}", self.clients, if self.clients == 1 { "client" } else { "clients" })
            }
            _ => name.to_owned(),
        }
    }

    pub(crate) fn essence(&self) -> String {
        match self.kind {
            Kind::Put => "puts of 256 bytes, on one node and on three".to_owned(),
            Kind::Election => {
                format!("SIGKILL of the leader {} times, 200 puts/s to the others", self.tries())
            }
            Kind::HandOver => {
                format!("the leader hands over {} times, 500 puts/s to the others", self.tries())
            }
            Kind::FollowerRead => {
                "linearizable ranges of one of 10,000 keys; call: a serializable range of no key".to_owned()
            }
            Kind::Join => {
                format!("{} MiB in values of 4 KiB, 1000 puts/s to the leader", self.bytes() >> 20)
            }
        }
    }

    pub(crate) fn variants(&self) -> Vec<Variant> {
        match self.kind {
            Kind::Put => self.puts(),
            Kind::Election => self.elections(),
            Kind::HandOver => self.hand_overs(),
            Kind::FollowerRead => self.reads(),
            Kind::Join => self.joins(),
        }
    }

    /// One line of progress.
    pub(crate) fn brief(&self, report: &Value) -> String {
        let figure = |(heading, name): &Column| Some(format!("{heading} {:.1}", report.get(name)?.as_f64()?));
        missing(report)
            .unwrap_or_else(|| self.kind.columns().iter().filter_map(figure).collect::<Vec<_>>().join("  "))
    }

    /// Figures that follow from those of another variant; `all` are in the order of `variants`.
    pub(crate) fn derive(&self, all: &mut [Numbers]) {
        let first = all.first().cloned().unwrap_or_default();
        let (name, from): (&str, &str) = match self.kind {
            Kind::Put => ("of_one", "rate"),
            Kind::FollowerRead => ("more_us", "p50_us"),
            _ => return,
        };
        for numbers in all.iter_mut().skip(1) {
            let (Some(&base), Some(&value)) = (first.get(from), numbers.get(from)) else { continue };
            let derived = if self.kind == Kind::Put { value / base } else { value - base };
            numbers.insert(name.to_owned(), derived);
        }
    }

    fn tries(&self) -> u32 {
        let usual = if self.kind == Kind::Election { 50 } else { 20 };
        self.sizes.tries.unwrap_or(if self.sizes.is_quick { 3 } else { usual })
    }

    fn bytes(&self) -> u64 {
        if self.sizes.is_quick { self.sizes.bytes / 20 } else { self.sizes.bytes }
    }

    fn row(&self, workload: Workload) -> Row {
        let mut row = Row::new(workload, self.clients);
        if self.sizes.is_quick {
            row.shrink();
        }
        row.ops = self.sizes.ops.unwrap_or(row.ops);
        row
    }

    fn puts(&self) -> Vec<Variant> {
        let variant = |label: &str, size, reached, gates: &[Gate]| Variant {
            label: label.to_owned(),
            size,
            settings: Vec::new(),
            way: Way::Loop(self.row(Workload::Put), reached),
            gates: gates.to_vec(),
        };
        let gate = [Gate { name: "of_one", bound: Bound::Floor(0.6) }];
        vec![
            variant("one node", ONE, Reached::All, &[]),
            variant("three, all members", THREE, Reached::All, &gate),
            variant("three, leader only", THREE, Reached::Leader, &gate),
        ]
    }

    fn reads(&self) -> Vec<Variant> {
        let variant = |label: &str, reached, gates: &[Gate]| Variant {
            label: label.to_owned(),
            size: THREE,
            settings: Vec::new(),
            way: Way::Loop(self.row(Workload::Range), reached),
            gates: gates.to_vec(),
        };
        let gate = [Gate { name: "more_us", bound: Bound::Number("call_us") }];
        vec![
            variant("at the leader", Reached::Leader, &[]),
            variant("at a follower", Reached::Follower, &gate),
        ]
    }

    fn elections(&self) -> Vec<Variant> {
        let all = self.sizes.timeouts.map_or(vec![DEFAULT, SHORT], |timeouts| vec![timeouts]);
        let variant = |timeouts: Timeouts| {
            let Timeouts { election_ms, heartbeat_ms } = timeouts;
            let at_most = |name, bound| Gate { name, bound: Bound::Ceiling(bound) };
            Variant {
                label: format!("time-outs {election_ms}/{heartbeat_ms}"),
                size: THREE,
                settings: vec![
                    format!("--election-timeout={election_ms}"),
                    format!("--heartbeat-interval={heartbeat_ms}"),
                ],
                way: Way::Talk(words(&[
                    ("--workload", "election"),
                    ("--tries", &self.tries().to_string()),
                    ("--rate", "200"),
                ])),
                gates: match timeouts {
                    DEFAULT => vec![at_most("write_median_ms", 1250.0), at_most("write_p99_ms", 1500.0)],
                    SHORT => vec![at_most("write_p99_ms", 350.0)],
                    _ => Vec::new(),
                },
            }
        };
        all.into_iter().map(variant).collect()
    }

    fn hand_overs(&self) -> Vec<Variant> {
        let variant = |label: &str, by: &str| Variant {
            label: label.to_owned(),
            size: THREE,
            settings: Vec::new(),
            way: Way::Talk(words(&[
                ("--workload", "hand-over"),
                ("--by", by),
                ("--tries", &self.tries().to_string()),
                ("--rate", "500"),
            ])),
            gates: vec![Gate { name: "silence_max_ms", bound: Bound::Ceiling(100.0) }],
        };
        vec![variant("SIGTERM", "stop"), variant("MoveLeader", "move")]
    }

    fn joins(&self) -> Vec<Variant> {
        let variant = |label: &str, joiners| Variant {
            label: label.to_owned(),
            size: Size { founders: 3, joiners },
            settings: vec![QUOTA.to_owned()],
            way: Way::Talk(words(&[
                ("--workload", "join"),
                ("--bytes", &self.bytes().to_string()),
                ("--rate", "1000"),
            ])),
            gates: vec![Gate { name: "p99_ratio", bound: Bound::Ceiling(2.0) }],
        };
        vec![variant("empty directory", 1), variant("was down", 0)]
    }
}

fn words(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

#[cfg(test)]
mod tests;
