//! Members that are to begin, and what is there already when they do: peers on ports of the system's choice.

mod founding;
mod joining;
mod places;
mod srv;

use super::{Beginning, Error, Outside, begin};
use crate::Config;
use crate::config::{Parsed, parse};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use quorate_tasks::SystemClock;
use std::convert::Infallible;
use std::path::Path;
use tokio::net::TcpListener;

/// The settings of a member whose directory is not there.
fn settings(data_dir: &Path, flags: &[&str]) -> Config {
    let data_dir = format!("--data-dir={}", data_dir.display());
    let all = ["quorate", &data_dir].into_iter().chain(flags.iter().copied());
    match parse(all.map(Into::into), []) {
        Parsed::Serve { config, .. } => *config,
        other => panic!("{other:?}"),
    }
}

/// What becomes of a member with these flags while `peers` are there.
async fn outcome(flags: &[&str], peers: &[&Peer]) -> Result<Beginning, Error> {
    let root = tempfile::tempdir().unwrap();
    let config = settings(&root.path().join("none"), flags);
    beside(peers, alone(async |outside| begin(&config, outside).await)).await
}

/// `work` in a world where no names are known.
async fn alone<T>(work: impl AsyncFnOnce(&Outside<'_>) -> T) -> T {
    let outside = Outside {
        clock: &SystemClock::new(),
        look_up: &|url| panic!("nobody should ask where {url} is"),
        nameservers: &|| panic!("nobody should ask the DNS"),
    };
    work(&outside).await
}

/// Why such a member does not begin.
async fn refusal(flags: &[&str], peers: &[&Peer]) -> String {
    outcome(flags, peers).await.expect_err("it must not begin").to_string()
}

/// `work`'s answer, with `peers` served meanwhile.
async fn beside<F: Future>(peers: &[&Peer], work: F) -> F::Output {
    let served = futures::future::join(
        futures::future::join_all(peers.iter().map(|peer| peer.serve())),
        std::future::pending::<()>(), // also without peers
    );
    tokio::select! {
        answer = work => answer,
        _ = served => unreachable!("a peer is served for ever"),
    }
}

/// Somebody on a port, who says what a test has them say.
struct Peer {
    listener: TcpListener,
    url: String,
    headers: Vec<(&'static str, String)>,
    members: String,
    version: &'static str,
}

impl Peer {
    /// A member of `cluster` that lists nobody yet.
    async fn new(cluster: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let headers = vec![("x-etcd-cluster-id", cluster.to_owned()), ("server", "quorate/0.0.7".to_owned())];
        Self { listener, url, headers, members: "[]\n".to_owned(), version: "3.7.0" }
    }

    /// Nobody is there.
    async fn gone() -> String {
        Self::new("").await.url
    }

    async fn serve(&self) -> Infallible {
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let answer = service_fn(async |request| Ok::<_, Infallible>(self.answer(&request)));
            // The one who asked may have gone.
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await,
            );
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let body = match request.uri().path() {
            "/members" => self.members.clone(),
            "/version" => format!(r#"{{"etcdserver":"3.7.1","etcdcluster":"{}"}}"#, self.version),
            other => panic!("nobody should ask for {other}"),
        };
        let mut response = Response::builder();
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        response.body(Full::new(Bytes::from(body))).unwrap()
    }
}
