//! What a member says on its peer port of the cluster it belongs to: `GET /members` and `GET /version`.

use super::Outside;
use crate::url::Url;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use quorate_http::peer::CLUSTER_ID;
use quorate_types::{ClusterId, MemberId};
use serde::Deserialize;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpStream;

/// The longest answer that is read: a thousand members and more.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A cluster as one of its members knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Its id.
    pub cluster: ClusterId,
    /// Its members by id; none before the log's first entry is applied.
    pub members: Vec<Listed>,
    /// Whether it was Quorate that answered.
    pub is_ours: bool,
}

/// One member of it. etcd: `membership.Member`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: u64,
    /// Where other members reach it.
    #[serde(rename = "peerURLs", default)]
    pub peer_urls: Vec<String>,
    /// Whether it has no vote.
    #[serde(rename = "isLearner", default)]
    pub is_learner: bool,
    /// What it calls itself.
    #[serde(default)]
    pub name: String,
    /// Where clients reach it; none until it has started.
    #[serde(rename = "clientURLs", default)]
    pub client_urls: Vec<String>,
}

/// Why a URL tells nothing of a cluster.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// Nobody is there.
    #[error("connect: {0}")]
    Connect(#[source] io::Error),
    /// Somebody is there, who does not speak HTTP/1.1 or broke off.
    #[error("ask: {0}")]
    Http(#[from] hyper::Error),
    /// The answer broke off, or is too long.
    #[error("read the answer: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It has no such page.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// It is none of a member.
    #[error("read the answer: {0}")]
    Json(#[from] serde_json::Error),
    /// Nor does it say of which cluster it is.
    #[error("the answer has no header {CLUSTER_ID}")]
    NoClusterId,
    /// It took too long.
    #[error("no answer within {0:?}")]
    Elapsed(Duration),
}

/// Whom the member at `url` knows, if it says so within `patience`.
pub(super) async fn ask(url: &Url, patience: Duration, outside: &Outside<'_>) -> Result<Roster, AskError> {
    let (headers, body) = get(url, "/members", patience, outside).await?;
    // Go writes a list of nobody as null.
    let members: Option<Vec<Listed>> = serde_json::from_slice(&body)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let cluster = text(CLUSTER_ID).and_then(|id| u64::from_str_radix(id, 16).ok());
    Ok(Roster {
        cluster: ClusterId(cluster.ok_or(AskError::NoClusterId)?),
        members: members.unwrap_or_default(),
        is_ours: text(header::SERVER.as_str()).is_some_and(|server| server.starts_with("quorate/")),
    })
}

/// The version that the member at `url` says its cluster agreed on, as text.
pub(super) async fn cluster_version(
    url: &Url,
    patience: Duration,
    outside: &Outside<'_>,
) -> Result<String, AskError> {
    #[derive(Deserialize)]
    struct Versions {
        etcdcluster: String,
    }
    let (_, body) = get(url, "/version", patience, outside).await?;
    Ok(serde_json::from_slice::<Versions>(&body)?.etcdcluster)
}

async fn get(
    url: &Url,
    path: &str,
    patience: Duration,
    outside: &Outside<'_>,
) -> Result<(HeaderMap, Bytes), AskError> {
    let clock = outside.clock;
    let answer =
        quorate_tasks::timeout(clock, clock.now() + patience, get_patiently(url, path, outside)).await;
    answer.unwrap_or(Err(AskError::Elapsed(patience)))
}

/// One request on a connection of its own.
async fn get_patiently(url: &Url, path: &str, outside: &Outside<'_>) -> Result<(HeaderMap, Bytes), AskError> {
    let found = match url.ip() {
        Some(ip) => vec![ip],
        None => (outside.look_up)(url).await.map_err(AskError::Connect)?,
    };
    let addresses: Vec<SocketAddr> = found.into_iter().map(|ip| SocketAddr::new(ip, url.port())).collect();
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(AskError::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, format!("{}:{}", url.host(), url.port()))
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .expect("a URL without a path has a host that fits a header");
    let mut answer = pin!(async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        if head.status != StatusCode::OK {
            return Err(AskError::Status(head.status));
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(AskError::Body)?;
        Ok((head.headers, body.to_bytes()))
    });
    tokio::select! {
        answer = &mut answer => answer,
        // Whatever it read is with the request by now.
        _ = connection => answer.await,
    }
}

impl Roster {
    /// Whether the cluster has seen `member` at work.
    pub(super) fn has_started(&self, member: MemberId) -> bool {
        self.members.iter().any(|listed| listed.id == member.0 && listed.has_started())
    }
}

impl Listed {
    /// Whether it has been at work: it has told then where clients find it.
    pub(super) fn has_started(&self) -> bool {
        !self.client_urls.is_empty()
    }

    pub(super) fn sorted_peer_urls(&self) -> Vec<String> {
        let mut urls = self.peer_urls.clone();
        urls.sort_unstable();
        urls
    }
}

/// As etcd prints a cluster in its messages.
impl fmt::Display for Roster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<String> = self.members.iter().map(Listed::to_string).collect();
        write!(
            formatter,
            "{{ClusterID:{} Members:[{}] RemovedMemberIDs:[]}}",
            self.cluster,
            members.join(" ")
        )
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, is_learner, name) = (MemberId(self.id), self.is_learner, &self.name);
        let (peers, clients) = (self.peer_urls.join(" "), self.client_urls.join(" "));
        write!(
            formatter,
            "&{{ID:{id} RaftAttributes:{{PeerURLs:[{peers}] IsLearner:{is_learner}}} Attributes:{{Name:{name} ClientURLs:[{clients}]}}}}"
        )
    }
}
