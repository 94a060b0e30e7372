//! Clients that hold leases: they are granted some, hang keys on them, keep them alive, and give them back or forget them.

use crate::clients::KEYS;
use crate::machine::Machine;
use crate::tally::Event;
use crate::world::World;
use quorate_coordinator::Granted;
use quorate_tasks::Moment;
use quorate_testkit::{Ask, LeaseId, Operation, Step};
use std::sync::Arc;
use std::time::Duration;

/// Keys that nobody else writes.
const OWN_KEYS: [&str; 3] = ["l1", "l2", "l3"];
/// Leases of one client, at most.
const LEASES_MAX: i64 = 1000;

/// One client.
pub(crate) struct Tenant {
    pub(crate) world: Arc<World>,
    pub(crate) number: u32,
}

impl World {
    /// Asks for a lease; whether it was granted.
    pub(crate) async fn grant(&self, machine: &Machine, lease: LeaseId, ttl: i64) -> bool {
        let ask = self.notes.ask(lease, Ask::Grant { ttl });
        let granted = self.call(machine, self.patience(), move |door, call| async move {
            door.lease_grant(&call, quorate_types::LeaseId(lease.0), ttl).await
        });
        let Ok(Ok((_, Granted { ttl_seconds, .. }))) = granted.await else { return false };
        self.notes.ttl(ask, ttl_seconds);
        self.tally.count(Event::LeaseGranted);
        true
    }

    /// Wants a lease to live on; the time that it has, 0 if it does not live.
    pub(crate) async fn keep_alive(&self, machine: &Machine, lease: LeaseId) -> Option<i64> {
        let ask = self.notes.ask(lease, Ask::KeepAlive);
        let renewed = self.call(machine, self.patience(), move |door, call| async move {
            door.lease_keep_alive(&call, quorate_types::LeaseId(lease.0)).await
        });
        let Ok(Ok((_, ttl_seconds))) = renewed.await else { return None };
        self.notes.ttl(ask, ttl_seconds);
        self.tally.add(Event::LeaseRenewed, usize::from(ttl_seconds > 0));
        Some(ttl_seconds)
    }
}

impl Tenant {
    pub(crate) async fn run(self, until: Moment) {
        let first = i64::from(self.number) * LEASES_MAX;
        let mut leases = (first..first + LEASES_MAX).map(LeaseId);
        while self.world.clock.now() < until {
            let Some(lease) = leases.next() else { return };
            self.hold(lease, until).await;
            self.world.linger(500).await;
        }
    }

    async fn hold(&self, lease: LeaseId, until: Moment) {
        let world = &self.world;
        let ttl = 2 + world.below(3) as i64;
        if !world.grant(&world.any(), lease, ttl).await {
            return;
        }
        let own = self.put(world.pick(&OWN_KEYS), lease).await;
        if world.chances(400) {
            self.put(world.pick(&KEYS), lease).await;
        }
        for _ in 0..world.below(8) {
            if world.clock.now() >= until {
                return;
            }
            world.pause(Duration::from_millis(300)).await;
            world.linger(ttl.unsigned_abs() as usize * 400).await;
            if world.keep_alive(&world.any(), lease).await == Some(0) {
                return;
            }
        }
        match world.below(3) {
            0 => self.ask(Operation::Revoke { lease }).await,
            1 => self.ask(Operation::range(own)).await,
            _ => {}
        }
    }

    async fn put<'k>(&self, key: &'k str, lease: LeaseId) -> &'k str {
        let value = format!("{}:{}", self.number, lease);
        self.ask(Operation::Step(Step::Put { key: key.into(), value, lease, prev_kv: false })).await;
        key
    }

    async fn ask(&self, operation: Operation) {
        let world = &self.world;
        drop(world.perform(self.number, &world.any(), world.patience(), operation).await);
    }
}
