//! The table itself: all of etcd 3.7's flags, and ours. Defaults exist here and nowhere else.

use super::Kind::{Choice, Duration, Integer, List, Switch, Text, Urls};
use super::Place::{Everywhere, NotInYaml, OnlyInYaml, Section};
use super::Status::{InForce, NoMeaning, NotYet, Refused};
use super::{Kind, Place, Setting, Status};

const fn row(
    flag: &'static str,
    kind: Kind,
    default: &'static str,
    status: Status,
    help: &'static str,
) -> Setting {
    Setting { flag, kind, default, place: Everywhere, status, help }
}

impl Setting {
    const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

const fn natural(unit: &'static str) -> Kind {
    Kind::Natural { unit, max: u64::MAX }
}

/// Without TLS a server that was told to use it would speak in the clear.
const NO_TLS: Status = Refused("TLS is not there yet: remove it, and protect the network by other means");
const NO_HTTP: Status = NotYet("there is no HTTP API yet");
const NO_TRACES: Status = NotYet("no traces are sent");
const NO_USERS: Status = NotYet("there are no users yet");
const NO_HASH_CHECK: Status = NotYet("members are not compared yet");
const NO_BBOLT: Status = NoMeaning("it is about etcd's bbolt file");
const TLS_WORDS: &[&str] = &["TLS1.2", "TLS1.3"];

/// Every setting of this release, by the heading it stands under in the help.
pub(in crate::config) const GROUPS: &[(&str, &[Setting])] = &[
    ("Member", MEMBER),
    ("Clients", CLIENTS),
    ("Cluster", CLUSTER),
    ("Log and snapshots", LOG),
    ("Space and compaction", SPACE),
    ("Messages", MESSAGES),
    ("Watching it", MONITORING),
    ("Users", USERS),
    ("TLS for clients", CLIENT_TLS),
    ("TLS for members", PEER_TLS),
    ("Discovery", DISCOVERY),
    ("Consistency checks", CHECKS),
    ("Unsafe", UNSAFE),
];

const MEMBER: &[Setting] = &[
    row("name", Text("NAME"), "default", InForce, "What this member calls itself"),
    row("data-dir", Text("DIR"), "", InForce, "Where its data is kept; NAME.etcd if not set"),
    row(
        "wal-dir",
        Text("DIR"),
        "",
        InForce,
        "Where its log is kept, best on a disk of its own; DATA-DIR/wal if not set",
    ),
    row(
        "front-threads",
        Kind::Natural { unit: "COUNT", max: 1024 },
        "0",
        InForce,
        "Threads that serve clients; 0 for one a core. Ours, not etcd's",
    ),
    row("feature-gates", Text("NAME=BOOL,..."), "", InForce, "Features to switch, as LeaseCheckpoint=true"),
    row(
        "memory-mlock",
        Switch,
        "false",
        NotYet("memory is not locked"),
        "Keep all memory from being swapped out",
    ),
];

const CLIENTS: &[Setting] = &[
    row(
        "listen-client-urls",
        Urls,
        "http://localhost:2379",
        InForce,
        "Where to serve clients: IP addresses, or localhost for 127.0.0.1",
    ),
    row(
        "advertise-client-urls",
        Urls,
        "http://localhost:2379",
        InForce,
        "Where clients are told to find this member; required beside --listen-client-urls",
    ),
    row(
        "listen-client-http-urls",
        Urls,
        "",
        NO_HTTP,
        "Where to serve HTTP only; the others are then for gRPC only",
    ),
    row("max-request-bytes", natural("BYTES"), "1572864", InForce, "The longest command"),
    row("max-txn-ops", natural("COUNT"), "128", InForce, "The most operations of one transaction"),
    row(
        "max-concurrent-streams",
        Kind::Natural { unit: "COUNT", max: u32::MAX as u64 },
        "4294967295",
        InForce,
        "The most calls at a time on one connection",
    ),
    row(
        "grpc-keepalive-min-time",
        Duration,
        "5s",
        NotYet("nobody is sent away for pinging often"),
        "A client that pings more often is sent away",
    ),
    row(
        "grpc-keepalive-interval",
        Duration,
        "2h",
        InForce,
        "How long a connection may be silent before it is pinged; 0 for never",
    ),
    row("grpc-keepalive-timeout", Duration, "20s", InForce, "How long the answer to such a ping may take"),
    row(
        "watch-progress-notify-interval",
        Duration,
        "0s",
        InForce,
        "How often an idle watcher that wants it hears of progress; at least 100ms, 0 for 10m",
    ),
    row("enable-grpc-gateway", Switch, "true", NO_HTTP, "Serve the JSON gateway"),
    row("cors", List("ORIGIN"), "*", NO_HTTP, "Origins whose pages may use the HTTP API"),
    row(
        "host-whitelist",
        List("HOST"),
        "*",
        NO_HTTP,
        "Host names under which the plaintext HTTP API may be asked",
    ),
    row(
        "socket-reuse-port",
        Switch,
        "false",
        NotYet("ports are not shared"),
        "Set SO_REUSEPORT on listeners",
    )
    .at(Section("socket-options.reuse-port")),
    row(
        "socket-reuse-address",
        Switch,
        "false",
        NoMeaning("it is always set"),
        "Set SO_REUSEADDR on listeners",
    )
    .at(Section("socket-options.reuse-address")),
];

const CLUSTER: &[Setting] = &[
    row(
        "initial-advertise-peer-urls",
        Urls,
        "http://localhost:2380",
        InForce,
        "Where other members find this one; its id is made of them",
    ),
    row(
        "initial-cluster",
        Text("NAME=URL,..."),
        "",
        InForce,
        "The members that found the cluster, or are in the one to join [this member alone]",
    ),
    row(
        "initial-cluster-token",
        Text("TOKEN"),
        "etcd-cluster",
        InForce,
        "Keeps clusters with equal URLs apart",
    ),
    row(
        "initial-cluster-state",
        Choice(&["new", "existing"]),
        "new",
        InForce,
        "Whether to found the cluster, or to join it",
    ),
    row("heartbeat-interval", natural("MS"), "100", InForce, "How often a leader makes itself heard"),
    row(
        "election-timeout",
        natural("MS"),
        "1000",
        InForce,
        "How long a follower waits for a leader; five heartbeats to 50 s",
    ),
    row("listen-peer-urls", Urls, "http://localhost:2380", InForce, "Where to serve other members"),
    row(
        "initial-election-tick-advance",
        Switch,
        "true",
        NoMeaning("elections go by the clock, and a member that finds a leader calls none"),
        "Let a new member call an election sooner",
    ),
    row(
        "pre-vote",
        Switch,
        "true",
        NotYet("every election asks around first"),
        "Ask around before an election",
    ),
    row("strict-reconfig-check", Switch, "true", InForce, "Refuse member changes that could cost the quorum"),
    row("max-learners", natural("COUNT"), "1", InForce, "The most learners at a time"),
    row(
        "downgrade-check-time",
        Duration,
        "5s",
        NoMeaning("there is never a downgrade under way"),
        "How often to look whether a downgrade is done",
    ),
    row(
        "raft-read-timeout",
        Duration,
        "5s",
        NotYet("a quiet connection is given up after an election time-out"),
        "How long a read from a member may take",
    )
    .at(NotInYaml),
    row(
        "raft-write-timeout",
        Duration,
        "5s",
        NotYet("a quiet connection is given up after an election time-out"),
        "How long a write to a member may take",
    )
    .at(NotInYaml),
];

const LOG: &[Setting] = &[
    row(
        "snapshot-count",
        natural("ENTRIES"),
        "10000",
        InForce,
        "Make the engine durable and cut the log after so many entries",
    ),
    row(
        "snapshot-catchup-entries",
        natural("ENTRIES"),
        "5000",
        InForce,
        "Keep so many of them in the log for slow members",
    ),
    row(
        "max-snapshots",
        natural("COUNT"),
        "5",
        NoMeaning("there are no snapshot files"),
        "The most snapshot files kept",
    ),
    row(
        "max-wals",
        natural("COUNT"),
        "5",
        NoMeaning("the log is cut by entries and bytes"),
        "The most log files kept",
    ),
];

const SPACE: &[Setting] = &[
    row(
        "quota-backend-bytes",
        Integer("BYTES"),
        "0",
        InForce,
        "How much space keys may take; 0 for 2 GiB, negative for any",
    ),
    row(
        "auto-compaction-mode",
        Choice(&["periodic", "revision"]),
        "periodic",
        InForce,
        "What --auto-compaction-retention counts",
    ),
    row(
        "auto-compaction-retention",
        Text("KEEP"),
        "0",
        InForce,
        "History to keep: hours, a time, or revisions; 0 for all",
    ),
    row(
        "compaction-batch-limit",
        Integer("COUNT"),
        "0",
        InForce,
        "The most records a compaction removes in one go; 0 for few enough",
    ),
    row(
        "compaction-sleep-interval",
        Duration,
        "0s",
        InForce,
        "The rest between two such goes; 0 for long enough",
    ),
    row(
        "bootstrap-defrag-threshold-megabytes",
        natural("MB"),
        "0",
        NoMeaning("there is nothing to defragment"),
        "Defragment at start if so much would be won",
    ),
    row(
        "backend-bbolt-freelist-type",
        Text("TYPE"),
        "map",
        NO_BBOLT,
        "How free pages are kept: map or array",
    ),
    row("backend-batch-interval", Duration, "0s", NO_BBOLT, "The longest time to the next commit"),
    row("backend-batch-limit", Integer("COUNT"), "0", NO_BBOLT, "The most operations to the next commit"),
    row(
        "v2-deprecation",
        Text("STAGE"),
        "write-only",
        NoMeaning("there was never a v2 store; etcd 3.7 ignores it too"),
        "What to do with a v2 store",
    ),
];

const MESSAGES: &[Setting] = &[
    row(
        "log-level",
        Choice(&["debug", "info", "warn", "error", "dpanic", "panic", "fatal"]),
        "info",
        InForce,
        "The least important messages that are logged",
    ),
    row(
        "log-format",
        Choice(&["json", "console"]),
        "json",
        InForce,
        "One JSON object a line, or columns for people",
    ),
    row(
        "log-outputs",
        List("OUTPUT"),
        "default",
        InForce,
        "default (stderr), stderr, stdout, or paths of files",
    ),
    row(
        "enable-log-rotation",
        Switch,
        "false",
        InForce,
        "Begin a new log file when the old one is long enough",
    ),
    row(
        "log-rotation-config-json",
        Text("JSON"),
        r#"{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}"#,
        InForce,
        "When: MB a file, days and files to keep, 0 for all",
    ),
    row("logger", Text("NAME"), "zap", InForce, "The shape of messages; only zap"),
    row(
        "warning-apply-duration",
        Duration,
        "100ms",
        NotYet("slow applies are not warned of"),
        "Warn of an apply that takes longer",
    ),
    row(
        "warning-unary-request-duration",
        Duration,
        "300ms",
        NotYet("slow requests are not warned of"),
        "Warn of a request that takes longer",
    ),
];

const MONITORING: &[Setting] = &[
    row(
        "listen-metrics-urls",
        Urls,
        "",
        NO_HTTP,
        "Where to serve metrics and health besides the client port",
    ),
    row(
        "metrics",
        Choice(&["basic", "extensive"]),
        "basic",
        NotYet("there are no metrics yet"),
        "How much to measure",
    ),
    row(
        "enable-pprof",
        Switch,
        "false",
        NotYet("there are no profiles"),
        "Serve profiles under /debug/pprof/",
    ),
    row("enable-distributed-tracing", Switch, "false", NO_TRACES, "Send traces by OTLP"),
    row("distributed-tracing-address", Text("ADDRESS"), "localhost:4317", NO_TRACES, "Where to"),
    row(
        "distributed-tracing-service-name",
        Text("NAME"),
        "etcd",
        NO_TRACES,
        "As whose; the same for all members",
    ),
    row("distributed-tracing-instance-id", Text("ID"), "", NO_TRACES, "As which member's"),
    row("distributed-tracing-sampling-rate", Integer("PPM"), "0", NO_TRACES, "Of a million, how many"),
];

const USERS: &[Setting] = &[
    row(
        "auth-token",
        Text("KIND"),
        "simple",
        Refused("tokens of this kind are not there yet: leave it at simple"),
        "simple, or jwt and its options",
    ),
    row("auth-token-ttl", natural("SECONDS"), "300", NO_USERS, "How long a token is good for"),
    row("bcrypt-cost", natural("COST"), "10", NO_USERS, "How hard passwords are hashed"),
];

const CLIENT_TLS: &[Setting] = &[
    row("cert-file", Text("FILE"), "", NO_TLS, "The server's certificate")
        .at(Section("client-transport-security.cert-file")),
    row("key-file", Text("FILE"), "", NO_TLS, "Its key").at(Section("client-transport-security.key-file")),
    row(
        "client-cert-file",
        Text("FILE"),
        "",
        NO_TLS,
        "The certificate to show where this server is the client",
    )
    .at(Section("client-transport-security.client-cert-file")),
    row("client-key-file", Text("FILE"), "", NO_TLS, "Its key")
        .at(Section("client-transport-security.client-key-file")),
    row("client-cert-auth", Switch, "false", NO_TLS, "Ask clients for a certificate")
        .at(Section("client-transport-security.client-cert-auth")),
    row("trusted-ca-file", Text("FILE"), "", NO_TLS, "Who may sign them")
        .at(Section("client-transport-security.trusted-ca-file")),
    row("client-crl-file", Text("FILE"), "", NO_TLS, "Which of them are revoked").at(NotInYaml),
    row("client-cert-allowed-hostname", List("NAME"), "", NO_TLS, "Whose they may be")
        .at(Section("client-transport-security.allowed-hostname")),
    row(
        "client-transport-security.allowed-cn",
        List("NAME"),
        "",
        NO_TLS,
        "Whose they may be, by common name",
    )
    .at(OnlyInYaml("client-transport-security.allowed-cn")),
    row(
        "client-transport-security.skip-client-san-verification",
        Switch,
        "false",
        NO_TLS,
        "Do not look at their addresses",
    )
    .at(OnlyInYaml("client-transport-security.skip-client-san-verification")),
    row("auto-tls", Switch, "false", NO_TLS, "Use a certificate made at start")
        .at(Section("client-transport-security.auto-tls")),
    row(
        "self-signed-cert-validity",
        natural("YEARS"),
        "1",
        NotYet("no certificates are made"),
        "How long such a certificate is good for",
    ),
    row("cipher-suites", List("SUITE"), "", NotYet("there is no TLS yet"), "The ciphers of TLS 1.2"),
    row(
        "tls-min-version",
        Choice(TLS_WORDS),
        "TLS1.2",
        NotYet("there is no TLS yet"),
        "The oldest TLS spoken",
    ),
    row("tls-max-version", Text("TLS1.2|TLS1.3"), "", NotYet("there is no TLS yet"), "The newest TLS spoken"),
];

const PEER_TLS: &[Setting] = &[
    row("peer-cert-file", Text("FILE"), "", NO_TLS, "This member's certificate")
        .at(Section("peer-transport-security.cert-file")),
    row("peer-key-file", Text("FILE"), "", NO_TLS, "Its key").at(Section("peer-transport-security.key-file")),
    row("peer-client-cert-file", Text("FILE"), "", NO_TLS, "The certificate to show to other members")
        .at(Section("peer-transport-security.client-cert-file")),
    row("peer-client-key-file", Text("FILE"), "", NO_TLS, "Its key")
        .at(Section("peer-transport-security.client-key-file")),
    row("peer-client-cert-auth", Switch, "false", NO_TLS, "Ask other members for a certificate")
        .at(Section("peer-transport-security.client-cert-auth")),
    row("peer-trusted-ca-file", Text("FILE"), "", NO_TLS, "Who may sign them")
        .at(Section("peer-transport-security.trusted-ca-file")),
    row("peer-crl-file", Text("FILE"), "", NO_TLS, "Which of them are revoked").at(NotInYaml),
    row("peer-cert-allowed-cn", List("NAME"), "", NO_TLS, "Whose they may be, by common name")
        .at(Section("peer-transport-security.allowed-cn")),
    row("peer-cert-allowed-hostname", List("NAME"), "", NO_TLS, "Whose they may be, by host name")
        .at(Section("peer-transport-security.allowed-hostname")),
    row("peer-auto-tls", Switch, "false", NO_TLS, "Use a certificate made at start")
        .at(Section("peer-transport-security.auto-tls")),
    row("peer-skip-client-san-verification", Switch, "false", NO_TLS, "Do not look at their addresses")
        .at(Section("peer-transport-security.skip-client-san-verification")),
];

const DISCOVERY: &[Setting] = &[
    row("discovery-token", Text("TOKEN"), "", InForce, "Which cluster to found")
        .at(Section("discovery-config.token")),
    row("discovery-endpoints", List("URL"), "", InForce, "An etcd in which its members meet")
        .at(Section("discovery-config.client.endpoints")),
    row("discovery-srv", Text("DOMAIN"), "", InForce, "The domain whose SRV records name the members"),
    row("discovery-srv-name", Text("SUFFIX"), "", InForce, "The end of those records' names"),
    row(
        "discovery-fallback",
        Choice(&["exit", "proxy"]),
        "exit",
        Refused("v2 proxy is gone since etcd 3.6: leave it at exit"),
        "What to do when discovery fails",
    )
    .at(NotInYaml),
    row("discovery-dial-timeout", Duration, "2s", InForce, "How long a connection may take")
        .at(Section("discovery-config.client.dial-timeout")),
    row("discovery-request-timeout", Duration, "5s", InForce, "How long a request may take")
        .at(Section("discovery-config.client.request-timeout")),
    row("discovery-keepalive-time", Duration, "2s", InForce, "How often to ping")
        .at(Section("discovery-config.client.keepalive-time")),
    row("discovery-keepalive-timeout", Duration, "6s", InForce, "How long the answer may take")
        .at(Section("discovery-config.client.keepalive-timeout")),
    row("discovery-insecure-transport", Switch, "true", NO_TLS, "Without TLS")
        .at(Section("discovery-config.client.secure.insecure-transport")),
    row("discovery-insecure-skip-tls-verify", Switch, "false", NO_TLS, "Do not check its certificate")
        .at(Section("discovery-config.client.secure.insecure-skip-tls-verify")),
    row("discovery-cert", Text("FILE"), "", NO_TLS, "The certificate to show")
        .at(Section("discovery-config.client.secure.cert")),
    row("discovery-key", Text("FILE"), "", NO_TLS, "Its key")
        .at(Section("discovery-config.client.secure.key")),
    row("discovery-cacert", Text("FILE"), "", NO_TLS, "Who may sign its certificate")
        .at(Section("discovery-config.client.secure.cacert")),
    row("discovery-user", Text("USER"), "", InForce, "As whom")
        .at(Section("discovery-config.client.auth.username")),
    row("discovery-password", Text("PASSWORD"), "", InForce, "With which password")
        .at(Section("discovery-config.client.auth.password")),
];

const CHECKS: &[Setting] = &[
    row(
        "corrupt-check-time",
        Duration,
        "0s",
        NO_HASH_CHECK,
        "How often to compare the members' data; 0 for never",
    ),
    row(
        "compact-hash-check-time",
        Duration,
        "1m",
        NO_HASH_CHECK,
        "How often to compare what compactions left",
    ),
];

const UNSAFE: &[Setting] = &[
    row(
        "unsafe-no-fsync",
        Switch,
        "false",
        InForce,
        "Never sync the log: a power failure loses acknowledged writes",
    ),
    row(
        "force-new-cluster",
        Switch,
        "false",
        InForce,
        "Go on alone with this member's data, and drop all other members for ever; for one start only",
    ),
];

/// Flags of etcd's past that it still accepts, as switches, and ignores.
pub(in crate::config) const IGNORED: &[&str] = &[
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

/// Flags of etcd's past that 3.7 knows no more, and what to use instead.
pub(in crate::config) const REMOVED: &[(&str, &str)] = &[
    ("experimental-bootstrap-defrag-threshold-megabytes", "--bootstrap-defrag-threshold-megabytes"),
    ("experimental-compact-hash-check-enabled", "--feature-gates=CompactHashCheck=true"),
    ("experimental-compact-hash-check-time", "--compact-hash-check-time"),
    ("experimental-compaction-batch-limit", "--compaction-batch-limit"),
    ("experimental-compaction-sleep-interval", "--compaction-sleep-interval"),
    ("experimental-corrupt-check-time", "--corrupt-check-time"),
    ("experimental-distributed-tracing-address", "--distributed-tracing-address"),
    ("experimental-distributed-tracing-instance-id", "--distributed-tracing-instance-id"),
    ("experimental-distributed-tracing-sampling-rate", "--distributed-tracing-sampling-rate"),
    ("experimental-distributed-tracing-service-name", "--distributed-tracing-service-name"),
    ("experimental-downgrade-check-time", "--downgrade-check-time"),
    ("experimental-enable-distributed-tracing", "--enable-distributed-tracing"),
    ("experimental-enable-lease-checkpoint", "--feature-gates=LeaseCheckpoint=true"),
    ("experimental-enable-lease-checkpoint-persist", "--feature-gates=LeaseCheckpointPersist=true"),
    ("experimental-initial-corrupt-check", "--feature-gates=InitialCorruptCheck=true"),
    ("experimental-max-learners", "--max-learners"),
    ("experimental-memory-mlock", "--memory-mlock"),
    ("experimental-peer-skip-client-san-verification", "--peer-skip-client-san-verification"),
    ("experimental-snapshot-catch-up-entries", "--snapshot-catchup-entries"),
    ("experimental-snapshot-catchup-entries", "--snapshot-catchup-entries"),
    ("experimental-stop-grpc-service-on-defrag", "--feature-gates=StopGRPCServiceOnDefrag=true"),
    ("experimental-txn-mode-write-with-shared-buffer", "--feature-gates=TxnModeWriteWithSharedBuffer=true"),
    ("experimental-warning-apply-duration", "--warning-apply-duration"),
    ("experimental-warning-unary-request-duration", "--warning-unary-request-duration"),
    ("experimental-watch-progress-notify-interval", "--watch-progress-notify-interval"),
    ("experimental-backend-bbolt-freelist-type", "--backend-bbolt-freelist-type"),
    ("experimental-enable-v2v3", "nothing: the v2 API is gone"),
    ("enable-v2", "nothing: the v2 API is gone"),
    ("discovery", "--discovery-endpoints and --discovery-token"),
    ("discovery-proxy", "nothing"),
    ("proxy", "nothing: the v2 proxy is gone"),
    ("proxy-dial-timeout", "nothing: the v2 proxy is gone"),
    ("proxy-failure-wait", "nothing: the v2 proxy is gone"),
    ("proxy-read-timeout", "nothing: the v2 proxy is gone"),
    ("proxy-refresh-interval", "nothing: the v2 proxy is gone"),
    ("proxy-write-timeout", "nothing: the v2 proxy is gone"),
    ("debug", "--log-level=debug"),
    ("log-output", "--log-outputs"),
    ("log-package-levels", "--log-level"),
];
