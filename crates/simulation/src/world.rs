//! Several members in one process: their machines, the network, the time, and what anybody may know of them.

use crate::life::{Habits, Life};
use crate::line::LineWeather;
use crate::machine::{self, Death, Machine};
use crate::notes::Notes;
use crate::report::Run;
use crate::tally::Tally;
use crate::witness::Witness;
use parking_lot::Mutex;
use quorate_raft::testing::SimNetwork;
use quorate_tasks::testing::{Plugs, Scheduler, Seed, VirtualClock, draw_from};
use quorate_tasks::{Clock, Group};
use quorate_types::{ClusterId, MemberId};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) const CLUSTER: ClusterId = ClusterId(0xc105);
/// The members' default, which clients reckon with.
pub(crate) const ELECTION_TIMEOUT: Duration = Duration::from_millis(1000);
/// How long a disk that dies in the middle of something has to be noticed.
const DYING_TIME: Duration = Duration::from_millis(30);

/// A cluster and its surroundings, alive while its seed's scheduler drives it.
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) network: SimNetwork,
    pub(crate) witness: Arc<Witness>,
    pub(crate) notes: Notes,
    pub(crate) tally: Tally,
    pub(crate) habits: Habits,
    pub(crate) plugs: Plugs,
    /// Runs clients and everything else outside the members.
    pub(crate) outside: Group,
    /// See [`Run`].
    pub(crate) doubled: usize,
    /// How client connections do.
    pub(crate) lines: Mutex<LineWeather>,
    machines: Mutex<Vec<Arc<Machine>>>,
    chance: Mutex<Seed>,
}

/// Runs `body` in a world whose members do not run yet; ends when `body` does, with everything that runs.
pub(crate) fn run<F>(run: Run, notes: Notes, tally: Tally, body: impl FnOnce(Arc<World>) -> F) -> F::Output
where
    F: Future,
{
    let Run { seed, members, doubled } = run;
    let mut chance = Seed::new(seed);
    draw_from(chance.next_u64());
    let (mut scheduler, outside) = Scheduler::new(chance.next_u64());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without IO asks nothing of the system");
    let plugs = scheduler.plugs();
    let work = async {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        notes.begin(clock.clone());
        let network = SimNetwork::new(chance.next_u64(), clock.clone());
        let habits = Habits::draw(&mut chance);
        let world = Arc::new(World {
            clock,
            network,
            witness: Arc::new(Witness::new(tally.clone())),
            notes,
            tally,
            habits,
            plugs,
            outside,
            doubled,
            lines: Mutex::default(),
            machines: Mutex::default(),
            chance: Mutex::new(chance),
        });
        let founders = machine::founders(members);
        for id in founders.keys() {
            world.add(Machine::new(MemberId(*id), founders.clone(), world.draw()));
        }
        let output = body(world.clone()).await;
        for machine in world.machines() {
            world.kill(&machine);
        }
        output
    };
    runtime.block_on(scheduler.drive(work))
}

impl World {
    /// A number below `end`, which is not zero.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.chance.lock().below(end)
    }

    pub(crate) fn draw(&self) -> u64 {
        self.chance.lock().next_u64()
    }

    /// One of `all`, which is not empty.
    pub(crate) fn pick<T: Clone>(&self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Whether something happens that does so `per_mille` times in a thousand.
    pub(crate) fn chances(&self, per_mille: usize) -> bool {
        self.below(1000) < per_mille
    }

    pub(crate) async fn pause(&self, span: Duration) {
        self.clock.sleep_until(self.clock.now() + span).await;
    }

    /// Up to so many milliseconds.
    pub(crate) async fn linger(&self, millis_max: usize) {
        self.pause(Duration::from_millis(self.below(millis_max) as u64)).await;
    }

    pub(crate) fn machines(&self) -> Vec<Arc<Machine>> {
        self.machines.lock().clone()
    }

    pub(crate) fn machine(&self, member: MemberId) -> Option<Arc<Machine>> {
        self.machines.lock().iter().find(|machine| machine.member == member).cloned()
    }

    pub(crate) fn add(&self, machine: Machine) {
        self.machines.lock().push(Arc::new(machine));
    }

    /// Takes a member's machine away for good.
    pub(crate) fn take_away(&self, machine: &Machine) {
        self.machines.lock().retain(|other| other.member != machine.member);
        self.kill(machine);
    }

    /// Has `work` done outside the members; the end of it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> oneshot::Receiver<()> {
        let (done, end) = oneshot::channel();
        self.outside.task("outside", async move {
            work.await;
            let _ = done.send(()); // nobody may wait for it
            Ok(())
        });
        end
    }

    /// Any machine.
    pub(crate) fn any(&self) -> Arc<Machine> {
        self.pick(&self.machines())
    }

    pub(crate) fn leader(&self) -> Option<Life> {
        self.machines().iter().filter_map(|machine| machine.life()).find(Life::leads)
    }

    /// Starts the member, unless it runs or is about to.
    pub(crate) async fn start(self: &Arc<Self>, machine: &Arc<Machine>) {
        if !machine.may_begin() {
            return;
        }
        let Some(life) = Life::begin(self, machine).await else {
            machine.stays_down();
            return;
        };
        let removed = life.removed();
        machine.lives(life);
        // Whoever runs a server stops it when it was removed.
        let (world, told) = (self.clone(), machine.clone());
        let _detached = self.spawn(async move {
            if removed.await {
                world.kill(&told);
            }
        });
        if self.machine(machine.member).is_none() {
            self.kill(machine); // it was taken away meanwhile
        }
    }

    pub(crate) async fn start_all(self: &Arc<Self>) {
        for machine in self.machines() {
            self.start(&machine).await;
        }
    }

    /// The member's process dies now; whether it ran.
    pub(crate) fn kill(&self, machine: &Machine) -> bool {
        self.check_failure(machine);
        self.bury(machine)
    }

    /// The member's process dies; whether it ran.
    pub(crate) async fn crash(&self, machine: &Machine, death: Death) -> bool {
        let Death::After(operations) = death else { return self.kill(machine) };
        let Some(life) = machine.life() else { return false };
        machine.begin_to_die(operations);
        let noticed = life.group.failed();
        drop(quorate_tasks::timeout(self.clock.as_ref(), self.clock.now() + DYING_TIME, noticed).await);
        drop(life);
        self.bury(machine)
    }

    fn bury(&self, machine: &Machine) -> bool {
        self.network.close(machine.member);
        self.network.stop(machine.member, false);
        machine.die(&self.witness, |batches| self.below(batches))
    }

    /// Nobody failed who was not meant to.
    ///
    /// # Panics
    /// Somebody did.
    pub(crate) fn check_failure(&self, machine: &Machine) {
        let failure = machine.life().and_then(|life| life.group.failure());
        let is_meant = failure.is_none() || machine.is_dying();
        assert!(is_meant, "member {} failed by itself: {failure:?}", machine.member);
    }
}
