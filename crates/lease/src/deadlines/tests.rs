use super::*;
use proptest::prelude::*;
use quorate_storage::{Batch, Engine, Space, SpaceSet};
use quorate_storage_memory::MemoryEngine;
use std::collections::{BTreeMap, BTreeSet};

const LEASE: Space = Space::new(0, "lease");
const SETTINGS: Settings = Settings {
    grace: Duration::from_secs(1),
    gap_max: Duration::from_secs(2),
    checkpoint_interval: Some(Duration::from_secs(300)),
};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ids(numbers: &[i64]) -> Vec<LeaseId> {
    numbers.iter().copied().map(LeaseId).collect()
}

fn table(leases: &[(i64, i64)]) -> Table {
    let engine = MemoryEngine::volatile(SpaceSet::new(&[LEASE]));
    let mut table = Table::open(LEASE, engine.view().as_ref()).unwrap();
    for &(id, ttl_seconds) in leases {
        table.grant(LeaseId(id), ttl_seconds, &mut Batch::default()).unwrap();
    }
    table
}

/// A clock that is looked at every second, as a live leader's is.
struct Scene {
    deadlines: Deadlines,
    now: u64,
}

impl Scene {
    fn new() -> Self {
        Self { deadlines: Deadlines::begin(&table(&[]), at(0), SETTINGS), now: 0 }
    }

    fn grant(&mut self, id: i64, ttl_seconds: i64) {
        self.deadlines.note(Effect::Granted { id: LeaseId(id), ttl_seconds }, at(self.now));
    }

    fn renew(&mut self, id: i64) -> Renewal {
        self.deadlines.renew(LeaseId(id), at(self.now))
    }

    fn wait_until(&mut self, now: u64) {
        while self.now < now {
            self.now += 1;
            self.deadlines.look(at(self.now));
        }
    }

    fn due(&mut self) -> Vec<LeaseId> {
        self.deadlines.due(at(self.now), 100)
    }
}

const fn renewed(ttl_seconds: i64) -> Renewal {
    Renewal::Renewed { ttl_seconds, is_checkpointed: false }
}

#[test]
fn a_table_that_replaced_the_one_before_is_followed_and_nobody_ends_sooner() {
    let mut scene = Scene::new();
    for (id, ttl_seconds) in [(1, 5), (2, 5), (3, 100)] {
        scene.grant(id, ttl_seconds);
    }
    scene.wait_until(6);
    assert_eq!(scene.due(), ids(&[1, 2]));
    let mut replacing = table(&[(2, 5), (3, 100), (4, 20)]);
    replacing.checkpoint(LeaseId(3), 10, &mut Batch::default());
    scene.deadlines.follow(&replacing, at(6));
    assert_eq!(scene.renew(1), Renewal::Unknown);
    assert_eq!(scene.renew(2), renewed(5));
    let left = |scene: &Scene, id| scene.deadlines.remaining(LeaseId(id), at(scene.now));
    assert_eq!(
        (left(&scene, 2), left(&scene, 3), left(&scene, 4)),
        (Some(at(6)), Some(at(94)), Some(at(21)))
    );
    scene.deadlines.give_back(&ids(&[1]));
    scene.wait_until(99);
    assert_eq!(scene.due(), ids(&[2, 4]));
    scene.wait_until(100);
    assert_eq!(scene.due(), ids(&[3]));
}

#[test]
fn a_lease_is_due_after_its_time_and_a_renewed_one_later() {
    let mut scene = Scene::new();
    scene.grant(1, 5);
    scene.grant(2, 5);
    scene.wait_until(4);
    assert_eq!(scene.renew(2), renewed(5));
    assert_eq!(scene.due(), []);
    scene.wait_until(5);
    assert_eq!(scene.due(), ids(&[1]));
    scene.wait_until(9);
    assert_eq!(scene.due(), ids(&[2]));
    assert_eq!(scene.due(), [], "each is given once");
}

#[test]
fn what_is_due_cannot_be_renewed_and_stays_due_until_it_ends() {
    let mut scene = Scene::new();
    scene.grant(1, 2);
    scene.wait_until(2);
    assert_eq!(scene.renew(1), Renewal::Due, "L6: also before anybody asked who is due");
    assert_eq!(scene.due(), ids(&[1]));
    assert_eq!(scene.renew(1), Renewal::Due);
    scene.deadlines.give_back(&ids(&[1]));
    assert_eq!(scene.due(), ids(&[1]));
    scene.deadlines.forget(&ids(&[1]));
    assert_eq!((scene.renew(1), scene.due()), (Renewal::Unknown, vec![]));
}

#[test]
fn a_lease_that_ends_early_is_not_due_nor_is_one_granted_anew_before_its_time() {
    let mut scene = Scene::new();
    scene.grant(1, 2);
    scene.deadlines.note(Effect::Ended(LeaseId(1)), at(0));
    scene.grant(1, 10);
    scene.wait_until(3);
    assert_eq!(scene.due(), []);
    scene.wait_until(10);
    assert_eq!(scene.due(), ids(&[1]), "once, though it has two places in the queue");
}

#[test]
fn batches_are_bounded_and_nobody_is_left_out() {
    let mut scene = Scene::new();
    (1..=5).for_each(|id| scene.grant(id, 2));
    scene.wait_until(3);
    let batches: Vec<usize> = (0..4).map(|_| scene.deadlines.due(at(3), 2).len()).collect();
    assert_eq!(batches, [2, 2, 1, 0]);
}

#[test]
fn a_new_leader_gives_everybody_the_time_and_the_grace() {
    let mut granted = table(&[(1, 5), (2, 600)]);
    granted.checkpoint(LeaseId(2), 100, &mut Batch::default());
    let deadlines = Deadlines::begin(&granted, at(50), SETTINGS);
    assert_eq!(deadlines.remaining(LeaseId(1), at(50)), Some(at(6)));
    assert_eq!(deadlines.remaining(LeaseId(2), at(50)), Some(at(101)), "what the checkpoint says is left");
    assert_eq!(deadlines.remaining(LeaseId(2), at(500)), Some(at(0)));
    assert_eq!(deadlines.remaining(LeaseId(3), at(50)), None);
}

#[test]
fn after_a_gap_everybody_may_renew_but_those_being_revoked() {
    let mut scene = Scene::new();
    (1..=3).for_each(|id| scene.grant(id, 5));
    scene.wait_until(5);
    assert_eq!(scene.deadlines.due(at(5), 1), ids(&[1]));
    scene.now = 60; // the process was stopped
    assert_eq!(scene.renew(2), renewed(5));
    assert_eq!(scene.due(), []);
    scene.wait_until(66);
    assert_eq!(scene.due().into_iter().collect::<BTreeSet<_>>(), ids(&[2, 3]).into_iter().collect());
    assert_eq!(scene.renew(1), Renewal::Due);
}

#[test]
fn a_long_lease_is_written_down_and_a_renewal_takes_it_back() {
    let mut scene = Scene::new();
    scene.grant(1, 1000);
    scene.grant(2, 300);
    scene.wait_until(300);
    let told = scene.deadlines.checkpoints(at(300), 10);
    assert_eq!(told, [Checkpoint { id: LeaseId(1), remaining_seconds: 700 }]);
    assert_eq!(scene.renew(1), Renewal::Renewed { ttl_seconds: 1000, is_checkpointed: true });
    assert_eq!(scene.renew(1), renewed(1000));
    assert_eq!(scene.deadlines.checkpoints(at(599), 10), []);
}

#[test]
fn leases_that_come_and_go_leave_no_places_behind() {
    let mut scene = Scene::new();
    for id in 1..20_000 {
        scene.grant(id, 3600);
        scene.deadlines.note(Effect::Ended(LeaseId(id)), at(0));
    }
    assert!(scene.deadlines.queue.len() <= SLACK && scene.deadlines.checkpoints.len() <= SLACK);
}

/// What a random history does.
#[derive(Debug, Clone, Copy)]
enum Did {
    Grant(i64, i64),
    End(i64),
    Renew(i64),
    Wait(u64),
    Stop(u64),
    TakeAndForget,
    TakeAndGiveBack,
}

fn did() -> impl Strategy<Value = Did> {
    let id = 1..6i64;
    prop_oneof![
        (id.clone(), 1..8i64).prop_map(|(id, ttl)| Did::Grant(id, ttl)),
        id.clone().prop_map(Did::End),
        id.prop_map(Did::Renew),
        (1..4u64).prop_map(Did::Wait),
        (3..9u64).prop_map(Did::Stop),
        Just(Did::TakeAndForget),
        Just(Did::TakeAndGiveBack),
    ]
}

/// The deadlines as a list that is searched: who has which deadline, and who is no longer renewable.
#[derive(Default)]
struct Naive {
    leases: BTreeMap<LeaseId, (u64, u64, bool)>,
    looked: u64,
}

impl Naive {
    fn look(&mut self, now: u64) {
        if now - self.looked > 2 {
            self.leases.values_mut().for_each(|(ttl, deadline, is_due)| {
                (*deadline, *is_due) = (now + 1 + *ttl, false);
            });
        }
        self.looked = now;
        self.leases.values_mut().for_each(|(_, deadline, is_due)| *is_due |= *deadline <= now);
    }

    fn due(&self) -> Vec<LeaseId> {
        self.leases.iter().filter(|(_, (_, _, is_due))| *is_due).map(|(id, _)| *id).collect()
    }
}

proptest! {
    #[test]
    fn the_deadlines_do_what_a_list_would(history in proptest::collection::vec(did(), 1..60)) {
        let (mut scene, mut naive) = (Scene::new(), Naive::default());
        for step in history {
            let now = scene.now;
            match step {
                Did::Grant(id, ttl) => {
                    scene.grant(id, ttl);
                    let ttl = ttl as u64;
                    naive.leases.entry(LeaseId(id)).or_insert((ttl, now + ttl, false));
                }
                Did::End(id) => {
                    scene.deadlines.note(Effect::Ended(LeaseId(id)), at(now));
                    naive.leases.remove(&LeaseId(id));
                }
                Did::Renew(id) => {
                    naive.look(now);
                    let expected = match naive.leases.get_mut(&LeaseId(id)) {
                        None => Renewal::Unknown,
                        Some((_, _, true)) => Renewal::Due,
                        Some((ttl, deadline, false)) => {
                            *deadline = (*deadline).max(now + *ttl);
                            renewed(*ttl as i64)
                        }
                    };
                    prop_assert_eq!(scene.renew(id), expected);
                }
                Did::Wait(seconds) => {
                    scene.wait_until(now + seconds);
                    (now + 1..=now + seconds).for_each(|now| naive.look(now));
                }
                Did::Stop(seconds) => scene.now += seconds,
                Did::TakeAndForget | Did::TakeAndGiveBack => {
                    naive.look(now);
                    let mut taken = scene.due();
                    taken.sort_unstable();
                    prop_assert_eq!(&taken, &naive.due());
                    if matches!(step, Did::TakeAndForget) {
                        scene.deadlines.forget(&taken);
                        naive.leases.retain(|id, _| !taken.contains(id));
                    } else {
                        scene.deadlines.give_back(&taken);
                    }
                }
            }
        }
    }
}
