//! Why a member does not begin: etcd's words where etcd refuses the same.

use super::dns::LookUpError;
use super::initial_cluster::Mistake;
use super::places::Difference;
use super::registry::RegistryError;
use super::roster::{Listed, Roster};
use crate::data_dir::DirError;
use crate::url::Url;
use quorate_raft::Node;
use quorate_types::{ClusterId, MemberId};
use std::collections::BTreeMap;

/// Why a data directory has no member.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DirError),
    /// The `initial-*` settings do not fit together.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// The registry has no place for this member.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The DNS has no records of the members.
    #[error("error querying DNS SRV records: {0}")]
    Records(LookUpError),
    /// It has one that is of no use.
    #[error("error querying DNS SRV records: {0} cannot be where a member is")]
    Record(String),
    /// It has records of members that speak TLS.
    #[error("{0} has records: its members speak TLS, which is not there yet")]
    SecureRecords(String),
    /// None of them is of this member.
    #[error(
        "cannot find local etcd member {0:?} in SRV records: none is where --initial-advertise-peer-urls says"
    )]
    NotInRecords(String),
    /// The cluster has seen this member at work: its data is not here (law N4).
    #[error(
        "member {0} has already been bootstrapped: its data is not in this directory; restore it, or remove this member and add it anew"
    )]
    Bootstrapped(MemberId),
    /// Another founder was given something else (law N3).
    #[error(
        "{url} belongs to cluster {theirs}, and --initial-cluster with --initial-cluster-token makes cluster {ours}: all members of a new cluster must be given the same"
    )]
    OtherCluster {
        /// Where it was found.
        url: Url,
        /// Its cluster.
        theirs: ClusterId,
        /// The one that would be founded here.
        ours: ClusterId,
    },
    /// The cluster has changed since it was founded, or its members go by other names.
    #[error("{url} knows other members of cluster {} than --initial-cluster names: {theirs} there, {} here; a member of a cluster that is there starts with --initial-cluster-state=existing", theirs.cluster, listed(ours))]
    OtherMembers {
        /// Where it was found.
        url: Url,
        /// Whom it knows.
        theirs: Roster,
        /// Who would found a cluster here.
        ours: BTreeMap<u64, Node>,
    },
    /// etcd, or something like it, serves there.
    #[error(
        "{url} is not served by Quorate: the members of a cluster must all be, and one of etcd's is replaced as a whole"
    )]
    Foreign {
        /// Where it was found.
        url: Url,
    },
    /// The cluster to be joined has nobody in it.
    #[error(
        "cannot fetch cluster info from peer urls: failed to get raft cluster member(s) from the given URLs"
    )]
    NoMembers,
    /// It has more or fewer members than were named.
    #[error("error validating peerURLs {0}: member count is unequal")]
    CountUnequal(Roster),
    /// One of its members was not named.
    #[error("error validating peerURLs {found}: PeerURLs: no match found for existing member ({}, [{}]), last resolver error ({why})", MemberId(listed.id), listed.peer_urls.join(" "))]
    NoMatch {
        /// The cluster.
        found: Box<Roster>,
        /// That member.
        listed: Box<Listed>,
        /// Why the last that was named is not it.
        why: Box<Difference>,
    },
    /// Its version is one that this release does not speak, or nobody tells it.
    #[error("incompatible with current running cluster")]
    Incompatible,
}

fn listed(founders: &BTreeMap<u64, Node>) -> String {
    let pairs = founders.iter().map(|(id, Node { name, peer_urls, .. })| {
        format!("{} ({name} at {})", MemberId(*id), peer_urls.join(" "))
    });
    pairs.collect::<Vec<_>>().join(", ")
}
