//! Calls as their caller sees them: what is called, and what comes of it.

use super::stream::PREFIX_BYTES;

/// The calls we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Range,
    RangeStream,
    Put,
    DeleteRange,
    Txn,
    Compact,
    Watch,
    LeaseGrant,
    LeaseRevoke,
    LeaseTimeToLive,
    LeaseLeases,
    LeaseKeepAlive,
}

/// What came for a call, which the caller knows by its tag.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) tag: u32,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The reply of a unary call that succeeded, or all the pieces of one: nothing more comes.
    Reply(Message),
    /// One message of a call that goes on.
    Message(Message),
    /// The end of a call that failed, or of a stream.
    End(Refused),
}

/// The bytes of a protobuf message behind its gRPC prefix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(super) framed: Vec<u8>,
}

/// What a server said instead of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl Method {
    pub(crate) const COUNT: usize = Method::LeaseKeepAlive as usize + 1;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Method::Range => "/etcdserverpb.KV/Range",
            Method::RangeStream => "/etcdserverpb.KV/RangeStream",
            Method::Put => "/etcdserverpb.KV/Put",
            Method::DeleteRange => "/etcdserverpb.KV/DeleteRange",
            Method::Txn => "/etcdserverpb.KV/Txn",
            Method::Compact => "/etcdserverpb.KV/Compact",
            Method::Watch => "/etcdserverpb.Watch/Watch",
            Method::LeaseGrant => "/etcdserverpb.Lease/LeaseGrant",
            Method::LeaseRevoke => "/etcdserverpb.Lease/LeaseRevoke",
            Method::LeaseTimeToLive => "/etcdserverpb.Lease/LeaseTimeToLive",
            Method::LeaseLeases => "/etcdserverpb.Lease/LeaseLeases",
            Method::LeaseKeepAlive => "/etcdserverpb.Lease/LeaseKeepAlive",
        }
    }
}

impl Message {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.framed.get(PREFIX_BYTES..).unwrap_or_default()
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}: {}", self.code, self.text)
    }
}

impl std::error::Error for Refused {}
