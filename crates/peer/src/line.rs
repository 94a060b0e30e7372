//! One connection to one member, opened when it is needed.

use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use quorate_raft::Broken;
use quorate_tasks::{Clock, Group, timeout};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::body::Body;

/// Bytes of one stream that may be on their way.
const STREAM_WINDOW: u32 = 4 << 20;
/// And of all streams of a connection.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// See the module. Clones are the same connection.
#[derive(Clone)]
pub(crate) struct Line {
    shared: Arc<Shared>,
}

struct Shared {
    /// Where the member is reached: one after the other is tried.
    urls: Vec<Uri>,
    group: Group,
    clock: Arc<dyn Clock>,
    /// How long opening may take, and how long a quiet connection has for an answer.
    patience: Duration,
    open: Mutex<Option<Open>>,
}

/// A connection that was opened, as tonic's clients use it.
#[derive(Clone)]
pub(crate) struct Open {
    sender: SendRequest<Body>,
    /// With which of the URLs.
    origin: Uri,
}

impl Line {
    /// A line to the member at `urls`, whose connections `group` runs.
    pub(crate) fn new(urls: &[String], group: Group, clock: Arc<dyn Clock>, patience: Duration) -> Self {
        let urls = urls.iter().filter_map(|url| url.parse().ok()).collect();
        Self { shared: Arc::new(Shared { urls, group, clock, patience, open: Mutex::default() }) }
    }

    /// The connection; opened, if there is none. Those that want it at once wait for the same one.
    pub(crate) async fn open(&self) -> Result<Open, Broken> {
        let mut slot = self.shared.open.lock().await;
        if let Some(open) = slot.as_ref().filter(|open| open.sender.is_ready()) {
            return Ok(open.clone());
        }
        *slot = None;
        let until = self.shared.clock.now() + self.shared.patience;
        let opened = timeout(self.shared.clock.as_ref(), until, self.shared.connect()).await;
        let open = opened.unwrap_or_else(|_| Err("it does not answer".into())).map_err(Broken::NotSent)?;
        *slot = Some(open.clone());
        Ok(open)
    }
}

impl Shared {
    async fn connect(&self) -> Result<Open, String> {
        let mut failure = "it has no URL".to_owned();
        for url in &self.urls {
            match self.connect_to(url).await {
                Ok(sender) => return Ok(Open { sender, origin: url.clone() }),
                Err(error) => failure = format!("{url}: {error}"),
            }
        }
        Err(failure)
    }

    async fn connect_to(
        &self,
        url: &Uri,
    ) -> Result<SendRequest<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let host = url.host().ok_or("the URL has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, url.port_u16().ok_or("the URL has no port")?)).await?;
        stream.set_nodelay(true)?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // P2: also while nothing is under way, so that a broken connection is known before it is needed.
            .keep_alive_interval(self.patience / 2)
            .keep_alive_timeout(self.patience)
            .keep_alive_while_idle(true);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        self.group.detached(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a member ended in disorder");
            }
        });
        Ok(sender)
    }
}

impl Open {
    pub(crate) fn origin(&self) -> Uri {
        self.origin.clone()
    }
}

impl tower::Service<Request<Body>> for Open {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Response<Incoming>, hyper::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}
