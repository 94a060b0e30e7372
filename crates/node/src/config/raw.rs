//! The settings as they are written, with their defaults. Defaults exist here and nowhere else.

use serde::Deserialize;

/// One field a setting; the keys are the flags' names.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) data_dir: Option<String>,
    pub(super) wal_dir: String,
    pub(super) listen_client_urls: String,
    pub(super) advertise_client_urls: String,
    pub(super) listen_peer_urls: String,
    pub(super) initial_advertise_peer_urls: String,
    pub(super) initial_cluster: String,
    pub(super) initial_cluster_token: String,
    pub(super) initial_cluster_state: String,
    pub(super) heartbeat_interval: u64,
    pub(super) election_timeout: u64,
    pub(super) snapshot_count: u64,
    pub(super) snapshot_catchup_entries: u64,
    pub(super) max_request_bytes: usize,
    pub(super) unsafe_no_fsync: bool,
    pub(super) front_threads: usize,
    pub(super) log_level: String,
    pub(super) log_format: String,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            name: "default".into(),
            data_dir: None,
            wal_dir: String::new(),
            listen_client_urls: "http://localhost:2379".into(),
            advertise_client_urls: "http://localhost:2379".into(),
            listen_peer_urls: "http://localhost:2380".into(),
            initial_advertise_peer_urls: "http://localhost:2380".into(),
            initial_cluster: String::new(),
            initial_cluster_token: "etcd-cluster".into(),
            initial_cluster_state: "new".into(),
            heartbeat_interval: 100,
            election_timeout: 1000,
            snapshot_count: 10_000,
            snapshot_catchup_entries: 5000,
            max_request_bytes: 1_572_864,
            unsafe_no_fsync: false,
            front_threads: 0,
            log_level: "info".into(),
            log_format: "json".into(),
        }
    }
}
