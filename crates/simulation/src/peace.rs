//! All heals, and everybody must come to the same, in bounded time.

use crate::clients::KEYS;
use crate::life::Life;
use crate::operator::Operator;
use crate::trouble;
use crate::world::World;
use quorate_testkit::{Operation, Revision};
use std::sync::Arc;
use std::time::Duration;

/// More than any election, transfer of a state, or lease takes. etcd's own rests after a change of leader are in it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The client that reads everything at the end.
const LAST_CLIENT: u32 = 999;

/// Ends what is wrong, and waits until everybody shows the same. Returns the last revision.
///
/// # Panics
/// They do not, within a minute of virtual time.
pub(crate) async fn make(world: &Arc<World>, operator: &Operator) -> Revision {
    world.network.heal();
    trouble::clear_up(world);
    for machine in world.machines() {
        world.network.stop(machine.member, false);
        if let Some(life) = machine.life() {
            life.stop(false);
            life.hang_disk(false);
        }
    }
    world.start_all().await;
    settle_members(world, operator).await;
    until(world, "every lease that nobody keeps alive ends", |lives| {
        lives.iter().all(|life| life.reader().newest().leases().is_empty())
    })
    .await;
    let alike = |lives: &[Life]| {
        let applied = lives.first().and_then(|life| life.reader().newest().applied());
        lives.iter().all(|life| {
            let newest = life.reader().newest();
            newest.applied() == applied && newest.pending_voters().next().is_none() && !newest.is_pruning()
        })
    };
    until(world, "everybody applies the same, and nobody waits for a vote", alike).await;
    for machine in world.machines() {
        let life = machine.life().expect("nobody dies in peace");
        world.witness.look(machine.member, &life.reader().newest());
    }
    read_everything(world).await
}

async fn settle_members(world: &Arc<World>, operator: &Operator) {
    let end = world.clock.now() + PATIENCE;
    while operator.reconcile().await != Some(true) {
        assert!(world.clock.now() < end, "no peace: nobody can say who the members are");
        world.start_all().await;
        world.pause(Duration::from_millis(50)).await;
    }
}

async fn until(world: &World, what: &str, is_so: impl Fn(&[Life]) -> bool) {
    let end = world.clock.now() + PATIENCE;
    loop {
        let lives: Vec<Life> = world.machines().iter().filter_map(|machine| machine.life()).collect();
        if is_so(&lives) {
            return;
        }
        let applied: Vec<_> = lives
            .iter()
            .map(|life| (life.door.member(), life.reader().applied_index(), life.standing().leader))
            .collect();
        assert!(world.clock.now() < end, "no peace: it should come that {what}: {applied:?}");
        drop(lives);
        world.pause(Duration::from_millis(10)).await;
    }
}

/// Every key at every member, and its hash.
async fn read_everything(world: &World) -> Revision {
    let end = world.clock.now() + PATIENCE;
    for machine in world.machines() {
        for key in KEYS {
            while world.perform(LAST_CLIENT, &machine, PATIENCE, Operation::range(key)).await.is_none() {
                assert!(world.clock.now() < end, "no peace: member {} answers nothing", machine.member);
            }
        }
    }
    let revision = Revision(world.notes.newest());
    for machine in world.machines() {
        let is_told = world.hash(&machine, quorate_types::Revision(revision.0)).await;
        assert!(is_told, "member {} does not say what its keys hash to at {revision}", machine.member);
    }
    revision
}
