//! How a member comes into the world: which cluster it founds, and with whom, or which one it joins.
//!
//! That is decided once, for an empty data directory, and kept there with the member's ids: a restart asks neither the
//! `initial-*` settings nor the network again, and a start that was cut short goes on as it began.
//!
//! ```text
//! --initial-cluster-state=new        ids come of --initial-cluster and the token alone; every founder computes the same map
//! --initial-cluster-state=existing   ids are those that the members give, whose list must fit --initial-cluster
//! --discovery-srv                    SRV records stand for --initial-cluster
//! --discovery-endpoints              so does a list in an etcd, in which all members write themselves
//! ```
//!
//! Whoever founds asks each other founder who can be reached whether it was given the same; who cannot be reached is no
//! obstacle, since somebody has to be first. See the laws N3 and N4 of the crate.

mod dns;
mod error;
mod founding;
mod initial_cluster;
mod joining;
mod places;
mod registry;
mod roster;
mod srv;

use crate::config::{ClusterState, Config, Discovery};
use crate::data_dir::{DataDir, Opened};
use quorate_raft::Node;
use quorate_tasks::{Clock, SystemClock};
use quorate_types::{ClusterId, MemberId};
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use dns::LookUpError;
pub use error::Error;
pub use founding::Founding;
pub use initial_cluster::{InitialCluster, Mistake, PairError, Unlike};
pub use places::Difference;
pub use registry::{Registry, RegistryError};
pub use roster::{Listed, Roster};
pub use srv::Srv;

use places::LookUp;

/// A member's place in the world. Settled when its data directory is made; from then on the configuration's
/// `initial-*` settings are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterId,
    /// This member.
    pub member: MemberId,
}

/// How a member begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It founds a cluster, together with all the other founders.
    Founds(Founding),
    /// It joins a cluster that is there, and is told of it by its leader.
    Joins(Identity),
}

impl Beginning {
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Founds(founding) => &founding.identity,
            Self::Joins(identity) => identity,
        }
    }

    /// All who found the cluster, this member among them; nobody if it joins one.
    #[must_use]
    pub fn founders(&self) -> BTreeMap<u64, Node> {
        match self {
            Self::Founds(founding) => founding.founders.clone(),
            Self::Joins(_) => BTreeMap::new(),
        }
    }
}

/// Opens the data directory that `config` names for `backend`. An empty one becomes that of the member that the
/// `initial-*` settings describe; for any other they are ignored, and nobody is asked.
///
/// Blocks for the disk, and waits for the network: up to 30 s for names that do not resolve, a second for each URL of
/// another founder that does not answer, ten seconds for each of a cluster to be joined, and for each name server that
/// does not answer; for ever for other members in a registry. Wants a tokio runtime with
/// time and IO.
///
/// # Errors
/// See [`Error`]. The directory is no member's then, and can be opened again.
pub async fn open(config: &Config, backend: &'static str) -> Result<DataDir, Error> {
    let vacancy = match DataDir::open(&config.data_dir, backend)? {
        Opened::Member(data_dir) => return Ok(data_dir),
        Opened::Vacant(vacancy) => vacancy,
    };
    let outside =
        Outside { clock: &SystemClock::new(), look_up: &places::look_up, nameservers: &dns::servers };
    let beginning = begin(config, &outside).await?;
    Ok(vacancy.claim(&beginning)?)
}

/// What a beginning needs of the world.
struct Outside<'a> {
    clock: &'a dyn Clock,
    look_up: &'a LookUp,
    nameservers: &'a dyn Fn() -> Vec<SocketAddr>,
}

async fn begin(config: &Config, outside: &Outside<'_>) -> Result<Beginning, Error> {
    let (cluster, name) = match &config.discovery {
        None => (config.initial_cluster.clone(), config.name.clone()),
        Some(Discovery::Srv(srv)) => srv::find(srv, config, outside).await?,
        Some(Discovery::Registry(registry)) => registry::find(registry, config, outside).await?,
    };
    match config.cluster_state {
        ClusterState::New => founding::found(&cluster, &name, config, outside).await.map(Beginning::Founds),
        ClusterState::Existing => joining::join(&cluster, &name, config, outside).await.map(Beginning::Joins),
    }
}

#[cfg(test)]
mod tests;
