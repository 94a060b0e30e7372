//! What an error says about what became of a call.
//!
//! The default is that nobody knows (V5): a time-out, a broken connection, a change of leader, a server that stops, and
//! every text that is not in the table. A refusal proves that nothing was and will be done: each text here is the answer
//! of the state machine to the very command, or of the door before there is one, and a command is never proposed again once
//! it may be in the log.

use quorate_testkit::Outcome;
use tonic::{Code, Status};

const REFUSALS: [(Code, &str); 5] = [
    (Code::NotFound, "etcdserver: requested lease not found"),
    (Code::FailedPrecondition, "etcdserver: lease already exists"),
    // etcd itself may have done it all the same if it is the application that finds no room, which needs a quota.
    (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
    (Code::FailedPrecondition, "etcdserver: rpc not supported for learner"),
    // Our own client's words: the connection was lost between two calls and no other could be made, so nothing was sent.
    (Code::Unavailable, "tcp connect error"),
];

pub(super) fn of(status: &Status) -> Outcome {
    let is_refusal = REFUSALS.iter().any(|(code, text)| *code == status.code() && *text == status.message());
    let said = match status.message() {
        "" => format!("{:?}", status.code()),
        text => text.to_owned(),
    };
    if is_refusal { Outcome::Refused(said) } else { Outcome::Unknown(said) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(code: Code, text: &str) -> bool {
        matches!(of(&Status::new(code, text)), Outcome::Refused(_))
    }

    #[test]
    fn only_what_proves_that_nothing_was_done_is_a_refusal() {
        assert!(is_refused(Code::NotFound, "etcdserver: requested lease not found"));
        assert!(is_refused(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"));
    }

    #[test]
    fn time_outs_changes_of_leader_and_broken_connections_are_unknown() {
        for text in [
            "etcdserver: request timed out",
            "etcdserver: request timed out, possibly due to previous leader failure",
            "etcdserver: request timed out, possibly due to connection lost",
            "etcdserver: request timed out, waiting for the applied index took too long",
            "etcdserver: leader changed",
            "etcdserver: no leader",
            "etcdserver: server stopped",
            "error reading a body from connection",
            "",
        ] {
            assert!(!is_refused(Code::Unavailable, text), "{text}");
        }
        assert!(!is_refused(Code::Unknown, "etcdserver: too many requests"));
        assert!(!is_refused(Code::Cancelled, "Timeout expired"));
        assert!(!is_refused(Code::DeadlineExceeded, "context deadline exceeded"));
    }

    #[test]
    fn the_text_counts_only_with_its_code_and_to_the_letter() {
        assert!(!is_refused(Code::Unavailable, "etcdserver: requested lease not found"));
        assert!(!is_refused(Code::NotFound, "etcdserver: requested lease not found."));
        assert!(is_refused(Code::Unavailable, "tcp connect error"));
        assert!(!is_refused(Code::Unavailable, "transport error"));
    }
}
