//! Who belongs to the cluster, as etcd stores it: one JSON record a member.

use crate::Fault;
use crate::spaces::{MEMBERS, MEMBERS_REMOVED};
use bytes::Bytes;
use quorate_proto::{log, membershippb};
use quorate_storage::{Batch, Order, Range, Space, View};
use quorate_types::MemberId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The record of an id that may never return, as etcd has it.
const REMOVED: &[u8] = b"removed";

/// One member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Where other members reach it.
    #[serde(rename = "peerURLs", default)]
    pub peer_urls: Vec<String>,
    /// Whether it is a learner. One that waits for its vote to be a voter is not.
    #[serde(rename = "isLearner", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_learner: bool,
    /// What it calls itself; empty until it has started.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where clients reach it; empty until it has started.
    #[serde(rename = "clientURLs", default, skip_serializing_if = "Vec::is_empty")]
    pub client_urls: Vec<String>,
}

/// What a member says of itself, each time it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// What it calls itself.
    pub name: String,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
}

/// Who belongs, who never will again, and who waits for a vote. A clone is cheap: members change rarely.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    roster: Arc<Roster>,
}

#[derive(Debug, Clone, Default)]
struct Roster {
    by_id: BTreeMap<MemberId, Member>,
    removed: BTreeSet<MemberId>,
    /// Listed as voters, and without a vote as yet. Told by the stored membership: no record of etcd's has a place for it.
    pending: BTreeSet<MemberId>,
}

impl Members {
    /// The members that `view` holds, of which `membership` says who waits for a vote.
    pub(crate) fn open(view: &dyn View, membership: &log::StoredMembership) -> Result<Self, Fault> {
        let members = records(view, MEMBERS, "member", |_, record| {
            let member: Member = serde_json::from_slice(record).ok()?;
            Some((MemberId(member.id), member))
        })?;
        let removed = records(view, MEMBERS_REMOVED, "removed member", |key, _| {
            let id = u64::from_str_radix(std::str::from_utf8(key).ok()?, 16).ok()?;
            Some(MemberId(id))
        })?;
        let mut roster = Roster {
            by_id: members.into_iter().collect(),
            removed: removed.into_iter().collect(),
            pending: BTreeSet::new(),
        };
        if let Some(membership) = &membership.membership {
            roster.pending = roster.pending_of(membership);
        }
        Ok(Self { roster: Arc::new(roster) })
    }

    pub(crate) fn list(&self) -> impl Iterator<Item = &Member> {
        self.roster.by_id.values()
    }

    pub(crate) fn get(&self, id: MemberId) -> Option<&Member> {
        self.roster.by_id.get(&id)
    }

    pub(crate) fn is_removed(&self, id: MemberId) -> bool {
        self.roster.removed.contains(&id)
    }

    pub(crate) fn removed(&self) -> impl Iterator<Item = MemberId> {
        self.roster.removed.iter().copied()
    }

    pub(crate) fn pending_voters(&self) -> impl Iterator<Item = MemberId> {
        self.roster.pending.iter().copied()
    }

    pub(crate) fn is_pending_voter(&self, id: MemberId) -> bool {
        self.roster.pending.contains(&id)
    }

    /// Takes up the members of a membership entry; what they said of themselves stays. Who is not in it has been removed,
    /// and never returns (law A7).
    pub(crate) fn follow(&mut self, membership: &log::Membership, batch: &mut Batch) {
        let roster = Arc::make_mut(&mut self.roster);
        roster.pending = roster.pending_of(membership);
        let named: BTreeSet<MemberId> = membership.nodes.iter().map(|node| MemberId(node.id)).collect();
        let gone: Vec<MemberId> = roster.by_id.keys().copied().filter(|id| !named.contains(id)).collect();
        for id in gone {
            roster.remove(id, batch);
        }
        for node in &membership.nodes {
            let id = MemberId(node.id);
            if roster.removed.contains(&id) {
                continue;
            }
            let known = roster.by_id.get(&id).cloned();
            let member = Member {
                id: node.id,
                peer_urls: node.peer_urls.clone(),
                is_learner: node.is_learner && !roster.pending.contains(&id),
                name: known.as_ref().map_or_else(|| node.name.clone(), |known| known.name.clone()),
                client_urls: known.map(|known| known.client_urls).unwrap_or_default(),
            };
            roster.set(member, batch);
        }
    }

    /// Sets what a member says of itself. A member that is not there has just been removed: nothing to do.
    pub(crate) fn describe(&mut self, id: MemberId, attributes: &Attributes, batch: &mut Batch) {
        if let Some(known) = self.get(id) {
            let Attributes { name, client_urls } = attributes.clone();
            let member = Member { name, client_urls, ..known.clone() };
            Arc::make_mut(&mut self.roster).set(member, batch);
        }
    }
}

impl Roster {
    /// Who waits for a vote by `membership`: one that has a vote does not, whatever is said of it.
    fn pending_of(&self, membership: &log::Membership) -> BTreeSet<MemberId> {
        let votes = |id| membership.configs.iter().any(|set| set.voters.contains(&id));
        let waits = |node: &&log::Node| node.is_pending_voter && !votes(node.id);
        let pending = membership.nodes.iter().filter(waits).map(|node| MemberId(node.id));
        pending.filter(|id| !self.removed.contains(id)).collect()
    }

    fn set(&mut self, member: Member, batch: &mut Batch) {
        let id = MemberId(member.id);
        let record = serde_json::to_vec(&member).expect("a member has only strings and numbers");
        batch.put(MEMBERS, id.to_string(), Bytes::from(record));
        self.by_id.insert(id, member);
    }

    fn remove(&mut self, id: MemberId, batch: &mut Batch) {
        batch.delete(MEMBERS, id.to_string());
        batch.put(MEMBERS_REMOVED, id.to_string(), REMOVED);
        self.by_id.remove(&id);
        self.removed.insert(id);
    }
}

/// What `read` makes of each record of `space`; a record that it makes nothing of is a fault.
fn records<T>(
    view: &dyn View,
    space: Space,
    what: &'static str,
    read: impl Fn(&[u8], &[u8]) -> Option<T>,
) -> Result<Vec<T>, Fault> {
    let (mut found, mut is_corrupt) = (Vec::new(), false);
    let mut visit = |key: &[u8], record: &[u8]| match read(key, record) {
        Some(value) => {
            found.push(value);
            ControlFlow::Continue(())
        }
        None => {
            is_corrupt = true;
            ControlFlow::Break(())
        }
    };
    view.scan(space, Range::ALL, Order::Ascending, &mut visit)
        .map_err(|source| Fault::Storage { action: "read the members", source })?;
    if is_corrupt { Err(Fault::Undecodable { what }) } else { Ok(found) }
}

impl From<Attributes> for membershippb::Attributes {
    fn from(attributes: Attributes) -> Self {
        Self { name: attributes.name, client_urls: attributes.client_urls }
    }
}

impl From<membershippb::Attributes> for Attributes {
    fn from(attributes: membershippb::Attributes) -> Self {
        Self { name: attributes.name, client_urls: attributes.client_urls }
    }
}

#[cfg(test)]
mod tests;
