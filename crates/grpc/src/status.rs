//! Every refusal's code and text, in one table. Clients recognise errors by the text, to the letter.

use quorate_coordinator::{Error, Invalid, MembershipRefusal, NotMoved, QueueError, Refusal, Unavailable};
use tonic::{Code, Status};

/// What a call is told whose own deadline came first.
pub const DEADLINE_EXCEEDED: &str = "context deadline exceeded";

/// What a call is told whose `client-api-version` is not UTF-8.
pub(crate) const INVALID_API_VERSION: &str = "etcdserver: invalid client api version";

/// What a call is told whose message is longer than the server takes: grpc-go's words.
pub(crate) fn message_too_long(bytes: &str, bytes_max: &str) -> Status {
    Status::resource_exhausted(format!("grpc: received message larger than max ({bytes} vs. {bytes_max})"))
}

/// The status of `error`.
#[must_use]
pub fn of(error: &Error) -> Status {
    let (code, text) = row(error);
    Status::new(code, text)
}

/// The table. Where the code is not the one that its kind of error suggests, etcd sends it so.
fn row(error: &Error) -> (Code, &'static str) {
    use quorate_coordinator::MvccRefusal as Mvcc;
    match error {
        Error::Invalid(Invalid::EmptyKey) => (Code::InvalidArgument, "etcdserver: key is not provided"),
        Error::Invalid(Invalid::ValueProvided) => (Code::InvalidArgument, "etcdserver: value is provided"),
        Error::Invalid(Invalid::LeaseProvided) => (Code::InvalidArgument, "etcdserver: lease is provided"),
        Error::Invalid(Invalid::SortOption) => (Code::InvalidArgument, "etcdserver: invalid sort option"),
        Error::Invalid(Invalid::EmptyOp) => (Code::InvalidArgument, "etcdserver: key not found"),
        Error::Invalid(Invalid::TooManyOps) => {
            (Code::InvalidArgument, "etcdserver: too many operations in txn request")
        }
        Error::Invalid(Invalid::DuplicateKey) => {
            (Code::InvalidArgument, "etcdserver: duplicate key given in txn request")
        }
        Error::Invalid(Invalid::StreamSort) => {
            (Code::Unimplemented, "RangeStream does not support custom sort orders")
        }
        Error::Invalid(Invalid::StreamFilter) => {
            (Code::Unimplemented, "RangeStream does not support revision filters")
        }
        Error::Invalid(Invalid::PeerUrls) => {
            (Code::InvalidArgument, "etcdserver: given member URLs are invalid")
        }
        Error::Invalid(Invalid::TooLarge) => (Code::InvalidArgument, "etcdserver: request is too large"),
        Error::Invalid(Invalid::DowngradeFormat) => {
            (Code::InvalidArgument, "etcdserver: wrong downgrade target version format")
        }
        Error::Invalid(Invalid::NoDowngrade) => {
            (Code::Unimplemented, "quorate: no downgrade is possible: no older release can read this data")
        }
        Error::Refused(Refusal::NoSpace) => {
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded")
        }
        Error::Refused(Refusal::Corrupt) => (Code::DataLoss, "etcdserver: corrupt cluster"),
        Error::Refused(Refusal::NoClusterVersion) => {
            (Code::FailedPrecondition, "etcdserver: cluster version not found during downgrade")
        }
        Error::Refused(Refusal::DowngradeTarget) => {
            (Code::InvalidArgument, "etcdserver: invalid downgrade target version")
        }
        Error::Refused(Refusal::LeaseNotFound) => (Code::NotFound, "etcdserver: requested lease not found"),
        Error::Invalid(Invalid::LeaseTooLong) => (Code::OutOfRange, "etcdserver: too large lease TTL"),
        Error::Refused(Refusal::LeaseExists) => {
            (Code::FailedPrecondition, "etcdserver: lease already exists")
        }
        Error::Refused(Refusal::Mvcc(Mvcc::KeyNotFound)) => {
            (Code::InvalidArgument, "etcdserver: key not found")
        }
        Error::Refused(Refusal::Mvcc(Mvcc::Future { .. })) => {
            (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision")
        }
        Error::Refused(Refusal::Mvcc(Mvcc::Compacted { .. })) => {
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted")
        }
        Error::Refused(Refusal::Mvcc(Mvcc::LeaseNotFound)) => {
            (Code::NotFound, "etcdserver: requested lease not found")
        }
        Error::Membership(refusal) => membership_row(*refusal),
        Error::Unavailable(Unavailable::NoLeader) => (Code::Unavailable, "etcdserver: no leader"),
        Error::Unavailable(Unavailable::LeaderChanged) => (Code::Unavailable, "etcdserver: leader changed"),
        Error::Unavailable(Unavailable::Stopped) => (Code::Unavailable, "etcdserver: server stopped"),
        Error::Unavailable(Unavailable::TimedOut) => (Code::Unavailable, "etcdserver: request timed out"),
        Error::Unavailable(Unavailable::TimedOutLeaderFailed) => {
            (Code::Unavailable, "etcdserver: request timed out, possibly due to previous leader failure")
        }
        Error::Unavailable(Unavailable::TimedOutCutOff) => {
            (Code::Unavailable, "etcdserver: request timed out, possibly due to connection lost")
        }
        Error::Unavailable(Unavailable::TimedOutApplying) => {
            (Code::Unavailable, "etcdserver: request timed out, waiting for the applied index took too long")
        }
        Error::Unavailable(Unavailable::TooManyRequests) => (Code::Unknown, "etcdserver: too many requests"),
        Error::Unreadable => (Code::Unavailable, "etcdserver: server stopped"),
    }
}

fn membership_row(refusal: MembershipRefusal) -> (Code, &'static str) {
    match refusal {
        MembershipRefusal::PeerUrlExists => {
            (Code::FailedPrecondition, "etcdserver: Peer URLs already exists")
        }
        MembershipRefusal::MemberExists => (Code::FailedPrecondition, "etcdserver: member ID already exist"),
        MembershipRefusal::MemberNotFound => (Code::NotFound, "etcdserver: member not found"),
        MembershipRefusal::NotLearner => {
            (Code::FailedPrecondition, "etcdserver: can only promote a learner member")
        }
        MembershipRefusal::LearnerNotReady => (
            Code::FailedPrecondition,
            "etcdserver: can only promote a learner member which is in sync with leader",
        ),
        MembershipRefusal::TooManyLearners => {
            (Code::FailedPrecondition, "etcdserver: too many learner members in cluster")
        }
        MembershipRefusal::NotEnoughStarted => {
            (Code::Unknown, "etcdserver: re-configuration failed due to not enough started members")
        }
        MembershipRefusal::Unhealthy => (Code::Unavailable, "etcdserver: unhealthy cluster"),
    }
}

/// The status of a leader that stays. A time-out is told in its own words, whoever set the deadline.
#[must_use]
pub fn of_transfer(error: &NotMoved) -> Status {
    let (code, text) = match error {
        NotMoved::NotLeader => (Code::FailedPrecondition, "etcdserver: not leader"),
        NotMoved::BadTransferee => (Code::FailedPrecondition, "etcdserver: bad leader transferee"),
        NotMoved::TimedOut => (Code::Unknown, "etcdserver: request timed out, leader transfer took too long"),
        NotMoved::Unavailable(reason) => return of(&Error::Unavailable(*reason)),
    };
    Status::new(code, text)
}

/// What a learner answers to a call that it does not serve.
pub(crate) fn not_for_learners() -> Status {
    Status::failed_precondition("etcdserver: rpc not supported for learner")
}

/// What a call is told that names an action which its method does not have.
pub(crate) fn unknown_method() -> Status {
    Status::unknown("etcdserver: unknown method")
}

/// The status of a call on a queue. What is behind it surfaces without its code: etcd's services of this kind are clients
/// of its own, and pass on the words of what they are told.
#[must_use]
pub fn of_queue(error: &QueueError) -> Status {
    let (code, text) = match error {
        QueueError::Failed(error) => (Code::Unknown, row(error).1),
        QueueError::DeadlineExceeded => (Code::DeadlineExceeded, DEADLINE_EXCEEDED),
        QueueError::SessionExpired => (Code::Unknown, "mutex: session is expired"),
        QueueError::NotLeader => (Code::Unknown, "election: not leader"),
        QueueError::NoLeader => (Code::Unknown, "election: no leader"),
    };
    Status::new(code, text)
}

/// What a proclamation or resignation without a leader is told.
pub(crate) fn missing_leader() -> Status {
    Status::unknown("\"leader\" field must be provided")
}

/// A call that this release does not have yet.
pub(crate) fn not_yet(what: &str) -> Status {
    Status::unimplemented(format!("quorate: {what} is not implemented yet"))
}

#[cfg(test)]
mod tests;
