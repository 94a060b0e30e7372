//! One front thread, and the connections on it.

use super::doors::Doors;
use super::socket::Socket;
use super::vigil::{self, Pace};
use super::{Transport, stopped};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use quorate_coordinator::watch::Watching;
use quorate_coordinator::{Company, Coordinator};
use quorate_http::{Front, Metrics};
use quorate_tasks::inbox::Receiver;
use quorate_tasks::poll::PollMeter;
use quorate_tasks::reply::Desk;
use quorate_tasks::watch;
use quorate_tasks::{Failure, Group, timeout};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take to finish what it began when the server stops.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// One front thread.
pub(super) struct Thread {
    pub(super) door: Coordinator,
    pub(super) watches: quorate_watch::Handle,
    pub(super) transport: Transport,
    pub(super) front: Front,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) group: Group,
}

/// Runs the calls of a connection as tasks of its thread, with their polls measured.
#[derive(Clone)]
struct Calls {
    group: Group,
    polls: PollMeter,
    pace: Pace,
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Calls {
    fn execute(&self, call: F) {
        let under_way = self.pace.begin();
        self.group.detached(self.polls.watch(async move {
            call.await;
            drop(under_way);
        }));
    }
}

impl Thread {
    pub(super) async fn run(mut self, mut arriving: Receiver<std::net::TcpStream>) -> Result<(), Failure> {
        let desk = Desk::default();
        let mailbox = self.watches.mailbox();
        let watching = Watching { handle: self.watches.clone(), mailbox: mailbox.clone() };
        let pace = Pace::default();
        let company = Company { connections: self.front.connections.clone(), calls: pace.under_way() };
        let door =
            self.door.at(desk.clone()).serving(company).with_watches(watching).until(self.stopping.clone());
        let (door, errands) = door.with_errands();
        let doors = Doors::new(&door, &self.front.calls, &self.metrics);
        let polls = self.front.polls.clone();
        self.group.task("mailbox", {
            let polls = polls.clone();
            async move {
                polls.watch(mailbox.attend()).await;
                Ok(())
            }
        });
        self.group.task("errands", {
            let polls = polls.clone();
            async move {
                polls.watch(errands.attend()).await;
                Ok(())
            }
        });
        self.group.task("desk", async move {
            polls.watch(desk.attend()).await;
            Ok(())
        });
        // On a single processor it would keep the client from running.
        if crate::node::cores() > 1 {
            let (connections, clock) = (self.front.connections.clone(), self.door.clock().clone());
            self.group.detached(vigil::keep(pace.clone(), connections, clock));
        }
        let mut batch = Vec::new();
        let mut stopping = self.stopping.clone();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => break,
                is_open = arriving.next(&mut batch) => if !is_open { break },
            }
            for stream in batch.drain(..) {
                self.serve(stream, doors.clone(), &pace);
            }
        }
        self.drain().await;
        Ok(())
    }

    fn serve(&mut self, stream: std::net::TcpStream, doors: Doors, pace: &Pace) {
        let seat = Occupied(self.front.connections.clone());
        let stopping = self.stopping.clone();
        let polls = self.front.polls.clone();
        let calls = Calls { group: self.group.clone(), polls, pace: pace.clone() };
        let builder = builder(calls, &self.transport);
        match TcpStream::from_std(stream) {
            Ok(stream) => self.group.detached(self.front.polls.watch(async move {
                serve(stream, doors, builder, stopping).await;
                drop(seat);
            })),
            Err(error) => tracing::warn!(%error, "a connection could not be served"),
        }
    }

    /// Waits until the connections have ended, but not for ever.
    async fn drain(&self) {
        let (clock, load) = (self.door.clock().clone(), &self.front.connections);
        let all_gone = async {
            while load.load(Ordering::Relaxed) > 0 {
                clock.sleep_until(clock.now() + Duration::from_millis(5)).await;
            }
        };
        if timeout(clock.as_ref(), clock.now() + DRAIN_TIME, all_gone).await.is_err() {
            let connections = load.load(Ordering::Relaxed);
            tracing::info!(connections, "closing connections that are still busy");
        }
    }
}

/// Counts a connection until it is dropped.
struct Occupied(Arc<AtomicUsize>);

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection, to its end. When the server stops it finishes what it began.
async fn serve(
    stream: TcpStream,
    doors: Doors,
    builder: auto::Builder<Calls>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Socket::new(stream)), doors));
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

fn builder(calls: Calls, transport: &Transport) -> auto::Builder<Calls> {
    let mut builder = auto::Builder::new(calls);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(300));
    builder
        .http2()
        .timer(TokioTimer::new())
        // A blocked Lock or Campaign is a stream: hyper's own limit would be too low.
        .max_concurrent_streams(transport.streams_max)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_header_list_size(64 << 10)
        // gRPC's replies carry no date; without it a reply is 30 bytes shorter.
        .auto_date_header(false)
        .keep_alive_interval(transport.keepalive_interval)
        .keep_alive_timeout(transport.keepalive_timeout);
    builder
}
