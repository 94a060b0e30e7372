//! How the log's records are written: a version byte, then a message of `quorate.log.v1`.
//!
//! openraft's own serialisations are never stored: its types change between releases, these bytes do not.

pub(crate) mod peer;

use crate::types::{Entry, LogId, Membership, Node, Proposed, StoredMembership, TypeConfig, Vote};
use bytes::{BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use openraft::vote::leader_id_std;
use prost::Message;
use quorate_proto::log;
use quorate_state_machine as state;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The version that this code writes, and the only one it reads.
const RECORD_VERSION: u8 = 1;

pub(crate) fn encode(message: &impl Message) -> Bytes {
    let mut record = BytesMut::with_capacity(1 + message.encoded_len());
    record.put_u8(RECORD_VERSION);
    message.encode(&mut record).expect("a growing buffer has room");
    record.freeze()
}

pub(crate) fn decode<M: Message + Default>(record: &Bytes) -> io::Result<M> {
    match record.first() {
        Some(&RECORD_VERSION) => M::decode(record.slice(1..)).map_err(|error| invalid(&error.to_string())),
        Some(version) => {
            Err(invalid(&format!("the log holds a record of version {version}; run a newer release")))
        }
        None => Err(invalid("the log holds an empty record")),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(crate) fn encode_log_id(id: &LogId) -> log::LogId {
    log::LogId { term: id.leader_id.term, index: id.index }
}

pub(crate) fn decode_log_id(id: log::LogId) -> LogId {
    LogId { leader_id: leader_id_std::CommittedLeaderId::new(id.term), index: id.index }
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    encode(&vote_message(vote))
}

pub(crate) fn decode_vote(record: &Bytes) -> io::Result<Vote> {
    decode(record).map(vote_of)
}

pub(crate) fn vote_message(vote: &Vote) -> log::Vote {
    let leader = vote.leader_id;
    log::Vote { term: leader.term, node: leader.voted_for, committed: vote.committed }
}

pub(crate) fn vote_of(vote: log::Vote) -> Vote {
    let leader_id = leader_id_std::LeaderId { term: vote.term, voted_for: vote.node };
    Vote { leader_id, committed: vote.committed }
}

pub(crate) fn encode_entry(entry: &Entry) -> Bytes {
    let payload = match &entry.payload {
        EntryPayload::Blank => log::entry::Payload::Blank(log::Blank {}),
        EntryPayload::Normal(proposed) => {
            log::entry::Payload::Commands(log::Commands { envelopes: proposed.envelopes.clone() })
        }
        EntryPayload::Membership(membership) => {
            log::entry::Payload::Membership(encode_membership(membership))
        }
    };
    encode(&log::Entry { id: Some(encode_log_id(&entry.log_id())), payload: Some(payload) })
}

pub(crate) fn decode_entry(record: &Bytes) -> io::Result<Entry> {
    let entry: log::Entry = decode(record)?;
    let id = entry.id.ok_or_else(|| invalid("the log holds an entry without an id"))?;
    let payload = match entry.payload.ok_or_else(|| invalid("the log holds an entry of an unknown kind"))? {
        log::entry::Payload::Blank(_) => EntryPayload::Blank,
        log::entry::Payload::Commands(commands) => {
            EntryPayload::Normal(Proposed { envelopes: commands.envelopes })
        }
        log::entry::Payload::Membership(membership) => {
            EntryPayload::Membership(decode_membership(membership)?)
        }
    };
    Ok(<Entry as RaftEntry>::new(decode_log_id(id), payload))
}

pub(crate) fn encode_membership(membership: &Membership) -> log::Membership {
    let learners: BTreeSet<u64> = membership.learner_ids().collect();
    let configs = membership.get_joint_config().iter();
    log::Membership {
        configs: configs.map(|voters| log::VoterSet { voters: voters.iter().copied().collect() }).collect(),
        nodes: membership.nodes().map(|(&id, node)| encode_node(id, node, learners.contains(&id))).collect(),
    }
}

pub(crate) fn encode_node(id: u64, node: &Node, is_learner: bool) -> log::Node {
    let Node { name, peer_urls, is_pending_voter } = node.clone();
    log::Node { id, name, peer_urls, is_learner, is_pending_voter }
}

pub(crate) fn decode_node(node: log::Node) -> Node {
    Node { name: node.name, peer_urls: node.peer_urls, is_pending_voter: node.is_pending_voter }
}

pub(crate) fn decode_membership(membership: log::Membership) -> io::Result<Membership> {
    let configs = membership.configs.into_iter().map(|set| set.voters.into_iter().collect()).collect();
    let nodes: BTreeMap<u64, Node> =
        membership.nodes.into_iter().map(|node| (node.id, decode_node(node))).collect();
    Membership::new(configs, nodes).map_err(|error| invalid(&error.to_string()))
}

pub(crate) fn decode_stored_membership(stored: log::StoredMembership) -> io::Result<StoredMembership> {
    let membership = match stored.membership {
        Some(membership) => decode_membership(membership)?,
        None => Membership::default(),
    };
    Ok(openraft::alias::StoredMembershipOf::<TypeConfig>::new(stored.id.map(decode_log_id), membership))
}

/// A committed entry as the state machine wants it.
pub(crate) fn to_state(entry: Entry) -> state::Entry {
    let id = encode_log_id(&entry.log_id());
    let payload = match entry.payload {
        EntryPayload::Blank => state::Payload::Blank,
        EntryPayload::Normal(proposed) => state::Payload::Commands(proposed.envelopes),
        EntryPayload::Membership(membership) => state::Payload::Membership(encode_membership(&membership)),
    };
    state::Entry { id, payload }
}

#[cfg(test)]
mod tests;
