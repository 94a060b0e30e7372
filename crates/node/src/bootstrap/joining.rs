//! Joining a cluster that is there: its members know this one already, under an id that it has to learn.
//!
//! etcd: `bootstrap.go`, `bootstrapExistingClusterNoWAL`; `membership/cluster.go`, `ValidateClusterAndAssignIDs`. Unlike etcd,
//! a member that has started before is refused (law N4).

use super::initial_cluster::{InitialCluster, Mistake};
use super::places::{self, Difference};
use super::roster::{self, Listed, Roster};
use super::{Error, Identity, Outside};
use crate::config::{ClusterState, Config};
use crate::url::Url;
use quorate_state_machine::ClusterVersion;
use quorate_types::MemberId;
use std::time::Duration;

/// How long a URL has to answer. etcd's.
const PATIENCE: Duration = Duration::from_secs(10);
/// The oldest cluster version that may be joined. etcd's.
const OLDEST: ClusterVersion = ClusterVersion { major: 3, minor: 0 };

/// Who the member that is called `name` in `cluster` is to the others.
pub(super) async fn join(
    cluster: &InitialCluster,
    name: &str,
    config: &Config,
    outside: &Outside<'_>,
) -> Result<Identity, Error> {
    let mistakes = cluster.mistakes(name, &config.advertise_peer_urls, ClusterState::Existing);
    if let Some(mistake) = mistakes.into_iter().next() {
        return Err(mistake.into());
    }
    let found = found(cluster, name, outside).await?;
    let own = own_entry(cluster, name, &found, outside).await?;
    let member = MemberId(own.id);
    if own.has_started() {
        return Err(Error::Bootstrapped(member));
    }
    check_version(&found, member, outside).await?;
    Ok(Identity { cluster: found.cluster, member })
}

/// What the first of the others' URLs says, in the order of their texts.
async fn found(cluster: &InitialCluster, name: &str, outside: &Outside<'_>) -> Result<Roster, Error> {
    let mut urls: Vec<&Url> = cluster.others(name).flat_map(|(_, urls)| urls).collect();
    urls.sort_by_cached_key(|url| url.to_string());
    for url in urls {
        match roster::ask(url, PATIENCE, outside).await {
            Ok(found) if !found.is_ours => return Err(Error::Foreign { url: url.clone() }),
            Ok(found) if found.members.is_empty() => return Err(Error::NoMembers),
            Ok(found) => return Ok(found),
            Err(error) => tracing::warn!(address = %url, %error, "failed to get cluster response"),
        }
    }
    Err(Mistake::NobodyAnswers.into())
}

/// The member of `found` that is where `cluster` says that `name` is. All others must be where it says they are too.
async fn own_entry(
    cluster: &InitialCluster,
    name: &str,
    found: &Roster,
    outside: &Outside<'_>,
) -> Result<Listed, Error> {
    let mut left: Vec<(&str, &[Url])> = cluster.members().collect();
    if left.len() != found.members.len() {
        return Err(Error::CountUnequal(found.clone()));
    }
    let mut own = None;
    for listed in &found.members {
        let at = counterpart(listed, &left, outside).await.map_err(|why| Error::NoMatch {
            found: Box::new(found.clone()),
            listed: Box::new(listed.clone()),
            why: Box::new(why),
        })?;
        if left.swap_remove(at).0 == name {
            own = Some(listed.clone());
        }
    }
    own.ok_or_else(|| Mistake::NoSuchName(name.to_owned()).into())
}

/// Which of `candidates` is where `listed` is: by the URLs themselves, and only then by where their names lead.
async fn counterpart(
    listed: &Listed,
    candidates: &[(&str, &[Url])],
    outside: &Outside<'_>,
) -> Result<usize, Difference> {
    let urls = listed.peer_urls.iter().map(|url| Url::parse(url)).collect::<Result<Vec<Url>, _>>()?;
    let is_plain = |(_, others): &(&str, &[Url])| matches!(places::compare(&urls, others), Some(Ok(())));
    if let Some(at) = candidates.iter().position(is_plain) {
        return Ok(at);
    }
    let mut last = Difference::Count(urls.clone(), Vec::new());
    for (at, (_, others)) in candidates.iter().enumerate() {
        match places::settle(&urls, others, outside).await {
            Ok(()) => return Ok(at),
            Err(why) => last = why,
        }
    }
    Err(last)
}

/// Whether somebody tells which version the cluster has agreed on, and nobody one that this release does not speak.
async fn check_version(found: &Roster, own: MemberId, outside: &Outside<'_>) -> Result<(), Error> {
    let mut is_known = false;
    for listed in found.members.iter().filter(|listed| listed.id != own.0) {
        let Some(version) = version(listed, outside).await else { continue };
        if !(OLDEST..=ClusterVersion::OURS).contains(&version) {
            tracing::warn!(remote_member_id = %MemberId(listed.id), %version, "cluster version of remote member is not compatible");
            return Err(Error::Incompatible);
        }
        is_known = true;
    }
    if is_known { Ok(()) } else { Err(Error::Incompatible) }
}

async fn version(listed: &Listed, outside: &Outside<'_>) -> Option<ClusterVersion> {
    for url in listed.peer_urls.iter().filter_map(|url| Url::parse(url).ok()) {
        match roster::cluster_version(&url, PATIENCE, outside).await {
            Ok(text) => return ClusterVersion::parse(&text),
            Err(error) => tracing::warn!(address = %url, %error, "failed to reach the peer URL"),
        }
    }
    None
}
