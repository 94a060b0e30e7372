//! What goes wrong: crashes, cuts, weather, disks that hang, processes that are stopped.

use crate::line::LineWeather;
use crate::machine::{Death, Machine};
use crate::tally::Event;
use crate::world::World;
use quorate_raft::testing::Weather;
use quorate_tasks::Moment;
use std::sync::Arc;
use std::time::Duration;

/// How long a member stays down, at most, unless it is forgotten.
const DOWN_MS: usize = 2500;

/// Things go wrong one after the other; most of them mend by themselves after a while, some stay until all heals.
pub(crate) async fn run(world: Arc<World>, until: Moment) {
    clear_up(&world);
    while world.clock.now() < until {
        world.linger(world.habits.calm_ms).await;
        let machine = world.any();
        match world.below(14) {
            0..3 => crash(&world, &machine).await,
            3 => world.start_all().await,
            4 => cut(&world, &machine),
            5 => isolate(&world, &machine),
            6 => split(&world),
            7..10 => {
                world.network.heal();
                world.start_all().await;
            }
            10 => change_weather(&world),
            11 => clear_up(&world),
            12 => hang_disk(&world, &machine),
            _ => stop(&world, &machine),
        }
    }
}

async fn crash(world: &Arc<World>, machine: &Arc<Machine>) {
    let is_torn = world.chances(500);
    let death = if is_torn { Death::After(world.below(6) as u64) } else { Death::Now };
    if world.crash(machine, death).await {
        world.tally.count(Event::Crash);
        world.tally.add(Event::TornCrash, usize::from(is_torn));
    }
    if world.chances(800) {
        let (outside, machine) = (world.clone(), machine.clone());
        let _detached = world.spawn(async move {
            outside.linger(DOWN_MS).await;
            outside.start(&machine).await;
        });
    }
}

/// Nothing comes through from one member to another.
fn cut(world: &Arc<World>, machine: &Machine) {
    let other = world.any();
    world.network.cut(machine.member, other.member);
    mend_some_day(world);
    world.tally.count(Event::Cut);
}

/// Nobody hears one member, or it hears nobody, or both.
fn isolate(world: &Arc<World>, machine: &Machine) {
    let side = world.below(3);
    for other in world.machines() {
        if side != 0 {
            world.network.cut(machine.member, other.member);
        }
        if side != 1 {
            world.network.cut(other.member, machine.member);
        }
    }
    mend_some_day(world);
    world.tally.count(Event::Cut);
}

/// Two sides that hear nothing of each other.
fn split(world: &Arc<World>) {
    let (here, there): (Vec<_>, Vec<_>) = world.machines().into_iter().partition(|_| world.chances(500));
    for (one, other) in here.iter().flat_map(|one| there.iter().map(move |other| (one, other))) {
        world.network.cut(one.member, other.member);
        world.network.cut(other.member, one.member);
    }
    mend_some_day(world);
    world.tally.count(Event::Cut);
}

/// A cut lasts long enough for an election, or not, or until something else heals it.
fn mend_some_day(world: &Arc<World>) {
    if world.chances(700) {
        let outside = world.clone();
        let _detached = world.spawn(async move {
            outside.linger(4000).await;
            outside.network.heal();
        });
    }
}

fn change_weather(world: &World) {
    world.network.set_weather(Weather {
        delay_us: 100..world.pick(&[200, 2_000, 2_000, 50_000]),
        lost: world.pick(&[0, 0, 10, 50]),
        broken: world.pick(&[0, 0, 20, 200]),
        doubled: world.doubled,
    });
    *world.lines.lock() =
        LineWeather { delay_us: world.pick(&[500, 5_000, 100_000]), broken: world.pick(&[0, 0, 20, 100]) };
}

pub(crate) fn clear_up(world: &World) {
    world.network.set_weather(Weather { doubled: world.doubled, ..Weather::default() });
    *world.lines.lock() = LineWeather::default();
}

/// The log's disk does nothing for a while, up to where a leader is given up.
fn hang_disk(world: &Arc<World>, machine: &Machine) {
    let Some(life) = machine.life() else { return };
    life.hang_disk(true);
    world.tally.count(Event::HungDisk);
    let outside = world.clone();
    let _detached = world.spawn(async move {
        outside.linger(2500).await;
        life.hang_disk(false);
    });
}

/// The process does nothing for a while, long enough for others to be elected and for leases to end.
fn stop(world: &Arc<World>, machine: &Machine) {
    let Some(life) = machine.life() else { return };
    let member = machine.member;
    life.stop(true);
    world.network.stop(member, true);
    world.tally.count(Event::Pause);
    let outside = world.clone();
    let _detached = world.spawn(async move {
        outside.pause(Duration::from_millis(100)).await;
        outside.linger(4000).await;
        life.stop(false);
        outside.network.stop(member, false);
    });
}
