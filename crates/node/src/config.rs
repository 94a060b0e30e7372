//! What an operator sets, from flags, environment and file: etcd's names, etcd's rules.
//!
//! - A config file excludes all other flags and the environment.
//! - One setting in a flag and in the environment is an error.
//! - `QUORATE_X` is read as `ETCD_X` and beats it.
//! - Everything is accepted that etcd 3.7 accepts. What has no effect here is warned of if it was set to something; what
//!   would be dangerous without effect is refused.
//!
//! All problems are reported at once, before a port opens.

mod arguments;
mod check;
mod default_host;
mod discovery;
mod file;
mod gates;
mod log;
mod number;
mod options;
mod problem;
mod settings;
mod source;
mod variables;

use crate::bootstrap::{InitialCluster, Registry, Srv};
use crate::url::Url;
use quorate_coordinator::Quota;
use quorate_coordinator::auto_compaction::Retention;
use std::path::PathBuf;
use std::time::Duration;

pub use gates::{Gate, Gates};
pub use log::{Log, LogFormat, LogLevel, LogOutput, Rotation};
pub use source::{Parsed, parse};

/// The server's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What this member calls itself.
    pub name: String,
    /// Where its data is.
    pub data_dir: PathBuf,
    /// Where its log is, if not in the data directory.
    pub wal_dir: Option<PathBuf>,
    /// Where it serves clients. No two are the same address, unless the system chooses the port.
    pub listen_client_urls: Vec<Url>,
    /// Where clients are told to find it.
    pub advertise_client_urls: Vec<Url>,
    /// Where other members find it; its id is made of these.
    pub advertise_peer_urls: Vec<Url>,
    /// Where other members are served.
    pub listen_peer_urls: Vec<Url>,
    /// Who founds the cluster, or is in the one to be joined, and where. This and the next three count for a member without
    /// data, see [`crate::bootstrap`]; beside a member's data directory they have not been checked.
    pub initial_cluster: InitialCluster,
    /// Who says that instead.
    pub discovery: Option<Discovery>,
    /// Whether that cluster is to be founded.
    pub cluster_state: ClusterState,
    /// Part of the ids of a new cluster; that of the registry, if there is one.
    pub cluster_token: String,
    /// How often a leader makes itself heard.
    pub heartbeat: Duration,
    /// How long a follower waits for a leader; at least five heartbeats.
    pub election_timeout: Duration,
    /// After so many entries the engine is made durable and the log cut.
    pub snapshot_entries: u64,
    /// So many entries stay in the log behind that point.
    pub catchup_entries: u64,
    /// The longest command in bytes.
    pub request_bytes_max: usize,
    /// The most operations of one transaction.
    pub txn_operations_max: usize,
    /// The most calls at a time on one connection.
    pub streams_max: u32,
    /// How long a connection may be silent before the server pings it; none for ever.
    pub keepalive_interval: Option<Duration>,
    /// How long the answer to such a ping may take before the connection is closed.
    pub keepalive_timeout: Duration,
    /// How often an idle watcher that asked for it hears of progress; at least 100 ms.
    pub watch_progress_interval: Duration,
    /// Whether the log is synced; without it a power failure loses acknowledged writes.
    pub fsync: bool,
    /// Threads that serve clients; none for one a core.
    pub front_threads: Option<usize>,
    /// Whether this member drops all others and goes on alone, with its data.
    pub force_new_cluster: bool,
    /// Whether a change of the members that could cost the quorum is refused.
    pub strict_reconfiguration: bool,
    /// How many learners there may be at a time.
    pub learners_max: usize,
    /// How much may be stored.
    pub quota: Quota,
    /// What of the history stays when it is compacted by itself; none for no such compaction.
    pub auto_compaction: Option<Retention>,
    /// How many records are removed in one go of a compaction; none for as many as disturb nobody.
    pub compaction_records: Option<usize>,
    /// How long it rests between two of them; none for as long as it takes to disturb nobody.
    pub compaction_rest: Option<Duration>,
    /// Which features are switched on.
    pub gates: Gates,
    /// What is logged, how and where.
    pub log: Log,
}

/// Where the members of a cluster are found, if they are not named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// In SRV records.
    Srv(Srv),
    /// In an etcd.
    Registry(Registry),
}

/// Whether the cluster is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// It is to be founded.
    New,
    /// It is there, and this member was added to it.
    Existing,
}

#[cfg(test)]
mod tests;
