//! What readers see: one immutable value a batch.

use crate::alarms::{Alarm, Alarms};
use crate::cluster_version::ClusterVersion;
use crate::members::{Member, Members};
use arc_swap::ArcSwap;
use bytes::Bytes;
use quorate_lease as lease;
use quorate_mvcc::{Found, Listed, Listing, Query, ReadError, Snapshot, Tier, Txn, TxnDone};
use quorate_proto::log;
use quorate_storage::View;
use quorate_types::{Changes, MemberId, Revision};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The whole state after one batch of entries. Nothing in it ever changes.
#[derive(Clone)]
pub struct Published {
    pub(crate) applied: Option<log::LogId>,
    pub(crate) keys: Snapshot,
    pub(crate) is_pruning: bool,
    pub(crate) leases: lease::Table,
    pub(crate) members: Members,
    pub(crate) membership: Option<log::LogId>,
    pub(crate) alarms: Alarms,
    pub(crate) version: Option<ClusterVersion>,
    pub(crate) view: Arc<dyn View>,
}

/// Where the newest [`Published`] is found. Clones see the same; taking it needs no lock.
#[derive(Clone)]
pub struct Reader {
    pub(crate) newest: Arc<ArcSwap<Published>>,
}

impl Reader {
    /// The state after the last batch.
    #[must_use]
    pub fn newest(&self) -> Arc<Published> {
        self.newest.load_full()
    }

    /// The log index of the last entry that readers can see; none before the first.
    #[must_use]
    pub fn applied_index(&self) -> Option<u64> {
        self.newest.load().applied_index()
    }

    /// Logical bytes of everything stored. Cost: constant, no reference is counted.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.newest.load().size()
    }

    /// Whether `member` is a learner after the last batch. Cost: one look-up among the members, no reference is counted.
    #[must_use]
    pub fn is_learner(&self, member: MemberId) -> bool {
        self.newest.load().member(member).is_some_and(|member| member.is_learner)
    }
}

impl Published {
    /// The id of the last entry in it.
    #[must_use]
    pub fn applied(&self) -> Option<log::LogId> {
        self.applied
    }

    /// The log entry that says who belongs to the cluster.
    #[must_use]
    pub fn membership(&self) -> Option<log::LogId> {
        self.membership
    }

    /// The log index of the last entry in it.
    #[must_use]
    pub fn applied_index(&self) -> Option<u64> {
        self.applied.map(|id| id.index)
    }

    /// The revision of the key space.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.keys.revision()
    }

    /// Answers a range read.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    pub fn range(&self, query: &Query, tier: Tier) -> Result<Found, ReadError> {
        self.keys.range(self.view.as_ref(), query, tier)
    }

    /// Answers a range read, with the records past `here_bytes_max` bytes left where they are.
    ///
    /// # Errors
    /// As [`Snapshot::list`].
    pub fn list(&self, query: &Query, here_bytes_max: usize) -> Result<Listing, ReadError> {
        self.keys.list(self.view.as_ref(), query, here_bytes_max)
    }

    /// A record of such a listing.
    ///
    /// # Errors
    /// As [`Snapshot::listed`].
    pub fn listed(&self, listed: &Listed) -> Result<Bytes, ReadError> {
        self.keys.listed(self.view.as_ref(), listed)
    }

    /// Answers a transaction that only reads.
    ///
    /// # Errors
    /// As [`Snapshot::txn`].
    ///
    /// # Panics
    /// If it has a step that is not a range.
    pub fn txn(&self, txn: &Txn, tier: Tier) -> Result<TxnDone, ReadError> {
        self.keys.txn(self.view.as_ref(), txn, tier)
    }

    /// The keys, for what is asked of them besides; read through [`Published::view`].
    #[must_use]
    pub fn keys(&self) -> &Snapshot {
        &self.keys
    }

    /// Whether records that compaction freed are still there.
    #[must_use]
    pub fn is_pruning(&self) -> bool {
        self.is_pruning
    }

    /// The compacted revision: the oldest that can be read. None before the first compaction.
    #[must_use]
    pub fn compacted(&self) -> Option<Revision> {
        self.keys.compacted()
    }

    /// Visits what changed from revision `from` to `through`.
    ///
    /// # Errors
    /// As [`Snapshot::changes`].
    pub fn changes(
        &self,
        from: Revision,
        through: Revision,
        visit: &mut dyn FnMut(Changes) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.keys.changes(self.view.as_ref(), from, through, visit)
    }

    /// The record that `key` had before `revision`.
    ///
    /// # Errors
    /// As [`Snapshot::record_before`].
    pub fn record_before(&self, key: &[u8], revision: Revision) -> Result<Option<Bytes>, ReadError> {
        self.keys.record_before(self.view.as_ref(), key, revision)
    }

    /// The leases that live.
    #[must_use]
    pub fn leases(&self) -> &lease::Table {
        &self.leases
    }

    /// The members, by id.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.list()
    }

    /// The member of this id, if it belongs to the cluster.
    #[must_use]
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(id)
    }

    /// The ids that were removed and may never return, in ascending order.
    pub fn removed_members(&self) -> impl Iterator<Item = MemberId> {
        self.members.removed()
    }

    /// Whether a member of this id was removed.
    #[must_use]
    pub fn is_removed(&self, id: MemberId) -> bool {
        self.members.is_removed(id)
    }

    /// The members that are listed as voters and have no vote yet, by id: each gets its vote once it has caught up.
    pub fn pending_voters(&self) -> impl Iterator<Item = MemberId> {
        self.members.pending_voters()
    }

    /// Whether the member of this id is listed as a voter and has no vote yet.
    #[must_use]
    pub fn is_pending_voter(&self, id: MemberId) -> bool {
        self.members.is_pending_voter(id)
    }

    /// The alarms that are raised, by kind and then by member.
    pub fn alarms(&self) -> impl Iterator<Item = Alarm> {
        self.alarms.list()
    }

    /// The version that the members agreed on; none before they did.
    #[must_use]
    pub fn cluster_version(&self) -> Option<ClusterVersion> {
        self.version
    }

    /// Logical bytes of everything stored.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.view.size()
    }

    /// The engine's view it rests on.
    #[must_use]
    pub fn view(&self) -> &Arc<dyn View> {
        &self.view
    }
}
