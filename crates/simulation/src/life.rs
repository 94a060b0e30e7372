//! One life of a member: the parts of a node, put together as `quorate_node::Node` does it, on what a simulation offers.
//!
//! What is left out is what a process has to the outside: ports and their threads, gRPC and HTTP, the data directory. Clients
//! call the [`Coordinator`] where a front thread would; members call each other through `SimNetwork` where gRPC would.

use crate::machine::Machine;
use crate::witness::Witness;
use crate::world::{CLUSTER, ELECTION_TIMEOUT, World};
use quorate_coordinator::auto_compaction::{self, Retention};
use quorate_coordinator::watch::{StateHistory, Watching};
use quorate_coordinator::{Call, Coordinator, Identity, Limits, Work};
use quorate_node::audience::Audience;
use quorate_node::consensus::{OneReplica, answer_for_leases};
use quorate_raft::{Options, Parts, Replica, Standing};
use quorate_state_machine::{Attributes, Effects, Reader};
use quorate_tasks::reply::Desk;
use quorate_tasks::testing::{Plug, Seed};
use quorate_tasks::{Failure, Group};
use quorate_types::MemberId;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a member waits before it says again who it is, if the cluster did not take it.
const PAUSE: Duration = Duration::from_millis(200);

/// What members of one world have in common besides the network.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// How long nothing new goes wrong, at most, in milliseconds.
    pub(crate) calm_ms: usize,
    /// Whether a change of the members is refused that could cost the quorum.
    pub(crate) strict_reconfiguration: bool,
    /// How often what is left of long leases is written down.
    pub(crate) checkpoints: Option<Duration>,
    /// What of the history the members forget by themselves.
    pub(crate) retention: Option<Retention>,
    /// Bytes that may wait for a slow watcher.
    pub(crate) window_bytes: usize,
    /// Revisions that the hub keeps for those who are late.
    pub(crate) ring_revisions: usize,
}

/// A running member. Clones are the same.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) group: Group,
    pub(crate) door: Coordinator,
    replica: Replica,
    plug: Plug,
}

impl Habits {
    /// Habits as `chance` has it.
    pub(crate) fn draw(chance: &mut Seed) -> Self {
        Self {
            calm_ms: [600, 1500, 3000][chance.below(3)],
            strict_reconfiguration: chance.below(2) == 0,
            checkpoints: (chance.below(3) == 0).then_some(Duration::from_secs(2)),
            retention: (chance.below(4) == 0).then_some(Retention::Period(Duration::from_secs(5))),
            window_bytes: [400, 4000, 1 << 20][chance.below(3)],
            ring_revisions: [2, 20, 1000][chance.below(3)],
        }
    }
}

impl Life {
    /// Starts the member on what its machine's disk holds; nothing, if that says that the member was removed.
    ///
    /// # Panics
    /// If the member does not start for another reason: it must, on whatever a crash leaves.
    pub(crate) async fn begin(world: &Arc<World>, machine: &Machine) -> Option<Self> {
        let number = machine.next_life();
        let (group, plug) = world.plugs.group();
        let audience = Arc::new(Audience::default());
        let reader = Arc::new(OnceLock::new());
        let options = Options {
            first_request_id: (machine.member.0 << 48) | (number << 32),
            ..machine.options.clone()
        };
        let wal = quorate_wal::Options { nonce: machine.wal.nonce ^ number, ..machine.wal.clone() };
        let observed = Observed {
            member: machine.member,
            audience: audience.clone(),
            reader: reader.clone(),
            witness: world.witness.clone(),
        };
        let parts = Parts {
            transport: world.network.transport(CLUSTER, machine.member),
            observer: Some(Box::new(move |effects| observed.tell(effects))),
            ..Parts::alone(machine.engine.clone(), Arc::new(machine.disk.clone()), wal, world.clock.clone())
        };
        let replica = match Replica::start(options, parts, &group).await {
            Ok(replica) => replica,
            Err(quorate_raft::Error::Removed) => {
                plug.pull();
                return None;
            }
            Err(error) => panic!("member {} does not start on what a crash left: {error:?}", machine.member),
        };
        drop(reader.set(replica.reader().clone()));
        let door = Self::open(world, machine.member, &replica, &audience, &group);
        world.network.open(machine.member, replica.door().clone());
        Some(Self { group, door, replica, plug })
    }

    /// From a replica that runs to the door for clients, with all that runs beside it.
    fn open(
        world: &World,
        member: MemberId,
        replica: &Replica,
        audience: &Audience,
        group: &Group,
    ) -> Coordinator {
        let habits = &world.habits;
        let settings = quorate_watch::Settings {
            window_bytes: habits.window_bytes,
            ring_revisions_max: habits.ring_revisions,
            chunk_revisions_max: 4,
            fragment_bytes: 300,
            progress_interval: Duration::from_secs(3),
            seed: quorate_tasks::entropy(),
            ..quorate_watch::Settings::default()
        };
        let history = Arc::new(StateHistory::new(replica.reader().clone()));
        let (handle, feed) = quorate_watch::start(group, history, world.clock.clone(), settings);
        audience.hear_of_changes(feed);
        let limits = Limits {
            election_timeout: ELECTION_TIMEOUT,
            strict_reconfiguration: habits.strict_reconfiguration,
            lease_checkpoint_interval: habits.checkpoints,
            ..Limits::default()
        };
        let consensus = Arc::new(OneReplica::new(replica.clone()));
        let work = Work::start(group, 2);
        let door = Coordinator::new(CLUSTER, member, consensus, world.clock.clone(), limits, work);
        audience.hear_of_leases(door.lease_clock());
        let keeping = door.clone();
        group.task("leases", async move {
            keeping.keep_leases().await;
            Ok(())
        });
        answer_for_leases(replica.door(), door.at(desk("peer-desk", group)));
        introduce(door.at(desk("introduction-desk", group)), group);
        if let Some(retention) = habits.retention {
            let door = door.at(desk("upkeep-desk", group));
            group.task("upkeep", async move {
                auto_compaction::run(&door, retention, |_, _| ()).await;
                Ok(())
            });
        }
        let mailbox = handle.mailbox();
        let watching = Watching { handle, mailbox: mailbox.clone() };
        group.task("mailbox", async move {
            mailbox.attend().await;
            Ok(())
        });
        let (front, errands) = door.at(desk("desk", group)).with_watches(watching).with_errands();
        group.task("errands", async move {
            errands.attend().await;
            Ok(())
        });
        front
    }

    pub(crate) fn reader(&self) -> &Reader {
        self.replica.reader()
    }

    pub(crate) fn standing(&self) -> Standing {
        self.replica.standing()
    }

    /// Ends once the cluster has removed this member, or the life is over; whether it was removed.
    pub(crate) fn removed(&self) -> impl Future<Output = bool> + Send + use<> {
        let mut removed = self.replica.removed();
        async move { removed.wait_for(|removed| *removed).await.is_ok() }
    }

    /// Whether this member knows that it leads, and that a quorum is with it.
    pub(crate) fn leads(&self) -> bool {
        let standing = self.standing();
        standing.leader == Some(self.door.member()) && standing.connected.is_some()
    }

    /// The log's thread hangs, or goes on: nothing is written or synced meanwhile.
    pub(crate) fn hang_disk(&self, hangs: bool) {
        self.plug.hold("wal", hangs);
    }

    /// The process is stopped, as by a signal, or goes on.
    pub(crate) fn stop(&self, is_stopped: bool) {
        self.plug.stop(is_stopped);
    }

    /// Drops everything that runs, where it stands.
    pub(crate) fn end(&self) {
        self.replica.cut();
        self.plug.pull();
        // Who answers for leases holds the replica, which holds who answers for leases.
        self.replica.door().answer_for_leases(Arc::new(|_| Box::pin(std::future::ready(None))));
    }
}

/// Who is told of what a member applied.
struct Observed {
    member: MemberId,
    audience: Arc<Audience>,
    /// None until the replica runs.
    reader: Arc<OnceLock<Reader>>,
    witness: Arc<Witness>,
}

impl Observed {
    fn tell(&self, effects: Effects) {
        self.witness.hear(self.member, &effects);
        if let Some(reader) = self.reader.get() {
            self.witness.see(self.member, &reader.newest());
        }
        self.audience.tell(effects);
    }
}

/// A desk that `group` attends.
fn desk(name: &'static str, group: &Group) -> Desk<quorate_state_machine::Answer> {
    let desk = Desk::default();
    let attended = desk.clone();
    group.task(name, async move {
        attended.attend().await;
        Ok(())
    });
    desk
}

/// Has this member's name applied and the cluster's version settled, as a node does before it serves clients. Here it serves
/// them all the while: what a client is told must be right anyway.
fn introduce(door: Coordinator, group: &Group) {
    group.task("introduction", async move {
        let clock = door.clock().clone();
        let name = format!("m{}", door.member());
        let attributes = Attributes { client_urls: vec![format!("http://{name}:2379")], name };
        loop {
            let call =
                Call { identity: Identity::Anonymous, deadline: clock.now() + door.limits().call_time_max };
            let is_known = door.describe_member(&call, attributes.clone()).await.is_ok()
                && door.settle_cluster_version(&call).await.is_ok()
                && door.cluster_version().is_ok();
            if is_known {
                return Ok::<(), Failure>(());
            }
            clock.sleep_until(clock.now() + PAUSE).await;
        }
    });
}
