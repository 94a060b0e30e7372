//! `--force-new-cluster`: a member whose fellows are lost for ever goes on alone, with all its data.
//!
//! It is done to the log, before consensus starts. All entries stay, committed or not (law R7): the committed mark is not synced, so cutting
//! there could lose what was acknowledged. Behind them comes a membership of this member alone, in a term above all others, for which
//! it has voted for itself. Then it wins its election alone, and the entry, once applied, drops the others for ever (law A7).
//!
//! It can be killed at any step and done again: each time adds a term, and a membership that says the same.

use crate::codec;
use crate::replica::Error;
use crate::types::{Entry, LogId, Membership, Node, Vote};
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use openraft::vote::leader_id_std::{CommittedLeaderId, LeaderId};
use quorate_state_machine::StateMachine;
use quorate_types::MemberId;
use quorate_wal::{Done, Log, Mark};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use tokio::sync::oneshot;

/// So much of the log is read at a time, in bytes.
const READ_BYTES_MAX: usize = 1 << 20;

/// What the log and the state hold together.
struct Found {
    /// The last position.
    last: Option<LogId>,
    /// The newest membership, committed or not.
    membership: Membership,
    term: u64,
}

/// Has `member` be the only one from the end of `log` on. `node` is how it is reached, if the log and `state` do not say; they may be
/// empty: then nothing is done, and the caller founds a cluster of one. The log's writer must be running.
///
/// Cost: reads the whole log once, and syncs it twice.
///
/// # Errors
/// The log cannot be read or written.
pub(crate) async fn force(
    log: &Log,
    state: &StateMachine,
    member: MemberId,
    node: &Node,
) -> Result<(), Error> {
    let found = look(log, state).map_err(Error::ForceNewCluster)?;
    let Some(last) = found.last else { return Ok(()) };
    let term = found.term.max(last.leader_id.term) + 1;
    let others: Vec<String> = found
        .membership
        .nodes()
        .filter(|(id, _)| **id != member.0)
        .map(|(id, _)| MemberId(*id).to_string())
        .collect();
    tracing::warn!(
        removed = others.join(","),
        after = last.index,
        "forced to go on as the only member of its cluster; the others must never be started again, and the next start is to be without --force-new-cluster"
    );
    write(log, state, &found, (last, term), (member, node)).await.map_err(Error::ForceNewCluster)
}

fn look(log: &Log, state: &StateMachine) -> io::Result<Found> {
    let mut last = state.applied().map(codec::decode_log_id);
    let stored = codec::decode_stored_membership(state.membership().clone())?;
    let (mut at, mut membership) = (*stored.log_id(), stored.membership().clone());
    let (first, end) = (log.first().unwrap_or(0), log.last().map_or(0, |last| last + 1));
    let mut next = first;
    while next < end {
        let records = log.read(next..end, READ_BYTES_MAX).map_err(io::Error::other)?;
        for record in &records {
            let entry = codec::decode_entry(&record.payload)?;
            next = record.index + 1;
            last = last.max(Some(entry.log_id()));
            if let EntryPayload::Membership(newer) = &entry.payload
                && at <= Some(entry.log_id())
            {
                (at, membership) = (Some(entry.log_id()), newer.clone());
            }
        }
    }
    let vote = log.vote().map(|vote| codec::decode_vote(&vote)).transpose()?;
    Ok(Found { last, membership, term: vote.map_or(0, |vote| vote.leader_id.term) })
}

async fn write(
    log: &Log,
    state: &StateMachine,
    found: &Found,
    (last, term): (LogId, u64),
    (member, node): (MemberId, &Node),
) -> io::Result<()> {
    // The state may be ahead of the log: a leader applies what a majority has, before it has it on its own disk.
    if let Some(applied) = state.applied()
        && log.last().is_none_or(|last| last < applied.index)
    {
        let payload = codec::encode(&applied);
        log.purge(Mark { index: applied.index, payload }).map_err(io::Error::other)?;
    }
    let leader_id = LeaderId { term, voted_for: member.0 };
    let vote = codec::encode_vote(&Vote { leader_id, committed: false });
    synced(|done| log.save_vote(vote, done)).await?;

    let node = found.membership.get_node(&member.0).unwrap_or(node).clone();
    let alone = Membership::new(vec![BTreeSet::from([member.0])], BTreeMap::from([(member.0, node)]));
    let alone = alone.map_err(io::Error::other)?;
    let id = LogId { leader_id: CommittedLeaderId::new(term), index: last.index + 1 };
    let entry = <Entry as RaftEntry>::new(id, EntryPayload::Membership(alone));
    let record = quorate_wal::Entry { index: id.index, payload: codec::encode_entry(&entry) };
    synced(|done| log.append(vec![record], done)).await
}

/// Waits until what `ask` asked for is on disk.
async fn synced(ask: impl FnOnce(Done) -> Result<(), quorate_wal::Error>) -> io::Result<()> {
    let (done, synced) = oneshot::channel();
    ask(Box::new(move |result| drop(done.send(result)))).map_err(io::Error::other)?; // whoever asked may have stopped
    let outcome = synced.await.map_err(|_| io::Error::other("the log has stopped"))?;
    outcome.map_err(io::Error::other)
}
