//! What openraft's types are for us.

use crate::pending::Rejection;
use bytes::Bytes;
use openraft::alias::{EntryOf, LogIdOf, StoredMembershipOf, VoteOf};
use openraft::vote::leader_id_std;
use std::fmt;

/// The choice of types: one leader a term, commands as opaque bytes, no replies through openraft.
///
/// Written out, since openraft's macro cannot set the responder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeConfig;

impl openraft::RaftTypeConfig for TypeConfig {
    type D = Proposed;
    type R = ();
    type NodeId = u64;
    type Node = Node;
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, u64>;
    type Vote = openraft::impls::Vote<Self::LeaderId>;
    type Payload = openraft::EntryPayload<Proposed, u64, Node>;
    type Entry = openraft::Entry<leader_id_std::CommittedLeaderId<u64>, Self::Payload>;
    type AsyncRuntime = crate::runtime::StrandRuntime;
    type Responder<T>
        = Rejection<T>
    where
        T: openraft::OptionalSend + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: openraft::OptionalSend + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

pub(crate) type Entry = EntryOf<TypeConfig>;
pub(crate) type LogId = LogIdOf<TypeConfig>;
pub(crate) type Vote = VoteOf<TypeConfig>;
pub(crate) type StoredMembership = StoredMembershipOf<TypeConfig>;
pub(crate) type Membership = openraft::Membership<u64, Node>;

/// A command in its envelope, on its way through the log. A clone shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proposed {
    /// The envelopes that share the entry.
    pub(crate) envelopes: Vec<Bytes>,
}

/// What the log knows of a member: enough to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// What it calls itself.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// It came to vote, and gets its vote once it has caught up; without meaning once it has.
    pub is_pending_voter: bool,
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
