//! From a request's metadata to who asks and until when.

use crate::status::{self, DEADLINE_EXCEEDED, INVALID_API_VERSION};
use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use quorate_coordinator::{Call, Coordinator, Error, Identity, Patience, QueueError, Unavailable};
use quorate_proto::etcdserverpb::{RangeRequest, ResponseHeader};
use quorate_tasks::Moment;
use quorate_types::Revision;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// Ends when a stream has to, with its status.
pub(crate) type StreamEnd = BoxFuture<'static, Status>;

/// A call, and whose deadline it has.
pub(crate) struct Caller {
    pub(crate) call: Call,
    deadline_is_clients: bool,
    wants_leader: bool,
    /// The client's own deadline, also one that is later than the server's.
    asked: Option<Moment>,
}

impl Caller {
    /// What `metadata` says of the caller of something that learners do not serve.
    ///
    /// # Errors
    /// This member is a learner, or as [`Caller::of_any`].
    pub(crate) fn of(metadata: &MetadataMap, door: &Coordinator) -> Result<Self, Status> {
        if door.is_learner() {
            return Err(status::not_for_learners());
        }
        Self::of_any(metadata, door)
    }

    /// What `metadata` says of the caller of a range: a learner serves those that ask for no more than what it has.
    ///
    /// # Errors
    /// As [`Caller::of`], or as [`Caller::of_any`].
    pub(crate) fn of_range(
        metadata: &MetadataMap,
        door: &Coordinator,
        request: &RangeRequest,
    ) -> Result<Self, Status> {
        if request.serializable { Self::of_any(metadata, door) } else { Self::of(metadata, door) }
    }

    /// What `metadata` says of the caller of something that every member serves.
    ///
    /// # Errors
    /// The caller wants a leader and there is none, or its version is no text.
    pub(crate) fn of_any(metadata: &MetadataMap, door: &Coordinator) -> Result<Self, Status> {
        let now = door.clock().now();
        let limit = door.limits().call_time_max;
        let asked =
            metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse_timeout);
        let (span, deadline_is_clients) = match asked {
            Some(asked) if asked < limit => (asked, true),
            _ => (limit, false),
        };
        let version = metadata.get("client-api-version").map_or(&[][..], |value| value.as_bytes());
        if std::str::from_utf8(version).is_err() {
            return Err(Status::invalid_argument(INVALID_API_VERSION));
        }
        let wants_leader = metadata.get("hasleader").is_some_and(|value| value.as_bytes() == b"true");
        if wants_leader && door.status().standing.leader.is_none() {
            return Err(status::of(&Error::Unavailable(Unavailable::NoLeader)));
        }
        let call = Call { identity: Identity::Anonymous, deadline: now + span };
        let asked = asked.map(|asked| now + asked);
        Ok(Self { call, deadline_is_clients, wants_leader, asked })
    }

    /// The caller of something that others have to bring about.
    pub(crate) fn patience(&self) -> Patience {
        Patience { identity: self.call.identity.clone(), until: self.asked }
    }

    /// The status of a call that failed.
    pub(crate) fn status(&self, error: &Error) -> Status {
        match error {
            Error::Unavailable(reason) if self.deadline_is_clients && reason.is_time_out() => {
                Status::deadline_exceeded(DEADLINE_EXCEEDED)
            }
            error => status::of(error),
        }
    }

    /// What ends the caller's stream although it would go on: the server stops, or there has long been no leader and the
    /// caller wants one.
    pub(crate) fn end_of_stream(&self, door: &Coordinator) -> StreamEnd {
        let stopped = door.stopped().map(|()| Unavailable::Stopped);
        let lost =
            if self.wants_leader { Either::Left(door.leader_lost()) } else { Either::Right(pending()) };
        let lost = lost.map(|()| Unavailable::NoLeader);
        let end = async move { select(pin!(stopped), pin!(lost)).await.factor_first().0 };
        end.map(|reason| status::of(&reason.into())).boxed()
    }

    /// The status of a call on a queue that failed.
    pub(crate) fn queue_status(&self, error: &QueueError) -> Status {
        match error {
            QueueError::Failed(Error::Unavailable(reason))
                if self.deadline_is_clients && reason.is_time_out() =>
            {
                status::of_queue(&QueueError::DeadlineExceeded)
            }
            error => status::of_queue(error),
        }
    }
}

/// gRPC's time-out: at most eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The header of a reply. Cluster replies carry no revision.
pub(crate) fn header(door: &Coordinator, revision: Option<Revision>) -> ResponseHeader {
    ResponseHeader {
        cluster_id: door.cluster().0,
        member_id: door.member().0,
        revision: revision.map_or(0, |revision| revision.0),
        raft_term: door.term(),
    }
}

#[cfg(test)]
mod tests;
