//! What members say to each other, in openraft's words and in those of the wire. What another member sends is checked here,
//! before openraft sees it: some of what it could send would make openraft panic.

use super::{decode_entry, decode_log_id, encode_entry, encode_log_id, vote_message, vote_of};
use crate::types::{Entry, LogId, TypeConfig, Vote};
use openraft::entry::RaftEntry;
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest, VoteRequest,
    VoteResponse,
};
use quorate_proto::{log, peer};

/// Why a message of another member makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

fn vote(message: Option<log::Vote>) -> Result<Vote, Malformed> {
    message.map(vote_of).ok_or(Malformed("it has no vote"))
}

/// A vote that a majority granted: only leaders send entries, snapshots and transfers.
pub(crate) fn leaders_vote(message: Option<log::Vote>) -> Result<Vote, Malformed> {
    let vote = vote(message)?;
    if vote.committed { Ok(vote) } else { Err(Malformed("its vote was not granted by a majority")) }
}

pub(crate) fn encode_append(request: &AppendEntriesRequest<TypeConfig>) -> peer::AppendRequest {
    peer::AppendRequest {
        vote: Some(vote_message(&request.vote)),
        previous: request.prev_log_id.as_ref().map(encode_log_id),
        entries: request.entries.iter().map(encode_entry).collect(),
        committed: request.leader_commit.as_ref().map(encode_log_id),
    }
}

pub(crate) fn decode_append(
    request: &peer::AppendRequest,
) -> Result<AppendEntriesRequest<TypeConfig>, Malformed> {
    let vote = leaders_vote(request.vote)?;
    let previous = request.previous.map(decode_log_id);
    let entries = request.entries.iter().map(decode_entry).collect::<Result<Vec<Entry>, _>>();
    let entries = entries.map_err(|_| Malformed("it has an entry that cannot be read"))?;
    check_order(previous, &entries, vote.leader_id.term)?;
    Ok(AppendEntriesRequest {
        vote,
        prev_log_id: previous,
        entries,
        leader_commit: request.committed.map(decode_log_id),
    })
}

/// Entries follow each other without a gap, in terms that do not go back and are not later than their leader's.
fn check_order(previous: Option<LogId>, entries: &[Entry], term: u64) -> Result<(), Malformed> {
    let mut next = previous.map_or(0, |previous| previous.index.saturating_add(1));
    let mut earlier = previous.map_or(0, |previous| previous.leader_id.term);
    for id in entries.iter().map(RaftEntry::log_id) {
        if id.index != next {
            return Err(Malformed("its entries have a gap"));
        }
        if id.leader_id.term < earlier || id.leader_id.term > term {
            return Err(Malformed("its entries are of another time"));
        }
        (next, earlier) = (next.saturating_add(1), id.leader_id.term);
    }
    if earlier > term { Err(Malformed("its position is of another time")) } else { Ok(()) }
}

pub(crate) fn encode_append_reply(result: &StreamAppendResult<TypeConfig>) -> peer::AppendReply {
    use peer::append_reply::Outcome;
    let outcome = match result {
        Ok(last) => Outcome::Matching(peer::Matching { last: last.as_ref().map(encode_log_id) }),
        Err(StreamAppendError::Conflict(at)) => Outcome::Conflict(encode_log_id(at)),
        Err(StreamAppendError::HigherVote(vote)) => Outcome::HigherVote(vote_message(vote)),
    };
    peer::AppendReply { outcome: Some(outcome) }
}

pub(crate) fn decode_append_reply(
    reply: peer::AppendReply,
) -> Result<StreamAppendResult<TypeConfig>, Malformed> {
    use peer::append_reply::Outcome;
    match reply.outcome.ok_or(Malformed("it has no outcome"))? {
        Outcome::Matching(matching) => Ok(Ok(matching.last.map(decode_log_id))),
        Outcome::Conflict(at) => Ok(Err(StreamAppendError::Conflict(decode_log_id(at)))),
        Outcome::HigherVote(vote) => Ok(Err(StreamAppendError::HigherVote(vote_of(vote)))),
    }
}

pub(crate) fn encode_vote_request(request: &VoteRequest<TypeConfig>, is_pre_vote: bool) -> peer::VoteRequest {
    peer::VoteRequest {
        vote: Some(vote_message(&request.vote)),
        last: request.last_log_id.as_ref().map(encode_log_id),
        is_pre_vote,
        leadership_transfer: request.leadership_transfer,
    }
}

pub(crate) fn decode_vote_request(request: peer::VoteRequest) -> Result<VoteRequest<TypeConfig>, Malformed> {
    Ok(VoteRequest {
        vote: vote(request.vote)?,
        last_log_id: request.last.map(decode_log_id),
        leadership_transfer: request.leadership_transfer,
    })
}

pub(crate) fn encode_vote_reply(reply: &VoteResponse<TypeConfig>) -> peer::VoteReply {
    peer::VoteReply {
        vote: Some(vote_message(&reply.vote)),
        granted: reply.vote_granted,
        last: reply.last_log_id.as_ref().map(encode_log_id),
    }
}

pub(crate) fn decode_vote_reply(reply: peer::VoteReply) -> Result<VoteResponse<TypeConfig>, Malformed> {
    Ok(VoteResponse {
        vote: vote(reply.vote)?,
        vote_granted: reply.granted,
        last_log_id: reply.last.map(decode_log_id),
    })
}

pub(crate) fn encode_transfer(request: &TransferLeaderRequest<TypeConfig>) -> peer::TransferRequest {
    peer::TransferRequest {
        from: Some(vote_message(request.from_leader())),
        to: *request.to_node_id(),
        last: request.last_log_id().map(encode_log_id),
    }
}

pub(crate) fn decode_transfer(
    request: peer::TransferRequest,
) -> Result<TransferLeaderRequest<TypeConfig>, Malformed> {
    let last = request.last.map(decode_log_id);
    Ok(TransferLeaderRequest::new(leaders_vote(request.from)?, request.to, last))
}

#[cfg(test)]
mod tests;
