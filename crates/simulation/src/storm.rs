//! A run: clients at work while everything goes wrong, then peace, then the verdict.

use crate::clients::Client;
use crate::operator::Operator;
use crate::report::{Report, Run};
use crate::tenants::Tenant;
use crate::watchers::Watcher;
use crate::world::World;
use crate::{peace, trouble};
use futures::future::join_all;
use quorate_tasks::watch;
use quorate_testkit::Range;
use std::sync::Arc;
use std::time::Duration;

/// How long things go wrong.
const STORM: Duration = Duration::from_secs(15);
/// How long watches may take to tell the last revision once all is well.
const CATCH_UP: Duration = Duration::from_secs(60);
/// How often it is looked who leads, and whether anybody failed.
const LOOK_PERIOD: Duration = Duration::from_millis(20);
const CLIENTS: u32 = 4;
const TENANTS: u32 = 2;
const WATCHERS: usize = 3;

/// One run. The same seed gives the same run, in every entry of its recording.
#[must_use]
pub fn storm(seed: u64) -> Report {
    run(seed, 0)
}

/// A run on a network that carries out one parcel of commands in five twice: a harness that sees nothing wrong is none.
#[must_use]
pub fn storm_with_doubled_forwards(seed: u64) -> Report {
    run(seed, 200)
}

fn run(seed: u64, doubled: usize) -> Report {
    let members = if seed.is_multiple_of(4) { 5 } else { 3 };
    Run { seed, members, doubled }.report(body)
}

async fn body(world: Arc<World>) {
    world.start_all().await;
    let until = world.clock.now() + STORM;
    let (goal, is_goal) = watch::channel(None);
    let mut working = vec![world.spawn(trouble::run(world.clone(), until))];
    working.extend((0..CLIENTS).map(|number| world.spawn(Client::new(world.clone(), number).run(until))));
    working.extend((0..TENANTS).map(|number| {
        let tenant = Tenant { world: world.clone(), number: CLIENTS + number };
        world.spawn(tenant.run(until))
    }));
    let watching: Vec<_> = (0..WATCHERS)
        .map(|number| world.spawn(Watcher::new(world.clone(), range(number), is_goal.clone()).run()))
        .collect();
    let _looking = world.spawn(look(world.clone()));
    let operator = Operator::new(world.clone()).run(until).await;
    join_all(working).await;
    let last = peace::make(&world, &operator).await;
    goal.send_replace(Some(last));
    let caught_up =
        quorate_tasks::timeout(world.clock.as_ref(), world.clock.now() + CATCH_UP, join_all(watching));
    assert!(caught_up.await.is_ok(), "no peace: a watch is not told everything up to revision {last}");
}

/// Whose changes a watcher wants: all, some, or those of one key.
fn range(number: usize) -> Range {
    let (key, range_end) = [("\0", "\0"), ("b", "e"), ("a", "")][number % 3];
    Range { key: key.into(), range_end: range_end.into() }
}

/// Sees to it that nobody failed, and who leads, as long as the world lives.
pub(crate) async fn look(world: Arc<World>) {
    loop {
        for machine in world.machines() {
            world.check_failure(&machine);
            if let Some(life) = machine.life() {
                world.witness.hear_of_leader(machine.member, &life.standing());
            }
        }
        world.pause(LOOK_PERIOD).await;
    }
}
