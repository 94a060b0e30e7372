//! The way to other members.

use crate::types::Node;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use quorate_proto::peer;
use quorate_types::{ClusterId, MemberId};

/// Who is called, and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its id: whoever answers must be it.
    pub member: MemberId,
    /// How it is reached.
    pub node: Node,
}

/// Who calls whom. The transport tells it of each call, and the [`Door`](crate::Door) looks at it before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The cluster that the caller belongs to.
    pub cluster: ClusterId,
    /// The caller.
    pub from: MemberId,
    /// Whom it means to call.
    pub to: MemberId,
}

/// What a call is for: calls of different purposes must not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Entries: as many bytes as there are.
    Replication,
    /// What says that a leader lives, and votes. Short, and in a hurry.
    Heartbeat,
    /// Commands and questions of other members.
    Calls,
    /// The whole state.
    Snapshot,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It was not sent: for sure, nothing was done.
    #[error("not reached: {0}")]
    NotSent(String),
    /// It was sent, perhaps; what was done is not known.
    #[error("no answer: {0}")]
    Unanswered(String),
}

/// Reaches other members. Calls may come in any number at once; each ends by itself or when it is dropped.
///
/// A transport knows its own member and cluster, and tells them with each call. It neither retries nor interprets; requests of
/// one stream arrive in order, and so do their answers; nothing is delivered twice. It holds a bounded number of bytes per
/// stream, and lets the sender wait beyond it.
pub trait Transport: Send + Sync + 'static {
    /// Entries and heartbeats, as [`Door::append`](crate::Door::append) takes them.
    fn append(
        &self,
        to: &Target,
        purpose: Purpose,
        requests: BoxStream<'static, peer::AppendRequest>,
    ) -> BoxFuture<'static, Result<Replies, Broken>>;

    /// One question, one answer, as [`Door::call`](crate::Door::call) answers it.
    fn call(
        &self,
        to: &Target,
        purpose: Purpose,
        question: peer::call_request::Question,
    ) -> BoxFuture<'static, Result<peer::call_reply::Answer, Broken>>;

    /// The whole state, as [`Door::snapshot`](crate::Door::snapshot) takes it.
    fn snapshot(
        &self,
        to: &Target,
        parts: BoxStream<'static, peer::SnapshotPart>,
    ) -> BoxFuture<'static, Result<peer::SnapshotReply, Broken>>;
}

/// The answers to the requests of one stream, in their order.
pub type Replies = BoxStream<'static, Result<peer::AppendReply, Broken>>;

/// Reaches nobody: for a cluster of one.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPeers;

fn nobody() -> Broken {
    Broken::NotSent("this member was started without a way to others".into())
}

impl Transport for NoPeers {
    fn append(
        &self,
        _to: &Target,
        _purpose: Purpose,
        _requests: BoxStream<'static, peer::AppendRequest>,
    ) -> BoxFuture<'static, Result<Replies, Broken>> {
        Box::pin(async { Err(nobody()) })
    }

    fn call(
        &self,
        _to: &Target,
        _purpose: Purpose,
        _question: peer::call_request::Question,
    ) -> BoxFuture<'static, Result<peer::call_reply::Answer, Broken>> {
        Box::pin(async { Err(nobody()) })
    }

    fn snapshot(
        &self,
        _to: &Target,
        _parts: BoxStream<'static, peer::SnapshotPart>,
    ) -> BoxFuture<'static, Result<peer::SnapshotReply, Broken>> {
        Box::pin(async { Err(nobody()) })
    }
}
