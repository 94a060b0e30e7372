use super::*;
use crate::transport::NoPeers;
use crate::types::{Entry, LogId, Proposed};
use openraft::EntryPayload;
use openraft::vote::leader_id_std::CommittedLeaderId;
use quorate_proto::peer;
use quorate_tasks::inbox::inbox;
use quorate_tasks::testing::ManualClock;
use quorate_wal::testing::SimDisk;
use std::time::Duration;

fn id(index: u64) -> LogId {
    LogId { leader_id: CommittedLeaderId::new(1), index }
}

fn request(previous: u64, committed: u64, entries: u64) -> AppendEntriesRequest<TypeConfig> {
    let entry = |index| Entry {
        log_id: id(index),
        payload: EntryPayload::Normal(Proposed { envelopes: vec![vec![1].into()] }),
    };
    AppendEntriesRequest {
        vote: Vote::new_committed(1, 1),
        prev_log_id: Some(id(previous)),
        leader_commit: Some(id(committed)),
        entries: (previous + 1..=previous + entries).map(entry).collect(),
    }
}

fn network() -> Network {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let log = quorate_wal::open(Arc::new(SimDisk::new(1)), &quorate_wal::Options::default()).unwrap().log;
    Network {
        transport: Arc::new(NoPeers),
        contacts: Contacts::new(clock.clone(), Duration::from_secs(1)),
        clock: clock.clone(),
        reading: inbox(1).0,
        outgoing: Outgoing::new(clock),
        log,
    }
}

#[test]
fn a_stream_that_gets_on_is_not_overtaken() {
    let overtaken = Overtaken::default();
    for previous in [3, 4, 3] {
        assert!(!overtaken.look(&request(previous, 8, 0), Some(7)), "another place than before");
    }
    assert!(!overtaken.look(&request(3, 8, 1), Some(7)));
    assert!(!overtaken.look(&request(3, 8, 0), Some(7)), "with entries in between");
    assert!(overtaken.look(&request(3, 9, 0), Some(7)));
}

#[test]
fn a_stream_is_overtaken_if_the_log_begins_behind_what_it_wants_next() {
    for (request, first, is_overtaken) in [
        (request(3, 8, 0), Some(5), true),
        (request(3, 8, 0), None, true),
        (request(3, 8, 0), Some(4), false), // the log has it: the next request brings it
        (request(3, 8, 0), Some(1), false),
        (request(3, 3, 0), Some(5), false), // there is nothing to bring that anybody could count on
        (request(3, 8, 2), Some(5), false), // it was read before the log was cut
    ] {
        let overtaken = Overtaken::default();
        assert!(!overtaken.look(&request, first), "one of them tells what is committed");
        assert_eq!(overtaken.look(&request, first), is_overtaken, "{request}, log from {first:?}");
        assert_eq!(overtaken.error().is_some(), is_overtaken);
        assert!(overtaken.error().is_none(), "it is said once");
    }
}

/// openraft then sends something else: the whole state. Of a stream that merely ends it would go on with the rest.
#[tokio::test]
async fn a_stream_that_was_overtaken_ends_with_an_error_and_any_other_does_not() {
    for is_overtaken in [true, false] {
        let overtaken = Overtaken::default();
        for _ in 0..2 {
            overtaken.look(&request(3, 8, 0), Some(if is_overtaken { 5 } else { 4 }));
        }
        let last = peer::Matching { last: Some(crate::codec::encode_log_id(&id(3))) };
        let outcome = Some(peer::append_reply::Outcome::Matching(last));
        let replies = futures::stream::iter([Ok(peer::AppendReply { outcome })]).boxed();
        let outstanding = Outstanding::default();
        let answers = answers(network(), MemberId(2), outstanding, overtaken, replies);
        let answers: Vec<_> = answers.collect().await;
        assert!(matches!(answers[0], Ok(Ok(Some(last))) if last == id(3)));
        assert_eq!(answers.len(), if is_overtaken { 2 } else { 1 }, "{answers:?}");
        assert!(!is_overtaken || matches!(answers[1], Err(RPCError::Network(_))), "{answers:?}");
    }
}
