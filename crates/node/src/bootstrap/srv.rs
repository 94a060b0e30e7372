//! `--discovery-srv`: the members of a cluster are those that the DNS has records of.
//!
//! etcd: `client/pkg/srv/srv.go`, `GetCluster`. Unlike etcd's, the members have the same names for each of them, which are
//! where they are: law N3. What a member really calls itself it says when it starts.

use super::dns;
use super::places;
use super::{Error, InitialCluster, Outside};
use crate::config::Config;
use crate::url::Url;

/// Whose SRV records name the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// The domain.
    pub domain: String,
    /// The end of the service's name, after a dash; empty for none.
    pub suffix: String,
}

impl Srv {
    fn name(&self, service: &str) -> String {
        let (domain, suffix) = (&self.domain, &self.suffix);
        let dash = if suffix.is_empty() { "" } else { "-" };
        format!("_{service}{dash}{suffix}._tcp.{domain}")
    }
}

/// The members that `srv` has records of, and which of them `config` is about.
pub(super) async fn find(
    srv: &Srv,
    config: &Config,
    outside: &Outside<'_>,
) -> Result<(InitialCluster, String), Error> {
    let servers = (outside.nameservers)();
    let (secure, plain) = (srv.name("etcd-server-ssl"), srv.name("etcd-server"));
    if dns::services(&secure, &servers, outside.clock).await.is_ok() {
        return Err(Error::SecureRecords(secure));
    }
    let services = dns::services(&plain, &servers, outside.clock).await.map_err(Error::Records)?;
    let (mut cluster, mut own) = (InitialCluster::default(), None);
    for service in services {
        let url = Url::parse(&format!("http://{service}")).map_err(|_| Error::Record(service.to_string()))?;
        tracing::info!(node = %url, "got bootstrap from DNS for etcd-server");
        if own.is_none() && is_one_of(&url, &config.advertise_peer_urls, outside).await {
            own = Some(service.to_string());
        }
        cluster.add(&service.to_string(), url);
    }
    let own = own.ok_or_else(|| Error::NotInRecords(config.name.clone()))?;
    Ok((cluster, own))
}

/// As for etcd, a name is asked for once: that of a member may not be there yet.
async fn is_one_of(url: &Url, advertised: &[Url], outside: &Outside<'_>) -> bool {
    let place = places::at_once(url, outside).await;
    for own in advertised {
        if own == url || place.is_some() && place == places::at_once(own, outside).await {
            return true;
        }
    }
    false
}
