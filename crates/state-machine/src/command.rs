//! What the log says to do: etcd's `InternalRaftRequest` in an envelope of our own.
//!
//! ```text
//! offset 0         1
//!        | version | InternalRaftRequest, protobuf |
//!          01
//! ```
//! The id in the request's header names the call that waits for the outcome; it is unique across members and
//! restarts.

use crate::alarms::AlarmChange;
use crate::cluster_version::ClusterVersion;
use crate::members::Attributes;
use crate::{Fault, wire};
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use quorate_mvcc as mvcc;
use quorate_proto::command::LeaseExpire;
use quorate_proto::etcdserverpb::{
    CompactionRequest, InternalRaftRequest, LeaseGrantRequest, LeaseRevokeRequest, RequestHeader,
};
use quorate_proto::membershippb;
use quorate_types::{KeyRange, LeaseId, MemberId, Revision};

/// The version of the envelope that this code writes, and the only one it reads.
const ENVELOPE_VERSION: u8 = 1;

/// One change of the state, before or after its way through the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Whose outcome it is; see the module.
    pub id: u64,
    /// The user on whose behalf; empty for none.
    pub user: String,
    /// The revision of the permissions it was checked against.
    pub auth_revision: u64,
    /// What to do.
    pub kind: Kind,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Sets a key.
    Put(Put),
    /// Removes keys.
    DeleteRange(DeleteRange),
    /// Does several things at once, if something holds.
    Txn(mvcc::Txn),
    /// Forgets the history of keys before a revision.
    Compact {
        /// The oldest revision that stays readable.
        revision: Revision,
    },
    /// A lease lives from here on.
    LeaseGrant {
        /// Its id.
        id: LeaseId,
        /// How long it lives without being renewed, in seconds.
        ttl_seconds: i64,
    },
    /// A lease ends, and its keys with it.
    LeaseRevoke {
        /// Which.
        id: LeaseId,
    },
    /// These leases are due: each ends in a revision of its own, unless the leader who says so has been deposed.
    LeaseExpire {
        /// Which; one that does not live is passed over.
        ids: Vec<LeaseId>,
        /// The term of the leader who says so.
        term: u64,
    },
    /// What is left of long leases, in seconds, for the next leader to go on with; 0 takes it back.
    LeaseCheckpoint(Vec<(LeaseId, i64)>),
    /// Sets a member's name and client URLs.
    SetMemberAttributes {
        /// Which member.
        member: MemberId,
        /// Its new attributes.
        attributes: Attributes,
    },
    /// Raises or disarms an alarm.
    Alarm(AlarmChange),
    /// Says which version the members agreed on.
    SetClusterVersion(ClusterVersion),
}

/// Sets a key, and may return what it replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// What to put.
    pub change: mvcc::Put,
    /// Return the record that was there before.
    pub with_previous: bool,
}

/// Removes keys, and may return them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRange {
    /// Which keys.
    pub range: KeyRange,
    /// Return their last records.
    pub with_previous: bool,
}

/// A [`Command`] that is about to be encoded.
#[derive(Debug)]
pub struct Packed {
    request: InternalRaftRequest,
    length: usize,
}

impl Command {
    /// The command as the log keeps it. Cost: one copy of its keys and values.
    #[must_use]
    pub fn encode(self) -> Bytes {
        self.pack().seal()
    }

    /// The command ready to be encoded, which tells its length. Cost: nothing is copied.
    #[must_use]
    pub fn pack(self) -> Packed {
        let header = RequestHeader { id: self.id, username: self.user, auth_revision: self.auth_revision };
        let mut request = InternalRaftRequest { header: Some(header), ..InternalRaftRequest::default() };
        match self.kind {
            Kind::Put(put) => request.put = Some(put.into()),
            Kind::DeleteRange(delete) => request.delete_range = Some(delete.into()),
            Kind::Txn(txn) => request.txn = Some(wire::txn_request(txn)),
            Kind::Compact { revision } => {
                // Whether somebody waits for the records to go is no part of the state.
                request.compaction = Some(CompactionRequest { revision: revision.0, physical: false });
            }
            Kind::LeaseGrant { id, ttl_seconds } => {
                request.lease_grant = Some(LeaseGrantRequest { ttl: ttl_seconds, id: id.0 });
            }
            Kind::LeaseRevoke { id } => request.lease_revoke = Some(LeaseRevokeRequest { id: id.0 }),
            Kind::LeaseExpire { ids, term } => {
                let ids = ids.into_iter().map(|id| id.0).collect();
                request.quorate_lease_expire = Some(LeaseExpire { ids, term });
            }
            Kind::LeaseCheckpoint(left) => request.lease_checkpoint = Some(wire::checkpoint_request(left)),
            Kind::SetMemberAttributes { member, attributes } => {
                request.cluster_member_attr_set = Some(membershippb::ClusterMemberAttrSetRequest {
                    member_id: member.0,
                    member_attributes: Some(attributes.into()),
                });
            }
            Kind::Alarm(change) => request.alarm = Some(change.into()),
            Kind::SetClusterVersion(version) => {
                let ver = version.to_string();
                request.cluster_version_set = Some(membershippb::ClusterVersionSetRequest { ver });
            }
        }
        let length = 1 + request.encoded_len();
        Packed { request, length }
    }

    /// The command in `envelope`; its keys and values share the envelope's memory.
    ///
    /// # Errors
    /// Law A3: an unknown version or kind, or bytes that are no command.
    pub fn decode(envelope: &Bytes) -> Result<Self, Fault> {
        match envelope.first() {
            Some(&ENVELOPE_VERSION) => {}
            Some(&version) => return Err(Fault::EnvelopeVersion { version }),
            None => return Err(Fault::Undecodable { what: "command" }),
        }
        let mut request = InternalRaftRequest::decode(envelope.slice(1..))
            .map_err(|_| Fault::Undecodable { what: "command" })?;
        let header = request.header.take().unwrap_or_default();
        let kind = Kind::from_request(request)?;
        Ok(Self { id: header.id, user: header.username, auth_revision: header.auth_revision, kind })
    }
}

impl Packed {
    /// Bytes of the envelope.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The envelope. Cost: one copy of all keys and values.
    #[must_use]
    pub fn seal(self) -> Bytes {
        let mut envelope = BytesMut::with_capacity(self.length);
        envelope.put_u8(ENVELOPE_VERSION);
        self.request.encode_raw(&mut envelope);
        envelope.freeze()
    }
}

impl Kind {
    /// The one thing that `request` says; its header has been taken out.
    fn from_request(mut request: InternalRaftRequest) -> Result<Self, Fault> {
        let kind = if let Some(put) = request.put.take() {
            Self::Put(put.into())
        } else if let Some(delete) = request.delete_range.take() {
            Self::DeleteRange(delete.into())
        } else if let Some(txn) = request.txn.take() {
            Self::Txn(wire::txn(txn).map_err(|_| Fault::UnknownCommand)?) // A3: what says nothing here
        } else if let Some(compaction) = request.compaction.take() {
            Self::Compact { revision: Revision(compaction.revision) }
        } else if let Some(LeaseGrantRequest { ttl, id }) = request.lease_grant.take() {
            Self::LeaseGrant { id: LeaseId(id), ttl_seconds: ttl }
        } else if let Some(revoke) = request.lease_revoke.take() {
            Self::LeaseRevoke { id: LeaseId(revoke.id) }
        } else if let Some(LeaseExpire { ids, term }) = request.quorate_lease_expire.take() {
            Self::LeaseExpire { ids: ids.into_iter().map(LeaseId).collect(), term }
        } else if let Some(checkpoint) = request.lease_checkpoint.take() {
            Self::LeaseCheckpoint(wire::checkpoint(checkpoint))
        } else if let Some(set) = request.cluster_member_attr_set.take() {
            let attributes = set.member_attributes.unwrap_or_default().into();
            Self::SetMemberAttributes { member: MemberId(set.member_id), attributes }
        } else if let Some(alarm) = request.alarm.take() {
            Self::Alarm(AlarmChange::of(&alarm).ok_or(Fault::UnknownCommand)?) // A3: one that changes nothing
        } else if let Some(set) = request.cluster_version_set.take() {
            Self::SetClusterVersion(ClusterVersion::parse(&set.ver).ok_or(Fault::UnknownCommand)?)
        } else {
            return Err(Fault::UnknownCommand); // A3
        };
        // A second thing beside it would be skipped: A3 again.
        if request == InternalRaftRequest::default() { Ok(kind) } else { Err(Fault::UnknownCommand) }
    }
}

#[cfg(test)]
mod tests;
