//! What members ask each other about leases: the words of the coordinator in those of the wire, and back.

use futures::FutureExt;
use quorate_coordinator::{Call, Coordinator, Identity, LeaseQuestion};
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_proto::peer::{KeepAliveReply, KeepAliveRequest, TimeToLiveReply, TimeToLiveRequest};
use quorate_raft::LeaseDesk;
use quorate_types::LeaseId;
use std::sync::Arc;
use std::time::Duration;

/// How long another member's question may take: it has a deadline of its own, but that is not told.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn question(question: LeaseQuestion) -> Question {
    match question {
        LeaseQuestion::KeepAlive(LeaseId(lease)) => Question::KeepAlive(KeepAliveRequest { lease }),
        LeaseQuestion::TimeToLive(LeaseId(lease)) => Question::TimeToLive(TimeToLiveRequest { lease }),
    }
}

/// The seconds in an answer, none if no such lease lives; nothing, if it is no answer.
pub(super) fn seconds(answer: &Answer) -> Option<Option<i64>> {
    match answer {
        Answer::KeepAlive(KeepAliveReply { ttl }) => Some(*ttl),
        Answer::TimeToLive(TimeToLiveReply { left }) => Some(*left),
        _ => None,
    }
}

/// Has `door`, whose desk is attended, answer what other members ask about leases at `peers`.
pub fn answer_for_leases(peers: &quorate_raft::Door, door: Coordinator) {
    let answering: LeaseDesk = Arc::new(move |question| {
        let door = door.clone();
        async move {
            let deadline = door.clock().now() + PATIENCE;
            let call = Call { identity: Identity::Anonymous, deadline };
            match question {
                Question::KeepAlive(KeepAliveRequest { lease }) => {
                    let ttl = door.answer_for_leases(&call, LeaseQuestion::KeepAlive(LeaseId(lease))).await?;
                    Some(Answer::KeepAlive(KeepAliveReply { ttl }))
                }
                Question::TimeToLive(TimeToLiveRequest { lease }) => {
                    let left =
                        door.answer_for_leases(&call, LeaseQuestion::TimeToLive(LeaseId(lease))).await?;
                    Some(Answer::TimeToLive(TimeToLiveReply { left }))
                }
                _ => None,
            }
        }
        .boxed()
    });
    peers.answer_for_leases(answering);
}
