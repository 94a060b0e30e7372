//! What is measured: the workloads, and for each the numbers of clients, connections and operations.

use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    Put,
    Txn,
    Range,
    Serializable,
    RangeAll,
    Mixed,
    Watch,
    WatchOne,
    Count,
    Page,
    PageOld,
    Compact,
    KeepAlive,
    Expire,
}

/// A line of the plan: one table of the output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) clients: u32,
    pub(crate) connections: u32,
    /// Measured operations at most.
    pub(crate) ops: u64,
    /// Measured time at most; 0 is no limit.
    seconds: f64,
    value_bytes: u32,
    keys: u64,
    history: u64,
}

/// A heading, and the name in the load program's report.
pub(crate) type Column = (&'static str, &'static str);

/// Operations where time is the limit.
const UNLIMITED: u64 = 1 << 40;
const CLIENTS_PER_CONNECTION: u32 = 10;
const CALLS: [Column; 7] = columns("ops/s", "CPU us/op", "load us/op");
const EVENTS: [Column; 7] = columns("events/s", "CPU us/event", "load us/event");
const COMPACTION: [Column; 9] = [
    ("puts/s before", "rate_before"),
    ("p99 us before", "p99_before_us"),
    ("puts/s during", "rate"),
    ("p99 us during", "p99_us"),
    ("during/before", "p99_ratio"),
    ("max us during", "max_us"),
    ("took ms", "compaction_ms"),
    ("CPU us/put", "server_cpu_us"),
    ("RSS MiB", "server_rss_mib"),
];

const EXPIRY: [Column; 7] = [
    ("puts/s during", "rate"),
    ("p99 us before", "p99_before_us"),
    ("p99 us during", "p99_us"),
    ("during/before", "p99_ratio"),
    ("max us during", "max_us"),
    ("took ms", "expiry_ms"),
    ("RSS MiB", "server_rss_mib"),
];

const fn columns(rate: &'static str, server: &'static str, own: &'static str) -> [Column; 7] {
    [
        (rate, "rate"),
        ("p50 us", "p50_us"),
        ("p99 us", "p99_us"),
        ("max us", "max_us"),
        (server, "server_cpu_us"),
        ("RSS MiB", "server_rss_mib"),
        (own, "own_cpu_us"),
    ]
}

impl Workload {
    pub(crate) const ALL: [Workload; 14] = [
        Workload::Put,
        Workload::Txn,
        Workload::Range,
        Workload::Serializable,
        Workload::RangeAll,
        Workload::Mixed,
        Workload::Watch,
        Workload::WatchOne,
        Workload::Count,
        Workload::Page,
        Workload::PageOld,
        Workload::Compact,
        Workload::KeepAlive,
        Workload::Expire,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Put => "put",
            Workload::Txn => "txn",
            Workload::Range => "range",
            Workload::Serializable => "serializable",
            Workload::RangeAll => "range10k",
            Workload::Mixed => "mixed",
            Workload::Watch => "watch",
            Workload::WatchOne => "watch-one",
            Workload::Count => "count",
            Workload::Page => "page",
            Workload::PageOld => "page-old",
            Workload::Compact => "compact",
            Workload::KeepAlive => "keepalive",
            Workload::Expire => "expire",
        }
    }

    fn essence(self) -> &'static str {
        match self {
            Workload::Put => "puts",
            Workload::Txn => "Kubernetes' update: if mod revision == N then put else range",
            Workload::Range => "linearizable ranges of one of 10,000 keys",
            Workload::Serializable => "serializable ranges of one of 10,000 keys",
            Workload::RangeAll => "linearizable ranges of all 10,000 keys",
            Workload::Mixed => "one put for four linearizable ranges of one of 10,000 keys",
            Workload::Watch => {
                "one key, rounds of 100 puts, 10 at a time; p50, p99: a put until its last delivery"
            }
            Workload::WatchOne => "one key, one put at a time; p50, p99: a put until its last delivery",
            Workload::Count => "counts of all keys",
            Workload::Page => "pages of 500 from a random key on, newest revision",
            Workload::PageOld => "pages of 500 from a random key on, at the revision before the writes",
            Workload::Compact => "puts while the writes before are compacted",
            Workload::KeepAlive => "keep-alives, a lease and a stream for each client",
            Workload::Expire => {
                "puts while leases end that fall due together; \"took\" is from when the last is due"
            }
        }
    }

    /// Whether it ends with SIGKILL, a restart and a check of what was acknowledged.
    pub(crate) fn is_journalled(self) -> bool {
        matches!(self, Workload::Put | Workload::Txn | Workload::Mixed | Workload::Compact | Workload::Expire)
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Workload::Watch | Workload::WatchOne => &EVENTS,
            Workload::Compact => &COMPACTION,
            Workload::Expire => &EXPIRY,
            _ => &CALLS,
        }
    }

    /// The rows that are measured if nobody says otherwise.
    pub(crate) fn rows(self) -> Vec<Row> {
        let of = |clients: &[u32]| clients.iter().map(|&clients| Row::new(self, clients)).collect();
        match self {
            Workload::Put => {
                let mut rows: Vec<Row> = of(&[1, 100, 1000]);
                rows.push(Row { connections: 1, ..Row::new(self, 100) });
                rows
            }
            Workload::Txn | Workload::Range | Workload::Serializable | Workload::KeepAlive => of(&[1, 100]),
            Workload::RangeAll => of(&[1, 10]),
            Workload::Mixed | Workload::Compact | Workload::Expire => of(&[100]),
            Workload::Watch | Workload::WatchOne => of(&[1000]),
            Workload::Count | Workload::Page | Workload::PageOld => of(&[1]),
        }
    }
}

impl FromStr for Workload {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Workload> {
        let found = Workload::ALL.into_iter().find(|workload| workload.name() == text);
        found.ok_or_else(|| {
            let names = Workload::ALL.map(Workload::name).join(" ");
            anyhow::anyhow!("no workload is called {text:?}; there are {names}")
        })
    }
}

impl Row {
    /// What this workload does at so many clients.
    pub(crate) fn new(workload: Workload, clients: u32) -> Row {
        // A single client waits for each call alone: fewer say as much.
        let calls = if clients == 1 { 6_000 } else { 60_000 };
        let row = Row {
            workload,
            clients,
            connections: clients.div_ceil(CLIENTS_PER_CONNECTION),
            ops: calls,
            seconds: 0.0,
            value_bytes: 256,
            keys: 10_000,
            history: 0,
        };
        let million = Row { ops: 100_000, seconds: 5.0, value_bytes: 64, keys: 1_000_000, ..row.clone() };
        match workload {
            Workload::Put | Workload::Txn | Workload::Mixed | Workload::KeepAlive => row,
            Workload::Range | Workload::Serializable if clients == 1 => Row { ops: 20_000, ..row },
            Workload::Range | Workload::Serializable => row,
            Workload::RangeAll => Row { ops: 300, ..row },
            // A hundred watchers a connection; rounds until the time is over.
            Workload::Watch | Workload::WatchOne => {
                Row { connections: clients.div_ceil(100), ops: UNLIMITED, seconds: 4.0, ..row }
            }
            Workload::Count | Workload::Page => million,
            Workload::PageOld => Row { history: 100_000, ..million },
            Workload::Compact => Row { history: 300_000, ..row },
            Workload::Expire => Row { ops: UNLIMITED, history: 100_000, ..row },
        }
    }

    /// How many leases fall due, if any do.
    pub(crate) fn set_leases(&mut self, leases: Option<u64>) {
        if self.workload == Workload::Expire {
            self.history = leases.unwrap_or(self.history);
        }
    }

    /// Rounds if nobody says otherwise: fewer where each begins with a long preload.
    pub(crate) fn rounds(&self) -> u32 {
        if self.keys > 10_000 || self.history > 0 { 3 } else { 5 }
    }

    /// A sixth of the calls and a twentieth of the preload, for a look.
    pub(crate) fn shrink(&mut self) {
        if self.ops < UNLIMITED {
            self.ops = self.ops.div_ceil(6);
        }
        self.seconds /= 5.0;
        self.history /= 20;
        if self.keys > 10_000 {
            self.keys /= 20;
        }
    }

    pub(crate) fn heading(&self) -> String {
        let Row { workload, clients, connections, .. } = self;
        let (what, on) = match workload {
            Workload::Watch | Workload::WatchOne => ("watchers", "connections, one stream each"),
            _ => ("clients", "connections"),
        };
        format!("{}: {clients} {what} on {connections} {on}", workload.name())
    }

    /// The heading, and what is done in words.
    pub(crate) fn essence(&self) -> String {
        let Row { workload, ops, seconds, value_bytes, keys, history, .. } = self;
        let mut text = format!("{}; {value_bytes}-byte values", workload.essence());
        if *ops < UNLIMITED {
            text += &format!(", {ops} operations");
        }
        if *seconds > 0.0 {
            text += &format!(", at most {seconds} s");
        }
        match workload {
            Workload::Expire => text += &format!(", {history} leases"),
            _ if *history > 0 => text += &format!(", {history} writes before"),
            _ => {}
        }
        use Workload::{Expire, KeepAlive, Put, Txn, Watch, WatchOne};
        if !matches!(workload, Put | Txn | Watch | WatchOne | KeepAlive | Expire) {
            text += &format!(", {keys} keys");
        }
        text
    }

    /// For `quorate-load measure`.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let pairs = [
            ("--workload", self.workload.name().to_owned()),
            ("--clients", self.clients.to_string()),
            ("--connections", self.connections.to_string()),
            ("--ops", self.ops.to_string()),
            ("--warmup", (self.ops / 5).to_string()),
            ("--seconds", self.seconds.to_string()),
            ("--value-bytes", self.value_bytes.to_string()),
            ("--keys", self.keys.to_string()),
            ("--history", self.history.to_string()),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_a_name_of_its_own_and_rows() {
        for workload in Workload::ALL {
            assert_eq!(workload.name().parse::<Workload>().unwrap(), workload);
            assert!(workload.rows().iter().all(|row| row.workload == workload && row.ops > 0));
            assert!(!workload.rows().is_empty());
            assert!(workload.rows().iter().all(|row| row.rounds() % 2 == 1), "a median that occurred");
        }
        assert!("puts".parse::<Workload>().is_err());
    }

    #[test]
    fn ten_clients_share_a_connection() {
        let connections = |clients| Row::new(Workload::Put, clients).connections;
        assert_eq!([1, 10, 11, 100, 1000].map(connections), [1, 1, 2, 10, 100]);
        let shared = Workload::Put.rows().into_iter().filter(|row| row.clients == 100);
        assert_eq!(shared.map(|row| row.connections).collect::<Vec<_>>(), [10, 1]);
    }

    #[test]
    fn a_look_is_smaller_and_never_empty() {
        for mut row in Workload::ALL.into_iter().flat_map(Workload::rows) {
            let before = row.clone();
            row.shrink();
            let size = |row: &Row| (row.ops, row.seconds, row.history);
            assert!(row.ops > 0 && size(&row) < size(&before));
        }
    }
}
