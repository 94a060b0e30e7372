//! Founding a cluster: ids as etcd computes them, and that all founders were given the same.

use super::initial_cluster::{InitialCluster, Mistake};
use super::roster::{self, Roster};
use super::{Error, Identity, Outside, places};
use crate::config::{ClusterState, Config};
use crate::url::Url;
use quorate_raft::Node;
use quorate_types::{ClusterId, MemberId};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long another founder's URL has to answer. etcd's.
const PATIENCE: Duration = Duration::from_secs(1);

/// A cluster that is to be founded, as one of its founders sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Its ids, and which of the founders this is.
    pub identity: Identity,
    /// All founders by id, peer URLs sorted: the same for each of them (law N3).
    pub founders: BTreeMap<u64, Node>,
}

/// What the member `name` of `cluster` founds, once no founder who can be reached knows better.
pub(super) async fn found(
    cluster: &InitialCluster,
    name: &str,
    config: &Config,
    outside: &Outside<'_>,
) -> Result<Founding, Error> {
    let advertised = &config.advertise_peer_urls;
    if let Some(mistake) = cluster.mistakes(name, advertised, ClusterState::New).into_iter().next() {
        return Err(mistake.into());
    }
    let founding = Founding::new(cluster, name, &config.cluster_token)?;
    let listed = cluster.urls(name).unwrap_or_default();
    let settled = places::settle(advertised, listed, outside).await;
    settled.map_err(|why| Mistake::unlike(name, listed, advertised, why))?;
    let asked = cluster.others(name).map(|(_, urls)| first_answer(urls, outside));
    for (url, roster) in futures::future::join_all(asked).await.into_iter().flatten() {
        founding.check(&url, roster)?;
    }
    Ok(founding)
}

/// What the first of a member's URLs says that says something. Nobody may be there yet.
async fn first_answer(urls: &[Url], outside: &Outside<'_>) -> Option<(Url, Roster)> {
    for url in urls {
        match roster::ask(url, PATIENCE, outside).await {
            Ok(roster) => return Some((url.clone(), roster)),
            Err(error) => tracing::debug!(%url, %error, "another founder does not answer"),
        }
    }
    None
}

impl Founding {
    /// The cluster of all members of `cluster`, as the one called `name` sees it.
    ///
    /// etcd: `membership/cluster.go`, `NewClusterFromURLsMap`.
    pub(crate) fn new(cluster: &InitialCluster, name: &str, token: &str) -> Result<Self, Mistake> {
        let nodes: Vec<(MemberId, Node)> =
            cluster.members().map(|(name, urls)| node(name, urls, token)).collect();
        let own = nodes.iter().find(|(_, node)| node.name == name);
        let (member, _) = own.ok_or_else(|| Mistake::NoSuchName(name.to_owned()))?;
        let identity = Identity { cluster: cluster_id(nodes.iter().map(|(id, _)| *id)), member: *member };
        let founders = nodes.into_iter().map(|(id, node)| (id.0, node)).collect();
        Ok(Self { identity, founders })
    }

    /// Whether a member that was found at `url` founds, or has founded, the same cluster, and has never seen this member
    /// (laws N3 and N4).
    fn check(&self, url: &Url, found: Roster) -> Result<(), Error> {
        let Identity { cluster, member } = self.identity;
        if !found.is_ours {
            return Err(Error::Foreign { url: url.clone() });
        }
        if found.cluster != cluster {
            return Err(Error::OtherCluster { url: url.clone(), theirs: found.cluster, ours: cluster });
        }
        if found.has_started(member) {
            return Err(Error::Bootstrapped(member));
        }
        // Before the first entry of the log is applied, nobody is listed.
        if found.members.is_empty() || self.is_that_of(&found) {
            return Ok(());
        }
        Err(Error::OtherMembers { url: url.clone(), theirs: found, ours: self.founders.clone() })
    }

    /// Whether `found` lists the founders as they are here. Who has started may go by another name since.
    fn is_that_of(&self, found: &Roster) -> bool {
        let is_founder = |listed: &roster::Listed| {
            self.founders.get(&listed.id).is_some_and(|node| {
                let is_named = listed.has_started() || node.name == listed.name;
                is_named && node.peer_urls == listed.sorted_peer_urls()
            })
        };
        found.members.len() == self.founders.len() && found.members.iter().all(is_founder)
    }
}

fn node(name: &str, urls: &[Url], token: &str) -> (MemberId, Node) {
    let mut peer_urls: Vec<String> = urls.iter().map(Url::to_string).collect();
    peer_urls.sort_unstable();
    (member_id(&peer_urls, token), Node { name: name.to_owned(), peer_urls, ..Node::default() })
}

/// SHA-1 over the sorted peer URLs and the token, its first eight bytes.
fn member_id(sorted_peer_urls: &[String], token: &str) -> MemberId {
    let mut text = sorted_peer_urls.concat();
    text.push_str(token);
    MemberId(first_eight(&Sha1::digest(text)))
}

/// SHA-1 over the member ids in ascending order, its first eight bytes.
fn cluster_id(members: impl Iterator<Item = MemberId>) -> ClusterId {
    let mut sorted: Vec<MemberId> = members.collect();
    sorted.sort_unstable();
    let mut digest = Sha1::new();
    sorted.iter().for_each(|member| digest.update(member.0.to_be_bytes()));
    ClusterId(first_eight(&digest.finalize()))
}

fn first_eight(digest: &[u8]) -> u64 {
    let bytes = digest.get(..8).and_then(|bytes| bytes.try_into().ok()).expect("SHA-1 gives twenty bytes");
    u64::from_be_bytes(bytes)
}
