//! The parts put together, and taken apart again in order.

use crate::audience::Audience;
use crate::config::{Config, Gate};
use crate::consensus::OneReplica;
use crate::data_dir::{DataDir, DirError};
use crate::front::{Fronts, Transport};
use crate::peers::{self, PeerPort};
use crate::upkeep::Upkeep;
use crate::url::Url;
use quorate_coordinator::watch::StateHistory;
use quorate_coordinator::{Call, Coordinator, Identity, Limits, Work};
use quorate_http::{Build, Front};
use quorate_peer::{Peers, Traffic};
use quorate_raft::{Options, Pace, Replica};
use quorate_state_machine::Attributes;
use quorate_storage::Engine;
use quorate_tasks::poll::PollClock;
use quorate_tasks::reply::Desk;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, Group, SystemClock};
use quorate_wal::FileDisk;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a start waits for this member's first command to be applied before it says that it still waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a message to a watcher may weigh beyond the longest command before it is split, as in etcd.
const FRAGMENT_OVERHEAD_BYTES: usize = 512 << 10;
/// How long a leader that is told to stop waits for another one.
const HAND_OVER_TIME: Duration = Duration::from_millis(500);
/// How often what is left of long leases is written down, if that is switched on, as in etcd.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);
/// How long it rests before it asks again.
const PAUSE: Duration = Duration::from_millis(100);
/// And if the answer may be there any moment.
const BLINK: Duration = Duration::from_millis(5);

/// A running server.
pub struct Node {
    group: Group,
    stopping: watch::Sender<bool>,
    addresses: Vec<SocketAddr>,
    fronts: Vec<Front>,
    poll_clock: PollClock,
    data_dir: DataDir,
    removed: watch::Receiver<bool>,
    traffic: Traffic,
}

/// What a start needs besides the configuration.
pub struct Parts {
    /// The data directory, open; see [`crate::bootstrap::open`].
    pub data_dir: DataDir,
    /// The engine in it.
    pub engine: Arc<dyn Engine>,
    /// The id of this life's first command, above every earlier one.
    pub first_request_id: u64,
    /// Who is to run everything.
    pub group: Group,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port cannot be opened.
    #[error("listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of the log cannot be used.
    #[error("open log folder {}", path.display())]
    LogFolder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory does not fit the rest.
    #[error(transparent)]
    DataDir(#[from] DirError),
    /// The cluster will not have this member's name and URLs.
    #[error("set this member's name and client URLs, and the cluster's version")]
    Introduction(#[source] quorate_coordinator::Error),
    /// The cluster has removed this member.
    #[error(
        "the member has been permanently removed from the cluster: to bring the machine back, remove its data directory and add it as a new member"
    )]
    Removed,
    /// A URL in the configuration is none after all.
    #[error(transparent)]
    Url(#[from] crate::url::UrlError),
    /// A part of the server failed while it was starting.
    #[error(transparent)]
    Failed(#[from] Arc<quorate_tasks::NamedFailure>),
}

impl Node {
    /// Starts everything; returns once clients are served (law N1).
    ///
    /// # Errors
    /// See [`Error`]; what had been started has been stopped again.
    pub async fn start(config: &Config, parts: Parts) -> Result<Self, Error> {
        Self::start_measured(config, parts, PollClock::Wall).await
    }

    /// As [`Node::start`], with the polls of the front threads measured in another time.
    pub(crate) async fn start_measured(
        config: &Config,
        parts: Parts,
        poll_clock: PollClock,
    ) -> Result<Self, Error> {
        let Parts { mut data_dir, engine, first_request_id, group } = parts;
        let identity = data_dir.identity().clone();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (stopping, is_stopping) = watch::channel(false);
        let options = Options {
            founders: data_dir.founders().clone(),
            heartbeat: config.heartbeat,
            election_timeout: config.election_timeout,
            snapshot_entries: config.snapshot_entries,
            catchup_entries: config.catchup_entries,
            cluster: identity.cluster,
            force_new_cluster: config.force_new_cluster.then(|| itself(config)),
            prune: Pace::with(config.compaction_records, config.compaction_rest),
            ..Options::alone(identity.member, quorate_raft::Node::default(), first_request_id)
        };
        let audience = Arc::new(Audience::default());
        let peer_listeners = listen(&config.listen_peer_urls)?;
        let traffic = Traffic::default();
        let peers = Arc::new(Peers::new(
            quorate_peer::Options {
                cluster: identity.cluster,
                member: identity.member,
                patience: config.election_timeout,
                message_bytes_max: peers::message_bytes_max(config.request_bytes_max),
                traffic: traffic.clone(),
            },
            clock.clone(),
            group.clone(),
        ));
        let observed = audience.clone();
        let parts = quorate_raft::Parts {
            transport: peers,
            observer: Some(Box::new(move |effects| observed.tell(effects))),
            ..quorate_raft::Parts::alone(
                engine,
                log_disk(config, &mut data_dir)?,
                log_options(config),
                clock.clone(),
            )
        };
        let (peer_port, serves_peers) = oneshot::channel();
        let replica = start_replica(options, parts, serves_peers, is_stopping, &group);
        let replica = settled(&group, replica).await?;
        data_dir.note_log()?; // from here on it may hold a vote
        let watches = start_watches(config, &replica, &clock, &group, &audience);
        let limits = Limits {
            command_bytes_max: config.request_bytes_max,
            call_time_max: Duration::from_secs(5) + 2 * config.election_timeout,
            election_timeout: config.election_timeout,
            txn_ops_max: config.txn_operations_max,
            lease_ttl_min_seconds: lease_ttl_min_seconds(config),
            lease_checkpoint_interval: config
                .gates
                .is_on(Gate::LeaseCheckpoint)
                .then_some(CHECKPOINT_INTERVAL),
            quota: config.quota,
            strict_reconfiguration: config.strict_reconfiguration,
            learners_max: config.learners_max,
            ..Limits::default()
        };
        let threads = config.front_threads.unwrap_or_else(cores);
        let door = Coordinator::new(
            identity.cluster,
            identity.member,
            Arc::new(OneReplica::new(replica.clone())),
            clock.clone(),
            limits,
            Work::start(&group, threads),
        );
        let port = PeerPort {
            listeners: peer_listeners,
            door: door.clone(),
            replica: replica.door().clone(),
            members: quorate_peer::service(
                replica.door().clone(),
                peers::message_bytes_max(config.request_bytes_max),
                traffic.clone(),
            ),
            patience: config.election_timeout,
        };
        let removed = replica.removed();
        drop(replica);
        audience.hear_of_leases(door.lease_clock());
        drop(audience); // kept here, it would keep the watches going after all else has stopped
        keep_leases(&door, stopping.subscribe(), &group);
        let (addresses, fronts) = (Vec::new(), Vec::new());
        let mut node = Self { group, stopping, addresses, fronts, poll_clock, data_dir, removed, traffic };
        match node.serve(config, door, watches, threads, (peer_port, port)).await {
            Ok(()) => Ok(node),
            // What has failed cannot be stopped in order, only left.
            Err(error @ Error::Failed(_)) => Err(error),
            Err(error) => {
                node.stop();
                Err(error)
            }
        }
    }

    /// The end of a start: from a replica that runs to open ports (law N1).
    async fn serve(
        &mut self,
        config: &Config,
        door: Coordinator,
        watches: quorate_watch::Handle,
        threads: usize,
        (peer_port, port): (oneshot::Sender<PeerPort>, PeerPort),
    ) -> Result<(), Error> {
        let introduction = introduce(config, &door, &self.group);
        // If the replica has failed, whatever comes next says so.
        if config.force_new_cluster {
            // Until it has agreed with itself that it is alone, one of the others could take back what its log says.
            introduction.await?;
            drop(peer_port.send(port));
        } else {
            drop(peer_port.send(port));
            tokio::select! {
                biased;
                introduced = introduction => introduced?,
                () = removed(self.removed.clone()) => return Err(Error::Removed),
            }
        }
        let listeners = listen(&config.listen_client_urls)?;
        self.addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let log = config.wal_dir.clone().unwrap_or_else(|| self.data_dir.wal());
        let folders = vec![self.data_dir.engine(self.data_dir.backend()), log];
        let upkeep = Upkeep { folders, retention: config.auto_compaction };
        upkeep.start(&door, self.stopping.subscribe(), &self.group);
        let fronts = Fronts {
            door,
            build: Build { version: env!("CARGO_PKG_VERSION"), backend: self.data_dir.backend().to_owned() },
            watches,
            transport: Transport {
                streams_max: config.streams_max,
                keepalive_interval: config.keepalive_interval,
                keepalive_timeout: config.keepalive_timeout,
            },
            threads,
            poll_clock: self.poll_clock,
            traffic: self.traffic.clone(),
            stopping: self.stopping.subscribe(),
        };
        self.fronts = fronts.start(listeners, &self.group);
        tracing::info!("ready to serve client requests");
        for address in &self.addresses {
            tracing::info!(%address, "serving client traffic insecurely; this is strongly discouraged!");
        }
        Ok(())
    }

    /// Where clients are served.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What each front thread counts: calls, polls, connections.
    #[must_use]
    pub fn fronts(&self) -> &[Front] {
        &self.fronts
    }

    /// Who runs everything; its failure is the node's.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Returns once the cluster has removed this member: it is to be stopped then. What it still answers is answered first.
    pub async fn removed(&self) {
        removed(self.removed.clone()).await;
    }

    /// Stops everything, from the outside in, and gives up the data directory. Blocks until that is done.
    pub fn stop(self) {
        let Self { group, stopping, data_dir, .. } = self;
        stopping.send_replace(true);
        group.join();
        drop(data_dir);
        tracing::info!("stopped");
    }
}

async fn removed(mut is_removed: watch::Receiver<bool>) {
    if is_removed.wait_for(|is_removed| *is_removed).await.is_err() {
        std::future::pending::<()>().await; // consensus has ended, which somebody else tells
    }
}

/// How other members reach this one, by the configuration.
fn itself(config: &Config) -> quorate_raft::Node {
    let peer_urls = config.advertise_peer_urls.iter().map(ToString::to_string).collect();
    quorate_raft::Node { name: config.name.clone(), peer_urls, ..quorate_raft::Node::default() }
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Waits for a part that was started on another thread, unless something fails first.
async fn settled<T>(group: &Group, part: oneshot::Receiver<T>) -> Result<T, Error> {
    tokio::select! {
        biased;
        failure = group.failed() => Err(failure.into()),
        part = part => match part {
            Ok(part) => Ok(part),
            // Whoever should have sent it has failed, and says why.
            Err(_) => Err(group.failed().await.into()),
        },
    }
}

/// One and a half election time-outs, in whole heartbeats and then in whole seconds: etcd's rounding.
fn lease_ttl_min_seconds(config: &Config) -> i64 {
    let (election, heartbeat) = (config.election_timeout.as_millis(), config.heartbeat.as_millis().max(1));
    let span_ms = election / heartbeat * 3 / 2 * heartbeat;
    i64::try_from(span_ms.div_ceil(1000)).unwrap_or(i64::MAX)
}

/// Keeps the time of the leases on a thread of its own, so that nothing else holds it up.
fn keep_leases(door: &Coordinator, mut stopping: watch::Receiver<bool>, group: &Group) {
    let door = door.clone();
    group.runtime("leases", move || async move {
        tokio::select! {
            () = door.keep_leases() => {}
            _ = stopping.wait_for(|stopping| *stopping) => {} // a node that is gone has stopped too
        }
        Ok(())
    });
}

fn start_watches(
    config: &Config,
    replica: &Replica,
    clock: &Arc<dyn Clock>,
    group: &Group,
    audience: &Audience,
) -> quorate_watch::Handle {
    let history = Arc::new(StateHistory::new(replica.reader().clone()));
    let settings = quorate_watch::Settings {
        progress_interval: config.watch_progress_interval,
        fragment_bytes: config.request_bytes_max + FRAGMENT_OVERHEAD_BYTES,
        seed: quorate_tasks::entropy(),
        ..quorate_watch::Settings::default()
    };
    let (watches, feed) = quorate_watch::start(group, history, clock.clone(), settings);
    audience.hear_of_changes(feed);
    watches
}

/// The log's folder, if it fits the data directory.
fn log_disk(config: &Config, data_dir: &mut DataDir) -> Result<Arc<FileDisk>, Error> {
    let path = config.wal_dir.clone().unwrap_or_else(|| data_dir.wal());
    data_dir.check_log(&path)?;
    let disk = FileDisk::open(&path).map_err(|source| Error::LogFolder { path: path.clone(), source })?;
    if config.wal_dir.is_some() {
        data_dir.lock_log(&path)?;
    }
    Ok(Arc::new(disk))
}

fn log_options(config: &Config) -> quorate_wal::Options {
    quorate_wal::Options {
        sync: config.fsync,
        nonce: quorate_tasks::entropy(),
        // openraft cannot be refused: admission at the door is what bounds the log's queue.
        inbox_max: usize::MAX,
        ..quorate_wal::Options::default()
    }
}

/// Starts consensus on a runtime of its own, so that clients never starve its heartbeats. Other members are served there
/// too, once there is a port.
fn start_replica(
    options: Options,
    parts: quorate_raft::Parts,
    serves_peers: oneshot::Receiver<PeerPort>,
    mut stopping: watch::Receiver<bool>,
    group: &Group,
) -> oneshot::Receiver<Replica> {
    let (started, replica) = oneshot::channel();
    let inner = group.clone();
    group.runtime("raft", move || async move {
        let clock = parts.clock.clone();
        let replica = Replica::start(options, parts, &inner).await?;
        drop(started.send(replica.clone())); // a start that was given up is stopped below
        let (closing, is_closing) = watch::channel(false);
        if let Ok(port) = serves_peers.await {
            port.start(&is_closing, &inner);
        }
        let _ = stopping.wait_for(|stopping| *stopping).await; // a node that is gone has stopped too
        replica.hand_over(HAND_OVER_TIME).await;
        // Connections finish what they began first; see `front`.
        clock.sleep_until(clock.now() + Duration::from_millis(20)).await;
        replica.stop().await;
        closing.send_replace(true);
        Ok::<(), Failure>(())
    });
    replica
}

/// Has this member's name and client URLs applied, and the cluster agree on a version: then it serves a state that it has
/// agreed on (law N1).
async fn introduce(config: &Config, door: &Coordinator, group: &Group) -> Result<(), Error> {
    let desk = Desk::default();
    let at_desk = door.at(desk.clone());
    let attributes = Attributes {
        name: config.name.clone(),
        client_urls: config.advertise_client_urls.iter().map(ToString::to_string).collect(),
    };
    let introduction = async {
        agreed(&at_desk, async |call: Call| at_desk.describe_member(&call, attributes.clone()).await).await?;
        let version = async |call: Call| {
            at_desk.settle_cluster_version(&call).await?;
            at_desk.cluster_version().map(drop)
        };
        agreed(&at_desk, version).await
    };
    tokio::select! {
        biased;
        failure = group.failed() => Err(failure.into()),
        outcome = introduction => outcome,
        () = desk.attend() => Ok(()),
    }
}

/// Asks again and again, until the cluster agrees or says something that waiting would not mend.
async fn agreed(
    door: &Coordinator,
    mut ask: impl AsyncFnMut(Call) -> Result<(), quorate_coordinator::Error>,
) -> Result<(), Error> {
    let clock = door.clock();
    loop {
        let call = Call { identity: Identity::Anonymous, deadline: clock.now() + PATIENCE };
        let pause = match ask(call).await {
            Ok(()) => return Ok(()),
            Err(error @ quorate_coordinator::Error::Unavailable(_)) => {
                tracing::warn!(%error, "waiting for the cluster to agree on this member's start");
                PAUSE
            }
            // This member does not know yet that it leads, or waits for who does.
            Err(quorate_coordinator::Error::Refused(quorate_coordinator::Refusal::NoClusterVersion)) => BLINK,
            Err(error) => return Err(Error::Introduction(error)),
        };
        clock.sleep_until(clock.now() + pause).await;
    }
}

fn listen(urls: &[Url]) -> Result<Vec<TcpListener>, Error> {
    let listen = |address: SocketAddr| {
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        bound.map_err(|source| Error::Listen { address, source })
    };
    urls.iter().map(|url| listen(url.address()?)).collect()
}
