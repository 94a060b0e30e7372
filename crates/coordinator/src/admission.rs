//! How much may be under way at once.

use crate::quota::Quota;
use std::time::Duration;

/// The bounds on what clients may ask.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest command in bytes. etcd: `--max-request-bytes`.
    pub command_bytes_max: usize,
    /// Comparisons, and operations of a branch, of one transaction and all along its way into those within.
    /// etcd: `--max-txn-ops`.
    pub txn_ops_max: usize,
    /// The longest any call may take. etcd: 5 s and two election time-outs.
    pub call_time_max: Duration,
    /// The shortest life of a lease, in seconds: one asked for less is granted this. etcd: one and a half election
    /// time-outs, rounded up.
    pub lease_ttl_min_seconds: i64,
    /// How often what is left of long leases is written down for the next leader; never, if none. etcd: every five
    /// minutes with the feature gate `LeaseCheckpoint`.
    pub lease_checkpoint_interval: Option<Duration>,
    /// Entries that may be committed and not applied here; past it commands are told `too many requests`. etcd:
    /// `maxGapBetweenApplyAndCommitIndex`.
    pub backlog_max: u64,
    /// How long a member hears of no leader before it stands for election. etcd: `--election-timeout`.
    pub election_timeout: Duration,
    /// Bytes of commands under way, all together (law C2).
    pub queued_bytes_max: usize,
    /// How much may be stored.
    pub quota: Quota,
    /// Whether a change of the members is refused that could cost the cluster its quorum. etcd:
    /// `--strict-reconfig-check`.
    pub strict_reconfiguration: bool,
    /// Members that may be learners at once; those that wait for their vote do not count. etcd: `--max-learners`.
    pub learners_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_bytes_max: 1_572_864,
            txn_ops_max: 128,
            call_time_max: Duration::from_secs(7),
            lease_ttl_min_seconds: 2,
            lease_checkpoint_interval: None,
            backlog_max: 5000,
            election_timeout: Duration::from_secs(1),
            queued_bytes_max: 256 << 20,
            quota: Quota::default(),
            strict_reconfiguration: true,
            learners_max: 1,
        }
    }
}
