//! How a replica is to behave.

use crate::types::Node;
use quorate_types::{ClusterId, MemberId};
use std::collections::BTreeMap;
use std::time::Duration;

/// One member of the initial cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its id.
    pub id: MemberId,
    /// How it is reached.
    pub node: Node,
}

/// How fast what compaction freed is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Records that go in one step, on the apply thread, which a put behind it waits. etcd: `--compaction-batch-limit`.
    pub records: usize,
    /// How long the apply thread has for others between two steps. etcd: `--compaction-sleep-interval`.
    pub rest: Duration,
}

/// A step is less than a millisecond, and at most 37,500 records go in a second. etcd's are 1,000 records and 10 ms.
impl Default for Pace {
    fn default() -> Self {
        Self { records: 150, rest: Duration::from_millis(4) }
    }
}

impl Pace {
    /// The default, but for what is given.
    #[must_use]
    pub fn with(records: Option<usize>, rest: Option<Duration>) -> Self {
        let default = Self::default();
        Self { records: records.unwrap_or(default.records), rest: rest.unwrap_or(default.rest) }
    }
}

/// Settings of a replica.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster that this member belongs to: nobody else is let in.
    pub cluster: ClusterId,
    /// This member.
    pub member: MemberId,
    /// Every member of the cluster when it is founded, this one among them: all of them name the same. None, if this member
    /// joins a cluster that is there. Ignored once there is a log.
    pub founders: BTreeMap<u64, Node>,
    /// This member is to go on alone, with its data, whoever else belongs to the cluster: they are dropped from it for ever. It is
    /// reached as this says, if its log does not know. etcd: `--force-new-cluster`.
    pub force_new_cluster: Option<Node>,
    /// How often a leader makes itself heard. etcd: `--heartbeat-interval`.
    pub heartbeat: Duration,
    /// How long a follower waits for a leader before it stands for election, at least; at most a fifth more.
    /// etcd: `--election-timeout`.
    pub election_timeout: Duration,
    /// After so many entries the engine is made durable and the log cut. etcd: `--snapshot-count`.
    pub snapshot_entries: u64,
    /// After so many bytes of log likewise. Bounds the log on disk and the time of a restart.
    pub snapshot_bytes: u64,
    /// An engine that writes all its data each time waits for as many bytes of log as half the data, and at least for
    /// these.
    pub whole_bytes_min: u64,
    /// So many entries before the durable one stay in the log for slow followers. etcd: `--snapshot-catchup-entries`.
    pub catchup_entries: u64,
    /// How fast what compaction freed is removed.
    pub prune: Pace,
    /// The id of the first command of this life, above every earlier one of this member.
    pub first_request_id: u64,
}

impl Options {
    /// etcd's defaults for a cluster of `member` alone.
    #[must_use]
    pub fn alone(member: MemberId, node: Node, first_request_id: u64) -> Self {
        Self {
            cluster: ClusterId(1),
            member,
            founders: BTreeMap::from([(member.0, node)]),
            force_new_cluster: None,
            heartbeat: Duration::from_millis(100),
            election_timeout: Duration::from_millis(1000),
            snapshot_entries: 10_000,
            snapshot_bytes: 256 << 20,
            whole_bytes_min: 64 << 20,
            catchup_entries: 5000,
            prune: Pace::default(),
            first_request_id,
        }
    }

    /// These settings in openraft's words. See law R6 for the one that must not be left at its default.
    ///
    /// openraft campaigns after its maximum plus a random time in `[minimum, maximum)`: with 0.6 and 0.4 of the
    /// election time-out that is within one and 1.2 of it.
    pub(crate) fn openraft(&self) -> openraft::Config {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let election_timeout = millis(self.election_timeout);
        let election_timeout_max = (election_timeout * 6 / 10).max(2);
        openraft::Config {
            cluster_name: "quorate".into(),
            heartbeat_interval: millis(self.heartbeat),
            election_timeout_min: (election_timeout * 4 / 10).max(1),
            election_timeout_max,
            enable_pre_vote: Some(true),
            enable_leader_restore: Some(restores_leaders()),
            allow_log_reversion: None,
            quorum_loss_probe_interval: Some(2 * election_timeout_max),
            snapshot_policy: openraft::SnapshotPolicy::Never,
            max_append_entries: Some(4096),
            max_payload_entries: 4096,
            max_in_snapshot_log_to_keep: self.catchup_entries, // fewer if they are large: see housekeeping
            api_batch_linger_ms: 0,
            ..openraft::Config::default()
        }
    }
}

/// Law R6: never, but in the test that shows why.
#[cfg(feature = "testing")]
fn restores_leaders() -> bool {
    crate::testing::restores_leaders()
}

/// Law R6: never.
#[cfg(not(feature = "testing"))]
fn restores_leaders() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openraft_for(change: impl FnOnce(&mut Options)) -> openraft::Config {
        let mut options = Options::alone(MemberId(1), Node::default(), 0);
        change(&mut options);
        options.openraft().validate().expect("openraft accepts it")
    }

    #[test]
    fn a_restarted_leader_stands_for_election() {
        let config = openraft_for(|_| {});
        assert_eq!(config.enable_leader_restore, Some(false), "R6: else a log id is used twice");
        assert_eq!(
            config.enable_pre_vote,
            Some(true),
            "a member that was cut off does not unseat the leader"
        );
        assert_eq!(config.allow_log_reversion, None, "a log that went back is a lost promise");
        assert_eq!(config.quorum_loss_probe_interval, Some(1200), "a partial partition ends in an election");
    }

    #[test]
    fn an_election_comes_within_a_fifth_after_its_timeout() {
        for millis in [50, 1000, 50_000] {
            let config = openraft_for(|options| {
                options.heartbeat = Duration::from_millis(millis / 10);
                options.election_timeout = Duration::from_millis(millis);
            });
            // openraft waits for the maximum and a random part of what lies between the two.
            let earliest = config.election_timeout_max + config.election_timeout_min;
            assert_eq!((earliest, 2 * config.election_timeout_max), (millis, millis * 6 / 5));
            assert!(config.heartbeat_interval < config.election_timeout_min);
        }
    }

    #[test]
    fn only_housekeeping_makes_snapshots_and_catch_up_entries_stay() {
        let config = openraft_for(|options| options.catchup_entries = 77);
        assert_eq!(config.snapshot_policy, openraft::SnapshotPolicy::Never);
        assert_eq!(config.max_in_snapshot_log_to_keep, 77);
    }

    #[test]
    fn nothing_lingers_and_batches_are_bounded_by_bytes_elsewhere() {
        let config = openraft_for(|_| {});
        assert_eq!(config.api_batch_linger_ms, 0, "the log's sync is what gathers a batch");
        assert_eq!((config.max_append_entries, config.max_payload_entries), (Some(4096), 4096));
    }
}
