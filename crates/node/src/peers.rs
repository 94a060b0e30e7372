//! The peer port: other members' calls, and the pages that members and tools ask each other for.
//!
//! It is served on the runtime of consensus, so that what comes in is handled where it is needed, and clients cannot hold it up.

use crate::consensus;
use axum::Router;
use futures::future::{Either, MapOk};
use futures::{FutureExt, TryFutureExt};
use http::{Request, Response, Version, header};
use http_body_util::Either as Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use quorate_coordinator::Coordinator;
use quorate_http::PeerFigures;
use quorate_peer::{ROUND_TRIP_CLASSES, Service as PeerService, Traffic};
use quorate_tasks::reply::Desk;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, Group};
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tower::Service;

/// What a message of a member may weigh beyond the longest command: a read of the log ends with the first entry above a
/// mebibyte, and an entry has a few words of its own.
const MESSAGE_OVERHEAD_BYTES: usize = 2 << 20;
/// How long the acceptor rests when the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The longest message that members send each other where commands may have `command_bytes_max`.
pub(crate) fn message_bytes_max(command_bytes_max: usize) -> usize {
    command_bytes_max.saturating_add(MESSAGE_OVERHEAD_BYTES)
}

/// What is counted of other members, in the words of the scrape.
pub(crate) fn figures(traffic: Traffic) -> quorate_http::Peers {
    Arc::new(move || {
        let figures = traffic.figures().into_iter();
        figures
            .map(|(member, figures)| {
                let classes = ROUND_TRIP_CLASSES.into_iter().zip(figures.round_trips).collect();
                let longer = figures.round_trips[ROUND_TRIP_CLASSES.len()];
                PeerFigures {
                    member,
                    sent_bytes: figures.sent_bytes,
                    received_bytes: figures.received_bytes,
                    sent_failures: figures.sent_failures,
                    received_failures: figures.received_failures,
                    round_trips: classes,
                    longer_round_trips: longer,
                    round_trip_total: figures.round_trip_total,
                }
            })
            .collect()
    })
}

/// All that is served on the peer port.
#[derive(Clone)]
pub(crate) struct Doors {
    members: PeerService,
    pages: Router,
}

type Reply = Response<Body<tonic::body::Body, axum::body::Body>>;
type Call = <PeerService as Service<Request<Incoming>>>::Future;
type Page = <Router as Service<Request<Incoming>>>::Future;

impl hyper::service::Service<Request<Incoming>> for Doors {
    type Response = Reply;
    type Error = Infallible;
    type Future = Either<
        MapOk<Call, fn(Response<tonic::body::Body>) -> Reply>,
        MapOk<Page, fn(Response<axum::body::Body>) -> Reply>,
    >;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let content = request.headers().get(header::CONTENT_TYPE);
        let is_grpc = request.version() == Version::HTTP_2
            && content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc"));
        if is_grpc {
            Either::Left(self.members.clone().call(request).map_ok(|reply| reply.map(Body::Left)))
        } else {
            Either::Right(self.pages.clone().call(request).map_ok(|reply| reply.map(Body::Right)))
        }
    }
}

/// The peer port, to be served.
pub(crate) struct PeerPort {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) door: Coordinator,
    pub(crate) replica: quorate_raft::Door,
    pub(crate) members: PeerService,
    /// How long a quiet connection has for an answer.
    pub(crate) patience: Duration,
}

impl PeerPort {
    /// Serves it on the current runtime until it is `closing`, which comes after consensus has ended: a leader that hands over
    /// has to hear of the next one. The tasks are `group`'s.
    pub(crate) fn start(self, closing: &watch::Receiver<bool>, group: &Group) {
        let desk = Desk::default();
        consensus::answer_for_leases(&self.replica, self.door.at(desk.clone()));
        let doors =
            Doors { members: self.members, pages: quorate_http::peer::router(&self.door.at(desk.clone())) };
        let mut desk_closing = closing.clone();
        group.task("peer-desk", async move {
            tokio::select! {
                () = desk.attend() => {}
                _ = desk_closing.wait_for(|closing| *closing) => {}
            }
            Ok(())
        });
        for listener in self.listeners {
            let acceptor = Acceptor {
                doors: doors.clone(),
                clock: self.door.clock().clone(),
                patience: self.patience,
                closing: closing.clone(),
                group: group.clone(),
            };
            group.task("peer-accept", acceptor.run(listener));
        }
    }
}

struct Acceptor {
    doors: Doors,
    clock: Arc<dyn Clock>,
    patience: Duration,
    closing: watch::Receiver<bool>,
    group: Group,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) -> Result<(), Failure> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut closing = self.closing.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.group.detached(self.serve(stream)),
                Err(error) => {
                    tracing::warn!(%error, "a connection of a member could not be accepted");
                    self.clock.sleep_until(self.clock.now() + ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// One connection, to its end or the server's.
    fn serve(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + use<> {
        drop(stream.set_nodelay(true)); // it only makes answers quicker
        let (builder, doors) = (builder(self.patience), self.doors.clone());
        let mut closing = self.closing.clone();
        async move {
            let connection = builder.serve_connection(TokioIo::new(stream), doors).map(|outcome| {
                if let Err(error) = outcome {
                    tracing::debug!(error, "a connection of a member ended in disorder");
                }
            });
            tokio::select! {
                () = connection => {}
                _ = closing.wait_for(|closing| *closing) => {} // the members find another leader
            }
        }
    }
}

fn builder(patience: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(300));
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_header_list_size(16 << 10)
        .max_concurrent_streams(1024)
        .keep_alive_interval(patience)
        .keep_alive_timeout(patience);
    builder
}
