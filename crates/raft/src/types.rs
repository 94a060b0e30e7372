//! What openraft's types are for us.

use crate::pending::Rejection;
use bytes::Bytes;
use openraft::alias::{EntryOf, LogIdOf, StoredMembershipOf, VoteOf};
use openraft::impls::leader_id_std;
use std::fmt;

openraft::declare_raft_types!(
    /// The choice of types: one leader a term, commands as opaque bytes, no replies through openraft.
    pub TypeConfig:
        D = Proposed,
        R = (),
        NodeId = u64,
        Node = Node,
        LeaderId = leader_id_std::LeaderId<Self::Term, Self::NodeId>,
        Responder<T> = Rejection<T> where T: openraft::OptionalSend + 'static,
        AsyncRuntime = openraft_rt_tokio::TokioRuntime,
);

pub(crate) type Entry = EntryOf<TypeConfig>;
pub(crate) type LogId = LogIdOf<TypeConfig>;
pub(crate) type Vote = VoteOf<TypeConfig>;
pub(crate) type StoredMembership = StoredMembershipOf<TypeConfig>;
pub(crate) type Membership = openraft::Membership<u64, Node>;

/// A command in its envelope, on its way through the log. A clone shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The envelopes that share the entry.
    pub envelopes: Vec<Bytes>,
}

/// What the log knows of a member: enough to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// What it calls itself.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
}

impl Proposed {
    fn summary(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: usize = self.envelopes.iter().map(Bytes::len).sum();
        write!(formatter, "{} commands of {bytes} bytes", self.envelopes.len())
    }
}

impl fmt::Debug for Proposed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(formatter)
    }
}

impl fmt::Display for Proposed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(formatter)
    }
}
