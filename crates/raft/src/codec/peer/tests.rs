use super::*;
use crate::codec::encode;
use crate::types::Proposed;
use bytes::Bytes;
use openraft::EntryPayload;

fn id(term: u64, index: u64) -> LogId {
    decode_log_id(log::LogId { term, index })
}

fn vote_at(term: u64, committed: bool) -> Vote {
    vote_of(log::Vote { term, node: 7, committed })
}

fn entry(term: u64, index: u64) -> Entry {
    let proposed = Proposed { envelopes: vec![Bytes::from_static(b"\x01one")] };
    <Entry as RaftEntry>::new(id(term, index), EntryPayload::Normal(proposed))
}

/// In term 5, after `previous`: an entry for each of `ids`.
fn append(previous: Option<(u64, u64)>, ids: &[(u64, u64)]) -> AppendEntriesRequest<TypeConfig> {
    AppendEntriesRequest {
        vote: vote_at(5, true),
        prev_log_id: previous.map(|(term, index)| id(term, index)),
        entries: ids.iter().map(|&(term, index)| entry(term, index)).collect(),
        leader_commit: Some(id(4, 2)),
    }
}

#[test]
fn entries_arrive_as_they_were_sent() {
    for request in [
        append(None, &[(0, 0), (1, 1)]),
        append(Some((3, 9)), &[(3, 10), (5, 11), (5, 12)]),
        append(Some((5, 9)), &[]),
        AppendEntriesRequest { leader_commit: None, ..append(None, &[]) },
    ] {
        let arrived = decode_append(&encode_append(&request)).unwrap();
        assert_eq!((arrived.vote, arrived.prev_log_id), (request.vote, request.prev_log_id));
        assert_eq!((arrived.entries, arrived.leader_commit), (request.entries, request.leader_commit));
    }
}

#[test]
fn entries_that_make_no_sense_never_reach_consensus() {
    let refused = |request: peer::AppendRequest| decode_append(&request).unwrap_err().0;
    let gap = "its entries have a gap";
    assert_eq!(refused(encode_append(&append(None, &[(1, 1)]))), gap, "the log begins at 0");
    assert_eq!(refused(encode_append(&append(Some((1, 3)), &[(1, 5)]))), gap);
    assert_eq!(refused(encode_append(&append(Some((1, 3)), &[(1, 4), (1, 6)]))), gap);
    assert_eq!(refused(encode_append(&append(Some((1, 3)), &[(1, 3)]))), gap);
    let another = "its entries are of another time";
    assert_eq!(refused(encode_append(&append(Some((4, 3)), &[(3, 4)]))), another, "terms went back");
    assert_eq!(refused(encode_append(&append(Some((4, 3)), &[(6, 4)]))), another, "later than the leader");
    assert_eq!(refused(encode_append(&append(Some((6, 3)), &[]))), "its position is of another time");

    let sound = encode_append(&append(None, &[(0, 0)]));
    let candidate = log::Vote { committed: false, ..sound.vote.unwrap() };
    let request = peer::AppendRequest { vote: Some(candidate), ..sound.clone() };
    assert_eq!(refused(request), "its vote was not granted by a majority");
    assert_eq!(refused(peer::AppendRequest { vote: None, ..sound.clone() }), "it has no vote");
    for entry in
        [Bytes::new(), Bytes::from_static(b"\x09"), Bytes::from_static(b"\x01\xff"), encode(&log::Blank {})]
    {
        let request = peer::AppendRequest { entries: vec![entry], ..sound.clone() };
        assert_eq!(refused(request), "it has an entry that cannot be read");
    }
}

#[test]
fn answers_arrive_as_they_were_sent() {
    for result in [
        Ok(None),
        Ok(Some(id(3, 4))),
        Err(StreamAppendError::Conflict(id(1, 2))),
        Err(StreamAppendError::HigherVote(vote_at(9, false))),
    ] {
        assert_eq!(decode_append_reply(encode_append_reply(&result)), Ok(result));
    }
    let nothing = peer::AppendReply { outcome: None };
    assert_eq!(decode_append_reply(nothing), Err(Malformed("it has no outcome")));
}

#[test]
fn votes_arrive_as_they_were_sent() {
    for last_log_id in [None, Some(id(3, 4))] {
        for leadership_transfer in [false, true] {
            let request = VoteRequest { vote: vote_at(9, false), last_log_id, leadership_transfer };
            let sent = encode_vote_request(&request, leadership_transfer);
            assert_eq!(sent.is_pre_vote, leadership_transfer);
            assert_eq!(decode_vote_request(sent), Ok(request));
            let reply =
                VoteResponse { vote: vote_at(9, true), vote_granted: leadership_transfer, last_log_id };
            assert_eq!(decode_vote_reply(encode_vote_reply(&reply)), Ok(reply));
        }
    }
    assert_eq!(decode_vote_request(peer::VoteRequest::default()), Err(Malformed("it has no vote")));
    assert_eq!(decode_vote_reply(peer::VoteReply::default()), Err(Malformed("it has no vote")));
}

#[test]
fn only_a_leader_hands_over() {
    let request = TransferLeaderRequest::new(vote_at(5, true), 3, Some(id(5, 6)));
    let sent = encode_transfer(&request);
    assert_eq!(decode_transfer(sent), Ok(request));
    let candidate =
        peer::TransferRequest { from: Some(log::Vote { committed: false, ..sent.from.unwrap() }), ..sent };
    assert_eq!(decode_transfer(candidate), Err(Malformed("its vote was not granted by a majority")));
}
