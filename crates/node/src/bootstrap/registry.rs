//! `--discovery-endpoints`, `--discovery-token`: the members of a new cluster meet in an etcd that is there already.
//!
//! Whoever has a token's size there, first come, first in: each writes where it is under its id, and waits until there are
//! as many as the size says; whoever comes later is told that the cluster is full. All read the same list, so all found the
//! same cluster (law N3).
//!
//! ```text
//! /_etcd/registry/<token>/_config/size            how many, as text; somebody wrote it before
//! /_etcd/registry/<token>/members/<id in hex>     name=url,name=url
//! ```
//!
//! etcd: `v3discovery/discovery.go`. Unlike etcd's, nobody watches: the list is looked at four times a second.

use super::founding::Founding;
use super::{Error, InitialCluster, Outside};
use crate::config::Config;
use crate::url::Url;
use quorate_proto::etcdserverpb::auth_client::AuthClient;
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{AuthenticateRequest, PutRequest, RangeRequest};
use quorate_proto::mvccpb::KeyValue;
use quorate_types::MemberId;
use std::time::Duration;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How long it rests before it looks again whether others have come.
const PAUSE: Duration = Duration::from_millis(250);
/// And before it asks somebody else, if it was not answered.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The place where members meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Which cluster; part of its members' ids too.
    pub token: String,
    /// Where the registry is found: at any of these.
    pub endpoints: Vec<Url>,
    /// How long a connection may take.
    pub dial_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How often a silent connection is looked after.
    pub keepalive_time: Duration,
    /// How long the answer to that may take.
    pub keepalive_timeout: Duration,
    /// Under which name, and with which password; none if nobody is asked for one.
    pub login: Option<(String, String)>,
}

/// Why there is no cluster for this member, in etcd's words.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody wrote a size.
    #[error("discovery: size key not found")]
    NoSize,
    /// It is no number of members.
    #[error("discovery: size key is bad")]
    BadSize,
    /// Others came first.
    #[error("discovery: cluster is full")]
    Full,
    /// One of the members wrote nonsense.
    #[error("discovery: invalid peer URL")]
    InvalidUrl,
    /// Two of them are at one place.
    #[error("discovery cluster {0} has duplicate url")]
    Duplicate(InitialCluster),
    /// The registry refuses.
    #[error("discovery: {}", .0.message())]
    Refused(Box<Status>),
}

/// The members that meet at `registry`, once all are there, and which of them `config` is about.
pub(super) async fn find(
    registry: &Registry,
    config: &Config,
    outside: &Outside<'_>,
) -> Result<(InitialCluster, String), Error> {
    let alone = InitialCluster::alone(&config.name, &config.advertise_peer_urls);
    let own = Founding::new(&alone, &config.name, &registry.token)?.identity.member;
    let mut desk = Desk { registry, outside, at: 0 };
    desk.check(own).await?;
    desk.register(own, &alone).await?;
    loop {
        let (members, size) = desk.check(own).await?;
        if let Some(members) = members.get(..size) {
            return Ok((cluster(members)?, config.name.clone()));
        }
        tracing::info!(
            found = members.len(),
            needed = size,
            "waiting for the other members of the discovery cluster"
        );
        outside.clock.sleep_until(outside.clock.now() + PAUSE).await;
    }
}

/// What the members wrote, put together.
fn cluster(members: &[KeyValue]) -> Result<InitialCluster, RegistryError> {
    let mut all = InitialCluster::default();
    for member in members {
        let text = std::str::from_utf8(&member.value).map_err(|_| RegistryError::InvalidUrl)?;
        let (one, wrong) = InitialCluster::parse(text);
        if !wrong.is_empty() || one.members().count() != 1 {
            return Err(RegistryError::InvalidUrl);
        }
        one.members().for_each(|(name, urls)| urls.iter().for_each(|url| all.add(name, url.clone())));
    }
    if all.has_duplicate() {
        return Err(RegistryError::Duplicate(all));
    }
    Ok(all)
}

/// Requests to the registry, at whichever endpoint answers.
struct Desk<'a> {
    registry: &'a Registry,
    outside: &'a Outside<'a>,
    at: usize,
}

impl Desk<'_> {
    fn key(&self, end: &str) -> String {
        format!("/_etcd/registry/{}/{end}", self.registry.token)
    }

    /// The members that are there, first come first, and how many are to be; refused if `own` is none of those and never
    /// will be.
    async fn check(&mut self, own: MemberId) -> Result<(Vec<KeyValue>, usize), RegistryError> {
        let size = self.range(self.key("_config/size"), None).await?;
        let size = size.first().ok_or(RegistryError::NoSize)?;
        let size = std::str::from_utf8(&size.value).ok().and_then(|text| text.parse::<usize>().ok());
        let size = size.filter(|size| *size > 0).ok_or(RegistryError::BadSize)?;
        let from = self.key("members/");
        let mut members = self.range(from.clone(), Some(from.replace("members/", "members0"))).await?;
        members.sort_by_key(|member| member.create_revision);
        let key = self.key(&format!("members/{own}"));
        let is_in = members.iter().take(size).any(|member| member.key == key.as_bytes());
        if !is_in && members.len() >= size { Err(RegistryError::Full) } else { Ok((members, size)) }
    }

    async fn register(&mut self, own: MemberId, alone: &InitialCluster) -> Result<(), RegistryError> {
        let (key, value) = (self.key(&format!("members/{own}")).into(), alone.to_string().into());
        let request = PutRequest { key, value, ..PutRequest::default() };
        self.ask(async |mut kv, token| kv.put(with(token, request.clone())).await.map(drop)).await
    }

    /// What is at `key`, or from there up to `end`.
    async fn range(&mut self, key: String, end: Option<String>) -> Result<Vec<KeyValue>, RegistryError> {
        let range_end = end.map(Into::into).unwrap_or_default();
        let request = RangeRequest { key: key.into(), range_end, ..RangeRequest::default() };
        self.ask(async |mut kv, token| Ok(kv.range(with(token, request.clone())).await?.into_inner().kvs))
            .await
    }

    /// Asks one endpoint after the other until one answers. Who cannot be reached is asked again; who refuses is not.
    async fn ask<T>(
        &mut self,
        call: impl AsyncFn(KvClient<Channel>, Option<AsciiMetadataValue>) -> Result<T, Status>,
    ) -> Result<T, RegistryError> {
        let (clock, registry) = (self.outside.clock, self.registry);
        loop {
            let endpoint = &registry.endpoints[self.at % registry.endpoints.len()];
            let work = async {
                let channel = self.channel(endpoint).await?;
                let token = self.token(channel.clone()).await?;
                call(KvClient::new(channel), token).await
            };
            let patience = registry.dial_timeout + registry.request_timeout;
            let status = match quorate_tasks::timeout(clock, clock.now() + patience, work).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) => status,
                Err(_) => Status::unavailable("no answer in time"),
            };
            if !matches!(
                status.code(),
                tonic::Code::Unavailable | tonic::Code::Unknown | tonic::Code::DeadlineExceeded
            ) {
                return Err(RegistryError::Refused(Box::new(status)));
            }
            tracing::warn!(%endpoint, error = status.message(), "the discovery service does not answer; it is asked again");
            self.at += 1;
            clock.sleep_until(clock.now() + RETRY_PAUSE).await;
        }
    }

    async fn channel(&self, endpoint: &Url) -> Result<Channel, Status> {
        let endpoint = Endpoint::from_shared(endpoint.to_string())
            .map_err(|error| Status::invalid_argument(error.to_string()))?
            .connect_timeout(self.registry.dial_timeout)
            .http2_keep_alive_interval(self.registry.keepalive_time)
            .keep_alive_timeout(self.registry.keepalive_timeout);
        endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))
    }

    async fn token(&self, channel: Channel) -> Result<Option<AsciiMetadataValue>, Status> {
        let Some((name, password)) = self.registry.login.clone() else { return Ok(None) };
        let request = AuthenticateRequest { name, password };
        let token = AuthClient::new(channel).authenticate(request).await?.into_inner().token;
        token.parse().map(Some).map_err(|_| Status::unauthenticated("the token fits no header"))
    }
}

fn with<T>(token: Option<AsciiMetadataValue>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("token", token);
    }
    request
}
