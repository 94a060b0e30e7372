//! Front threads: one current-thread runtime each, and the connections that live on it.
//!
//! A connection stays on its thread, and its handlers run there. A new one goes to the thread with the fewest. One port
//! carries gRPC, HTTP/1.1 and HTTP/2: [`doors`] tells them apart, request by request.
//!
//! A thread that serves one client stays awake between its calls: [`vigil`].
//!
//! No poll of a front thread should take longer than a millisecond: whoever else is served there waits that long. Each
//! poll is measured (`quorate_front_poll_seconds`), and [`socket`] ends those that find ever more to read or write.

mod doors;
mod socket;
#[cfg(test)]
mod tests;
mod thread;
mod vigil;

use crate::peers;
use quorate_coordinator::Coordinator;
use quorate_http::calls::Calls;
use quorate_http::{Build, Front, Metrics};
use quorate_peer::Traffic;
use quorate_tasks::inbox::{Sender, inbox};
use quorate_tasks::poll::{PollClock, PollMeter};
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, Group};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use thread::Thread;

/// New connections that may wait for a thread; past it they are closed.
const CONNECTIONS_WAITING_MAX: usize = 4096;
/// How long the acceptor rests when the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves clients on `listeners` until `stopping` says so.
pub(crate) struct Fronts {
    pub(crate) door: Coordinator,
    pub(crate) build: Build,
    pub(crate) watches: quorate_watch::Handle,
    pub(crate) transport: Transport,
    pub(crate) threads: usize,
    pub(crate) poll_clock: PollClock,
    /// What goes to and comes from other members.
    pub(crate) traffic: Traffic,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// What the operator may set of HTTP/2.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    /// Streams that may be open on one connection. etcd: `--max-concurrent-streams`.
    pub(crate) streams_max: u32,
    /// A connection that is quiet for so long is asked whether it is there; never, if none.
    pub(crate) keepalive_interval: Option<Duration>,
    /// How long it has for an answer.
    pub(crate) keepalive_timeout: Duration,
}

/// One front thread as the acceptors see it.
#[derive(Clone)]
struct Seat {
    connections: Sender<std::net::TcpStream>,
    load: Arc<AtomicUsize>,
}

impl Fronts {
    /// Starts the front threads, and an acceptor for each listener. Returns what each thread counts.
    pub(crate) fn start(self, listeners: Vec<TcpListener>, group: &Group) -> Vec<Front> {
        let fronts: Vec<Front> = (0..self.threads).map(|_| self.front()).collect();
        let metrics = Arc::new(Metrics::new(
            self.door.clone(),
            self.build.clone(),
            fronts.clone(),
            peers::figures(self.traffic.clone()),
        ));
        let seats: Vec<Seat> = fronts.iter().map(|front| self.start_thread(front, &metrics, group)).collect();
        let (stopping, clock) = (self.stopping, self.door.clock().clone());
        group.runtime("accept", move || async move {
            let acceptors = listeners
                .into_iter()
                .map(|listener| accept(listener, seats.clone(), clock.clone(), stopping.clone()));
            futures::future::try_join_all(acceptors).await.map(drop)
        });
        fronts
    }

    fn front(&self) -> Front {
        Front { calls: Calls::default(), polls: PollMeter::new(self.poll_clock), connections: Arc::default() }
    }

    fn start_thread(&self, front: &Front, metrics: &Arc<Metrics>, group: &Group) -> Seat {
        let (connections, arriving) = inbox(CONNECTIONS_WAITING_MAX);
        let thread = Thread {
            door: self.door.clone(),
            watches: self.watches.clone(),
            transport: self.transport.clone(),
            front: front.clone(),
            metrics: metrics.clone(),
            stopping: self.stopping.clone(),
            group: group.clone(),
        };
        group.runtime("front", move || thread.run(arriving));
        Seat { connections, load: front.connections.clone() }
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

/// Ends when the server stops, or is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await; // a server that is gone has stopped
}
