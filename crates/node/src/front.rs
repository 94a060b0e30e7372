//! Front threads: one current-thread runtime each, and the connections that live on it.
//!
//! A connection stays on its thread, and its handlers run there. A new one goes to the thread with the fewest. HTTP/2
//! carries gRPC; HTTP/1.1 on the same port gets a plain 404 for now.

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use quorate_coordinator::Coordinator;
use quorate_tasks::inbox::{Receiver, Sender, inbox};
use quorate_tasks::reply::Desk;
use quorate_tasks::{Clock, Failure, Group, timeout};
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::ServiceExt;

/// New connections that may wait for a thread; past it they are closed.
const CONNECTIONS_WAITING_MAX: usize = 4096;
/// How long a connection may take to finish what it began when the server stops.
const DRAIN_TIME: Duration = Duration::from_millis(500);
/// How long the acceptor rests when the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves clients on `listeners` until `stopping` says so.
pub(crate) struct Fronts {
    pub(crate) door: Coordinator,
    pub(crate) threads: usize,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// One front thread as the acceptors see it.
#[derive(Clone)]
struct Seat {
    connections: Sender<std::net::TcpStream>,
    load: Arc<AtomicUsize>,
}

impl Fronts {
    /// Starts the front threads, and an acceptor for each listener.
    pub(crate) fn start(self, listeners: Vec<TcpListener>, group: &Group) {
        let seats: Vec<Seat> = (0..self.threads).map(|_| self.start_thread(group)).collect();
        let (stopping, clock) = (self.stopping, self.door.clock().clone());
        group.runtime("accept", move || async move {
            let acceptors = listeners
                .into_iter()
                .map(|listener| accept(listener, seats.clone(), clock.clone(), stopping.clone()));
            futures::future::try_join_all(acceptors).await.map(drop)
        });
    }

    fn start_thread(&self, group: &Group) -> Seat {
        let (connections, arriving) = inbox(CONNECTIONS_WAITING_MAX);
        let load = Arc::new(AtomicUsize::new(0));
        let thread = Thread {
            door: self.door.clone(),
            load: load.clone(),
            stopping: self.stopping.clone(),
            group: group.clone(),
        };
        group.runtime("front", move || thread.run(arriving));
        Seat { connections, load }
    }
}

/// Hands new connections to the thread with the fewest.
async fn accept(
    listener: TcpListener,
    seats: Vec<Seat>,
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stopping) => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let stream = accepted.and_then(|(stream, _)| {
            stream.set_nodelay(true)?;
            stream.into_std()
        });
        match stream {
            Ok(stream) => seat(&seats, stream),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep_until(clock.now() + ACCEPT_PAUSE).await;
            }
        }
    }
}

fn seat(seats: &[Seat], stream: std::net::TcpStream) {
    let Some(seat) = seats.iter().min_by_key(|seat| seat.load.load(Ordering::Relaxed)) else { return };
    seat.load.fetch_add(1, Ordering::Relaxed);
    if seat.connections.push(stream).is_err() {
        seat.load.fetch_sub(1, Ordering::Relaxed);
        tracing::warn!("a connection was closed: too many wait to be served");
    }
}

/// One front thread.
struct Thread {
    door: Coordinator,
    load: Arc<AtomicUsize>,
    stopping: watch::Receiver<bool>,
    group: Group,
}

impl Thread {
    async fn run(mut self, mut arriving: Receiver<std::net::TcpStream>) -> Result<(), Failure> {
        let desk = Desk::default();
        let door = self.door.at(desk.clone()).serving(self.load.clone());
        let router = quorate_grpc::routes(&door).prepare().into_axum_router();
        self.group.task("desk", async move {
            desk.attend().await;
            Ok(())
        });
        let mut batch = Vec::new();
        let mut stopping = self.stopping.clone();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => break,
                is_open = arriving.next(&mut batch) => if !is_open { break },
            }
            for stream in batch.drain(..) {
                self.serve(stream, router.clone());
            }
        }
        self.drain().await;
        Ok(())
    }

    fn serve(&mut self, stream: std::net::TcpStream, router: Router) {
        let seat = Occupied(self.load.clone());
        let stopping = self.stopping.clone();
        match TcpStream::from_std(stream) {
            Ok(stream) => self.group.detached(async move {
                serve(stream, router, stopping).await;
                drop(seat);
            }),
            Err(error) => tracing::warn!(%error, "a connection could not be served"),
        }
    }

    /// Waits until the connections have ended, but not for ever.
    async fn drain(&self) {
        let clock = self.door.clock().clone();
        let all_gone = async {
            while self.load.load(Ordering::Relaxed) > 0 {
                clock.sleep_until(clock.now() + Duration::from_millis(5)).await;
            }
        };
        if timeout(clock.as_ref(), clock.now() + DRAIN_TIME, all_gone).await.is_err() {
            tracing::info!(
                connections = self.load.load(Ordering::Relaxed),
                "closing connections that are still busy"
            );
        }
    }
}

/// Ends when the server stops, or is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Counts a connection until it is dropped.
struct Occupied(Arc<AtomicUsize>);

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection, to its end. When the server stops it finishes what it began.
async fn serve(stream: TcpStream, router: Router, mut stopping: watch::Receiver<bool>) {
    let service = router.map_request(|request: http::Request<Incoming>| request.map(axum::body::Body::new));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(300));
    builder
        .http2()
        .timer(TokioTimer::new())
        // A blocked Lock or Campaign is a stream; etcd sets no limit.
        .max_concurrent_streams(u32::MAX)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(Some(Duration::from_secs(7200)))
        .keep_alive_timeout(Duration::from_secs(20));
    let mut connection =
        pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection ended in disorder");
    }
}
