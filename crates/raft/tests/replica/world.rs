//! Everything a replica stands on, as doubles; lives of the replica begin and end in it.

use bytes::Bytes;
use futures::future::{Either, select};
use quorate_raft::{Error, Node, Observer, Options, Parts, Proposal, Replica};
use quorate_state_machine::{Answer, Command, DeleteRange, Kind, Put, Unavailable, mvcc, spaces};
use quorate_storage::testing::FaultyEngine;
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::reply::{Desk, Reply};
use quorate_tasks::testing::Scheduler;
use quorate_tasks::{Clock, Group, NamedFailure, SystemClock};
use quorate_types::{KeyRange, LeaseId, MemberId};
use quorate_wal::testing::Powered;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const MEMBER: MemberId = MemberId(0x8e9e);
/// How long a call waits, in virtual time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What survives a life.
pub(crate) struct World {
    pub(crate) disk: Powered,
    pub(crate) engine: Arc<FaultyEngine>,
    pub(crate) options: Options,
    pub(crate) wal: quorate_wal::Options,
    /// The revisions that were told of, if anybody listens.
    pub(crate) told: Option<Arc<Mutex<Vec<i64>>>>,
    lives: u64,
}

/// A running replica.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) replica: Replica,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) group: Group,
    desk: Desk<Answer>,
}

/// Why there is no life.
#[derive(Debug)]
#[expect(dead_code, reason = "a failure is only shown")]
pub(crate) enum Stillborn {
    Refused(Error),
    Failed(Arc<NamedFailure>),
}

pub(crate) fn engine() -> Arc<FaultyEngine> {
    Arc::new(FaultyEngine::new(Arc::new(MemoryEngine::volatile(spaces::ALL)), spaces::ALL))
}

pub(crate) fn options() -> Options {
    let node = Node { name: "one".into(), peer_urls: vec!["http://one:2380".into()], ..Node::default() };
    Options::alone(MEMBER, node, 0)
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let wal = quorate_wal::Options {
            segment_bytes: 2048,
            zero_bytes: 1024,
            batch_bytes_max: 1024,
            tail_bytes_max: 256,
            nonce: seed,
            ..quorate_wal::Options::default()
        };
        Self { disk: Powered::new(seed), engine: engine(), options: options(), wal, told: None, lives: 0 }
    }

    /// Starts a replica on what is left, lets `body` use it, and drops everything that runs.
    ///
    /// One thread, virtual time, every order of steps decided by `seed`.
    pub(crate) fn live<F: Future>(
        &mut self,
        seed: u64,
        body: impl FnOnce(Result<Life, Stillborn>) -> F,
    ) -> F::Output {
        self.lives += 1;
        let options = Options { first_request_id: self.lives << 32, ..self.options.clone() };
        let (mut scheduler, group) = Scheduler::new(seed);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (disk, engine, wal) = (Arc::new(self.disk.clone()), self.engine.clone(), self.wal.clone());
        let observer = self.told.clone().map(|told| -> Observer {
            Box::new(move |effects| {
                told.lock().unwrap().extend(effects.changes.iter().map(|changes| changes.revision.0));
            })
        });
        let work = async {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
            let parts = Parts { observer, ..Parts::alone(engine, disk, wal, clock.clone()) };
            let start = Replica::start(options, parts, &group);
            let started = match select(pin!(start), pin!(group.failed())).await {
                Either::Left((Ok(replica), _)) => {
                    let desk = Desk::default();
                    let attended = desk.clone();
                    group.task("desk", async move {
                        attended.attend().await;
                        Ok(())
                    });
                    Ok(Life { replica, clock, group: group.clone(), desk })
                }
                Either::Left((Err(error), _)) => Err(Stillborn::Refused(error)),
                Either::Right((failure, _)) => Err(Stillborn::Failed(failure)),
            };
            body(started).await
        };
        runtime.block_on(scheduler.drive(work))
    }

    /// Whether the log begins later than at its first entry. Nobody may be alive.
    pub(crate) fn log_is_cut(&self) -> bool {
        quorate_wal::open(Arc::new(self.disk.clone()), &self.wal).unwrap().log.purged().is_some()
    }

    /// As [`World::live`], for a start that succeeds.
    pub(crate) fn run<F: Future>(&mut self, seed: u64, body: impl FnOnce(Life) -> F) -> F::Output {
        self.live(seed, |life| body(life.expect("the replica starts")))
    }
}

impl Life {
    /// Proposes `kind` under `id`; the answer to come.
    pub(crate) fn propose(&self, id: u64, kind: Kind) -> Result<Reply<Answer>, Unavailable> {
        let envelope = Command { id, user: String::new(), auth_revision: 0, kind }.encode();
        let (ticket, reply) = self.desk.ticket();
        let deadline = self.clock.now() + PATIENCE;
        let alone = id.is_multiple_of(3); // both ways through a node that idles
        self.replica.propose(Proposal {
            id,
            envelope,
            deadline,
            ticket: Some(ticket),
            alone,
            share: None,
        })?;
        Ok(reply)
    }

    pub(crate) async fn carry(&self, kind: Kind) -> Answer {
        match self.propose(self.replica.next_id(), kind) {
            Ok(reply) => reply.await,
            Err(reason) => Answer::Failed(reason),
        }
    }

    pub(crate) async fn confirm(&self) -> Answer {
        let (ticket, reply) = self.desk.ticket();
        match self.replica.confirm(ticket, self.clock.now() + PATIENCE) {
            Ok(()) => reply.await,
            Err(reason) => Answer::Failed(reason),
        }
    }

    pub(crate) async fn pause(&self, span: Duration) {
        self.clock.sleep_until(self.clock.now() + span).await;
    }
}

pub(crate) fn put(key: &str, value: impl Into<Bytes>) -> Kind {
    let change = mvcc::Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Some(value.into()),
        lease: Some(LeaseId::NONE),
    };
    Kind::Put(Put { change, with_previous: false })
}

pub(crate) fn delete(key: &str) -> Kind {
    let range = KeyRange::Single(Bytes::copy_from_slice(key.as_bytes()));
    Kind::DeleteRange(DeleteRange { range, with_previous: false })
}
