//! Several members, each with a disk and an engine that forget, on one simulated network.

use crate::ledger::value;
use crate::world::{PATIENCE, engine};
use futures::future::{Either, select};
use quorate_raft::testing::SimNetwork;
use quorate_raft::{Node, Observer, Options, Parts, Proposal, Replica};
use quorate_state_machine::{Answer, Command, Kind, Published, Unavailable};
use quorate_storage::testing::FaultyEngine;
use quorate_tasks::reply::{Desk, Reply};
use quorate_tasks::testing::{Plug, Plugs, Scheduler, Seed, draw_from};
use quorate_tasks::{Clock, Group, SystemClock, timeout};
use quorate_types::{ClusterId, MemberId};
use quorate_wal::testing::Powered;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CLUSTER: ClusterId = ClusterId(0xc105);

/// A cluster, alive while its seed's scheduler drives it.
pub(crate) struct Cluster {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) network: SimNetwork,
    machines: Vec<Machine>,
    /// How many states were taken over whole.
    pub(crate) taken_over: Arc<AtomicUsize>,
    plugs: Plugs,
    chance: RefCell<Seed>,
}

/// What survives a crash of one member, and what does not.
struct Machine {
    member: MemberId,
    disk: Powered,
    engine: Arc<FaultyEngine>,
    options: Options,
    wal: quorate_wal::Options,
    life: RefCell<Option<Life>>,
    lives: RefCell<u64>,
}

/// A running member.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) replica: Replica,
    pub(crate) group: Group,
    plug: Plug,
    desk: Desk<Answer>,
    clock: Arc<dyn Clock>,
}

/// Runs `body` on a cluster of `size` members, none of which is running yet.
pub(crate) fn run<F: Future>(seed: u64, size: usize, body: impl FnOnce(Rc<Cluster>) -> F) -> F::Output {
    run_with(seed, size, |_| {}, body)
}

/// The same, with members that `settle` has changed the options of.
pub(crate) fn run_with<F: Future>(
    seed: u64,
    size: usize,
    settle: impl Fn(&mut Options),
    body: impl FnOnce(Rc<Cluster>) -> F,
) -> F::Output {
    if std::env::var_os("QUORATE_TRACE").is_some() {
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .try_init();
    }
    let mut chance = Seed::new(seed);
    draw_from(chance.next_u64());
    let (mut scheduler, _group) = Scheduler::new(chance.next_u64());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let plugs = scheduler.plugs();
    let work = async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let network = SimNetwork::new(chance.next_u64(), clock.clone());
        let founders: BTreeMap<u64, Node> = (1..=size as u64).map(|id| (id, node(id))).collect();
        let machine = |id: &u64| {
            let mut machine = Machine::new(*id, &founders, chance.next_u64());
            settle(&mut machine.options);
            machine
        };
        let machines = founders.keys().map(machine).collect();
        let cluster = Rc::new(Cluster {
            clock,
            network,
            machines,
            taken_over: Arc::default(),
            plugs,
            chance: RefCell::new(chance),
        });
        let output = body(cluster.clone()).await;
        cluster.all().for_each(|position| drop(cluster.kill(position)));
        output
    };
    runtime.block_on(scheduler.drive(work))
}

fn node(id: u64) -> Node {
    Node {
        name: format!("member-{id}"),
        peer_urls: vec![format!("http://member-{id}:2380")],
        ..Node::default()
    }
}

impl Machine {
    fn new(id: u64, founders: &BTreeMap<u64, Node>, seed: u64) -> Self {
        let options = Options {
            cluster: CLUSTER,
            founders: founders.clone(),
            // Little of the log stays: who was away for long needs the whole state.
            snapshot_entries: 1 + seed % 20,
            catchup_entries: seed % 8,
            ..Options::alone(MemberId(id), node(id), 0)
        };
        let wal = quorate_wal::Options {
            segment_bytes: 4096,
            zero_bytes: 1024,
            batch_bytes_max: 1024,
            tail_bytes_max: 256,
            nonce: seed,
            ..quorate_wal::Options::default()
        };
        Self {
            member: MemberId(id),
            disk: Powered::new(seed),
            engine: engine(),
            options,
            wal,
            life: RefCell::default(),
            lives: RefCell::default(),
        }
    }
}

impl Cluster {
    /// Positions of all members.
    pub(crate) fn all(&self) -> std::ops::Range<usize> {
        0..self.machines.len()
    }

    pub(crate) fn member(&self, position: usize) -> MemberId {
        self.machines[position].member
    }

    /// The running member at `position`, if it runs.
    pub(crate) fn life(&self, position: usize) -> Option<Life> {
        self.machines[position].life.borrow().clone()
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.chance.borrow_mut().below(end)
    }

    pub(crate) async fn start(&self, position: usize) -> Life {
        self.attempt(position, None).await.expect("a member starts on what a crash leaves")
    }

    /// Starts the member at `position` to go on alone, on a disk whose power fails after so many `operations`. None, and dead, if
    /// that was before it led.
    pub(crate) async fn force(&self, position: usize, operations: u64) -> Option<Life> {
        let machine = &self.machines[position];
        machine.disk.cut_after(operations);
        if let Ok(life) = self.attempt(position, Some(node(machine.member.0))).await {
            self.pause(Duration::from_secs(3)).await;
            if life.group.failure().is_none() {
                machine.disk.cut_after(u64::MAX);
                return Some(life);
            }
            self.network.close(machine.member);
            machine.life.take();
            life.replica.cut();
            life.plug.pull();
        }
        self.lose_power(machine);
        None
    }

    /// What the disk had not synced and the engine not persisted is lost, or not.
    fn lose_power(&self, machine: &Machine) {
        machine.disk.crash();
        let kept = self.below(machine.engine.unpersisted() + 1);
        machine.engine.crash(kept).unwrap();
    }

    async fn attempt(&self, position: usize, force_new_cluster: Option<Node>) -> Result<Life, String> {
        let machine = &self.machines[position];
        let lives = machine.lives.replace_with(|lives| *lives + 1) + 1;
        let (group, plug) = self.plugs.group();
        let first_request_id = (machine.member.0 << 48) | (lives << 32);
        let options = Options { first_request_id, force_new_cluster, ..machine.options.clone() };
        let transport = self.network.transport(CLUSTER, machine.member);
        let disk = Arc::new(machine.disk.clone());
        let wal = quorate_wal::Options { nonce: machine.wal.nonce ^ lives, ..machine.wal.clone() };
        let taken_over = self.taken_over.clone();
        let observer: Observer = Box::new(move |effects| {
            taken_over.fetch_add(usize::from(effects.replaced.is_some()), Ordering::Relaxed);
        });
        let parts = Parts {
            transport,
            observer: Some(observer),
            ..Parts::alone(machine.engine.clone(), disk, wal, self.clock.clone())
        };
        let started = match select(pin!(Replica::start(options, parts, &group)), pin!(group.failed())).await {
            Either::Left((started, _)) => started.map_err(|error| error.to_string()),
            Either::Right((failure, _)) => Err(failure.to_string()),
        };
        let replica = started.inspect_err(|_| plug.pull())?;
        self.network.open(machine.member, replica.door().clone());
        let desk = Desk::default();
        let attended = desk.clone();
        group.task("desk", async move {
            attended.attend().await;
            Ok(())
        });
        let life = Life { replica, group, plug, desk, clock: self.clock.clone() };
        *machine.life.borrow_mut() = Some(life.clone());
        Ok(life)
    }

    pub(crate) async fn start_all(&self) {
        for position in self.all() {
            if self.life(position).is_none() {
                self.start(position).await;
            }
        }
    }

    /// The member's power fails: what it had not synced is lost, or not. Returns what it last showed.
    pub(crate) fn kill(&self, position: usize) -> Option<Arc<Published>> {
        let machine = &self.machines[position];
        let life = machine.life.borrow_mut().take()?;
        let failure = life.group.failure();
        assert!(failure.is_none(), "member {} failed: {failure:?}", machine.member);
        self.network.close(machine.member);
        machine.disk.cut_after(0);
        life.replica.cut();
        life.plug.pull();
        let shown = life.replica.reader().newest();
        drop(life);
        self.lose_power(machine);
        Some(shown)
    }

    pub(crate) async fn pause(&self, span: Duration) {
        self.clock.sleep_until(self.clock.now() + span).await;
    }

    /// Nothing goes from the member at `position` to the others, or from them to it.
    pub(crate) fn isolate(&self, position: usize) {
        for other in self.all().filter(|other| *other != position) {
            self.network.cut(self.member(position), self.member(other));
            self.network.cut(self.member(other), self.member(position));
        }
    }

    /// Waits until some member knows that it leads, and a quorum with it.
    pub(crate) async fn leader(&self) -> usize {
        loop {
            let leads = |position: &usize| {
                self.life(*position).is_some_and(|life| {
                    let standing = life.replica.standing();
                    standing.leader == Some(self.member(*position)) && standing.connected.is_some()
                })
            };
            if let Some(position) = self.all().find(leads) {
                return position;
            }
            self.pause(Duration::from_millis(10)).await;
        }
    }
}

impl Life {
    /// The log's thread hangs: nothing is written or synced.
    pub(crate) fn hold_disk(&self, is_held: bool) {
        self.plug.hold("wal", is_held);
    }

    /// Proposes `kind` under `id`; the answer to come.
    pub(crate) fn propose(&self, id: u64, kind: Kind) -> Result<Reply<Answer>, Unavailable> {
        let envelope = Command { id, user: String::new(), auth_revision: 0, kind }.encode();
        let (ticket, reply) = self.desk.ticket();
        let deadline = self.clock.now() + PATIENCE;
        let proposal = Proposal { id, envelope, deadline, ticket: Some(ticket), alone: false, share: None };
        self.replica.propose(proposal).map(|()| reply)
    }

    /// Its answer, or none: the member may be gone by then.
    pub(crate) async fn wait(&self, reply: Reply<Answer>) -> Option<Answer> {
        timeout(self.clock.as_ref(), self.clock.now() + 2 * PATIENCE, reply).await.ok()
    }

    /// A put that says its own id.
    pub(crate) async fn put(&self, key: &str) -> Option<Answer> {
        let id = self.replica.next_id();
        let reply = self.propose(id, crate::world::put(key, value(id))).ok()?;
        self.wait(reply).await
    }

    pub(crate) async fn confirm(&self) -> Option<Answer> {
        let (ticket, reply) = self.desk.ticket();
        self.replica.confirm(ticket, self.clock.now() + PATIENCE).ok()?;
        self.wait(reply).await
    }
}
