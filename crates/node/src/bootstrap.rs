//! Who this member is, and which cluster it founds: ids as etcd computes them.

use crate::url::Url;
use quorate_raft::Node;
use quorate_types::{ClusterId, MemberId};
use sha1::{Digest, Sha1};

/// A member's place in the world. Settled when its data directory is made; from then on the configuration's
/// `initial-*` settings are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterId,
    /// This member.
    pub member: MemberId,
}

/// A cluster to be founded by one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Its ids.
    pub identity: Identity,
    /// What the log knows of the founder.
    pub node: Node,
}

impl Founding {
    /// A cluster of one, reached at `peer_urls`.
    #[must_use]
    pub fn alone(name: &str, peer_urls: &[Url], token: &str) -> Self {
        let peer_urls: Vec<String> = peer_urls.iter().map(Url::to_string).collect();
        let member = member_id(&peer_urls, token);
        let identity = Identity { cluster: cluster_id(&[member]), member };
        Self { identity, node: Node { name: name.into(), peer_urls } }
    }
}

/// SHA-1 over the sorted peer URLs and the token, its first eight bytes.
fn member_id(peer_urls: &[String], token: &str) -> MemberId {
    let mut sorted: Vec<&str> = peer_urls.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let mut text = sorted.concat();
    text.push_str(token);
    MemberId(first_eight(&Sha1::digest(text)))
}

/// SHA-1 over the member ids in ascending order, its first eight bytes.
fn cluster_id(members: &[MemberId]) -> ClusterId {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let mut digest = Sha1::new();
    sorted.iter().for_each(|member| digest.update(member.0.to_be_bytes()));
    ClusterId(first_eight(&digest.finalize()))
}

fn first_eight(digest: &[u8]) -> u64 {
    let bytes = digest.get(..8).and_then(|bytes| bytes.try_into().ok()).expect("SHA-1 gives twenty bytes");
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_that_etcd_computes() {
        let (urls, _) = Url::parse_all(&["http://localhost:2380".to_owned()]);
        let founding = Founding::alone("default", &urls, "etcd-cluster");
        assert_eq!(founding.identity.member.to_string(), "8e9e05c52164694d");
        assert_eq!(founding.identity.cluster.to_string(), "cdf818194e3a8c32");
    }

    #[test]
    fn the_order_of_the_urls_does_not_matter() {
        let id =
            |urls: [&str; 2]| Founding::alone("a", &Url::parse_all(&urls.map(str::to_owned)).0, "t").identity;
        assert_eq!(id(["http://a:1", "http://b:2"]), id(["http://b:2", "http://a:1"]));
    }
}
