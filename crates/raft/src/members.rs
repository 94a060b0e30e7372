//! Changes of who belongs to the cluster, one step each, and who leads it.
//!
//! A membership takes effect when it is appended, so each step adds or removes one vote at most. A member that is to vote comes as a
//! learner first, with a mark that says so; the leader gives it its vote once it has caught up.

use crate::codec;
use crate::machine::Machine;
use crate::types::{LogId, Membership, Node, TypeConfig};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::raft::Precondition;
use openraft::{ChangeMembers, EntryPayload, Raft};
use quorate_proto::peer;
use quorate_proto::peer::reconfigure_request as proto;
use quorate_state_machine::Unavailable;
use quorate_types::MemberId;
use std::collections::{BTreeMap, BTreeSet};

/// One step. Whoever asks for it has judged whether it makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new member, as a learner. With [`Node::is_pending_voter`] it gets its vote once it has caught up.
    Add(MemberId, Node),
    /// A learner gets its vote, if it is in sync.
    Promote(MemberId),
    /// A member leaves for ever.
    Remove(MemberId),
    /// A member is reached elsewhere from now on.
    Update(MemberId, Vec<String>),
}

/// Why the members stayed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// Not now, or not here. After a time-out it may or may not have been made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Another change is under way, or was made since this one was judged.
    #[error("another change of the members is under way")]
    InProgress,
    /// The learner to be promoted has less than nine tenths of the leader's log.
    #[error("the learner is not in sync with the leader")]
    NotInSync,
}

/// What a leader says to a change.
pub(crate) enum Reply {
    Done(LogId),
    Refused(NotChanged),
    /// It does not lead, or not for sure: nothing was done.
    NotLeader,
}

impl Change {
    pub(crate) fn encode(&self, judged_by: Option<LogId>) -> peer::ReconfigureRequest {
        let change = match self.clone() {
            Self::Add(member, node) => proto::Change::Add(codec::encode_node(member.0, &node, true)),
            Self::Promote(member) => proto::Change::Promote(member.0),
            Self::Remove(member) => proto::Change::Remove(member.0),
            Self::Update(member, peer_urls) => {
                let node = Node { peer_urls, ..Node::default() };
                proto::Change::Update(codec::encode_node(member.0, &node, false))
            }
        };
        let judged_by = judged_by.as_ref().map(codec::encode_log_id);
        peer::ReconfigureRequest { judged_by, change: Some(change) }
    }

    pub(crate) fn decode(change: proto::Change) -> Self {
        match change {
            proto::Change::Add(node) => Self::Add(MemberId(node.id), codec::decode_node(node)),
            proto::Change::Promote(member) => Self::Promote(MemberId(member)),
            proto::Change::Remove(member) => Self::Remove(MemberId(member)),
            proto::Change::Update(node) => Self::Update(MemberId(node.id), node.peer_urls),
        }
    }
}

/// Makes `change`, if this member leads and the newest membership is the one it was `judged_by`. Returns once it is committed.
pub(crate) async fn change(
    raft: &Raft<TypeConfig, Machine>,
    judged_by: Option<LogId>,
    change: Change,
) -> Reply {
    let (effective, me) = {
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        (metrics.membership_config.clone(), metrics.id)
    };
    // A leader that has removed itself still leads for a moment; openraft must not be asked for another change then.
    if !effective.membership().voter_ids().any(|voter| voter == me) {
        return Reply::NotLeader;
    }
    if *effective.log_id() != judged_by {
        return Reply::Refused(NotChanged::InProgress);
    }
    if let Change::Promote(member) = &change
        && !is_in_sync(raft, *member)
    {
        return Reply::Refused(NotChanged::NotInSync);
    }
    let is_unchanged = Precondition::LastMembershipLogId { last_membership_log_id: judged_by };
    let made = if let Change::Update(member, peer_urls) = change {
        let known = effective.membership().get_node(&member.0).cloned().unwrap_or_default();
        let nodes = BTreeMap::from([(member.0, Node { peer_urls, ..known })]);
        raft.change_membership_if(ChangeMembers::SetNodes(nodes), true, [is_unchanged]).await
    } else {
        let Some(next) = next(effective.membership(), &change) else {
            return Reply::Refused(NotChanged::InProgress);
        };
        raft.append_membership(next, EntryPayload::Blank, [is_unchanged]).await
    };
    match made {
        Ok(made) => Reply::Done(made.log_id),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Reply::NotLeader,
        Err(RaftError::APIError(
            ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_),
        )) => Reply::Refused(NotChanged::InProgress),
        // What became of it is not known.
        Err(RaftError::APIError(ClientWriteError::LogEntryDiscarded(_))) => {
            Reply::Refused(Unavailable::LeaderChanged.into())
        }
        Err(RaftError::Fatal(_)) => Reply::Refused(Unavailable::Stopped.into()),
    }
}

/// The membership after `change`; none if that makes no sense for the one before.
fn next(membership: &Membership, change: &Change) -> Option<Membership> {
    let mut voters: BTreeSet<u64> = membership.voter_ids().collect();
    let mut nodes: BTreeMap<u64, Node> = membership.nodes().map(|(id, node)| (*id, node.clone())).collect();
    match change {
        Change::Add(member, node) => {
            if nodes.insert(member.0, node.clone()).is_some() {
                return None;
            }
        }
        Change::Promote(member) => {
            if !nodes.contains_key(&member.0) || !voters.insert(member.0) {
                return None;
            }
        }
        Change::Remove(member) => {
            voters.remove(&member.0);
            nodes.remove(&member.0)?;
        }
        Change::Update(..) => return None,
    }
    Membership::new(vec![voters], nodes).ok()
}

/// Whether `member` has nine tenths of the leader's log, as etcd asks of a learner.
fn is_in_sync(raft: &Raft<TypeConfig, Machine>, member: MemberId) -> bool {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    let matching =
        metrics.replication.as_ref().and_then(|matching| matching.get(&member.0).copied().flatten());
    let last = metrics.last_log_index.unwrap_or(0);
    matching.is_some_and(|matching| matching.index.saturating_mul(10) >= last.saturating_mul(9))
}

/// Entries that a member may be behind when it gets its vote: at load the newest are always on their way.
const CAUGHT_UP: u64 = 1000;

/// Gives its vote to a member that waits for it and has caught up, if this member leads. Each call one; a later one the next.
pub(crate) async fn give_votes(raft: &Raft<TypeConfig, Machine>) {
    let (effective, ready) = {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let Some(replication) = metrics.replication.as_ref() else { return };
        let membership = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        let last = metrics.last_log_index.unwrap_or(0);
        let is_ready = |id: &u64| {
            let matching = replication.get(id).copied().flatten();
            matching.is_some_and(|matching| matching.index.saturating_add(CAUGHT_UP) >= last)
        };
        let mut waiting =
            membership.nodes().filter(|(id, node)| node.is_pending_voter && !voters.contains(*id));
        (*metrics.membership_config.log_id(), waiting.find(|(id, _)| is_ready(id)).map(|(id, _)| *id))
    };
    if let Some(member) = ready
        && let Reply::Done(_) = change(raft, effective, Change::Promote(MemberId(member))).await
    {
        tracing::info!(member = %MemberId(member), "a new member has caught up and votes from now on");
    }
}

/// Why the leader stayed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMoved {
    /// Only the leader hands over.
    #[error("not leader")]
    NotLeader,
    /// Whoever should lead has no vote, or does not belong to the cluster.
    #[error("bad leader transferee")]
    BadTransferee,
    /// This member did not see the new leader by the deadline; it may still come to lead.
    #[error("request timed out, leader transfer took too long")]
    TimedOut,
    /// Consensus has stopped here.
    #[error("server stopped")]
    Stopped,
}

/// Whether `member` has the last entry of this leader's log, or nearly: nothing is handed over to one that has not.
pub(crate) fn has_caught_up(raft: &Raft<TypeConfig, Machine>, member: MemberId) -> bool {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    let matching =
        metrics.replication.as_ref().and_then(|matching| matching.get(&member.0).copied().flatten());
    let last = metrics.last_log_index.unwrap_or(0);
    matching.is_some_and(|matching| matching.index.saturating_add(CAUGHT_UP) >= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node { name: name.into(), peer_urls: vec![format!("http://{name}:2380")], is_pending_voter: false }
    }

    fn membership(voters: &[u64], ids: &[u64]) -> Membership {
        let nodes: BTreeMap<u64, Node> = ids.iter().map(|id| (*id, node(&id.to_string()))).collect();
        Membership::new(vec![voters.iter().copied().collect()], nodes).unwrap()
    }

    #[test]
    fn a_step_changes_one_vote_at_most() {
        let before = membership(&[1, 2], &[1, 2, 3]);
        for (change, after) in [
            (Change::Add(MemberId(4), node("4")), Some(membership(&[1, 2], &[1, 2, 3, 4]))),
            (Change::Add(MemberId(3), node("3")), None),
            (Change::Promote(MemberId(3)), Some(membership(&[1, 2, 3], &[1, 2, 3]))),
            (Change::Promote(MemberId(2)), None),
            (Change::Promote(MemberId(9)), None),
            (Change::Remove(MemberId(2)), Some(membership(&[1], &[1, 3]))),
            (Change::Remove(MemberId(3)), Some(membership(&[1, 2], &[1, 2]))),
            (Change::Remove(MemberId(9)), None),
        ] {
            assert_eq!(next(&before, &change), after, "{change:?}");
        }
        let last = membership(&[1], &[1]);
        assert_eq!(next(&last, &Change::Remove(MemberId(1))), None, "somebody stays");
    }

    #[test]
    fn a_change_arrives_as_it_was_sent() {
        let waits = Node { is_pending_voter: true, ..node("4") };
        for change in [
            Change::Add(MemberId(4), node("4")),
            Change::Add(MemberId(4), waits),
            Change::Promote(MemberId(3)),
            Change::Remove(MemberId(3)),
            Change::Update(MemberId(3), vec!["http://elsewhere:1".into()]),
        ] {
            let sent = change.encode(None);
            assert_eq!(Change::decode(sent.change.unwrap()), change);
        }
    }
}
