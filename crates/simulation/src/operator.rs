//! Who runs the cluster: adds and removes members, hands leadership over, forgets history, compares hashes.

use crate::machine::{self, Machine};
use crate::tally::Event;
use crate::world::World;
use quorate_coordinator::{Compaction, KeyHash, Member};
use quorate_tasks::Moment;
use quorate_testkit::{MemberHash, Revision};
use quorate_types::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long the operator rests between two acts, at most.
const REST_MS: usize = 900;
/// How long the operator waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// The members that there may be, beside those who found the cluster.
const ADDED_MAX: usize = 2;

pub(crate) struct Operator {
    world: Arc<World>,
    founders: usize,
    /// The number of the machine that is added next.
    next_machine: u64,
}

impl Operator {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let founders = world.machines().len();
        Self { world, founders, next_machine: founders as u64 + 1 }
    }

    pub(crate) async fn run(mut self, until: Moment) -> Self {
        while self.world.clock.now() < until {
            self.world.linger(REST_MS).await;
            match self.world.below(12) {
                0 | 1 => self.add().await,
                2 => self.promote().await,
                3 => self.remove().await,
                4 | 5 => self.transfer().await,
                6 | 7 => self.compact().await,
                _ => self.compare_hashes().await,
            }
        }
        self
    }

    /// The members as somebody lists them, after a round with a quorum.
    pub(crate) async fn members(&self) -> Option<Vec<Member>> {
        let listed =
            self.world.call_any(PATIENCE, |door, call| async move { door.members(&call, true).await });
        listed.await.ok()?.ok()
    }

    /// Gives every listed member a machine, and takes away those of members that are not listed. Whether nothing had to be
    /// done; nothing, if nobody said who the members are.
    pub(crate) async fn reconcile(&self) -> Option<bool> {
        let members = self.members().await?;
        let mut is_settled = true;
        for member in &members {
            let id = MemberId(member.id);
            if self.world.machine(id).is_none() {
                give_machine(&self.world, id).await;
                is_settled = false;
            }
        }
        for machine in self.world.machines() {
            if !members.iter().any(|member| member.id == machine.member.0) {
                self.world.take_away(&machine);
                is_settled = false;
            }
        }
        Some(is_settled)
    }

    async fn add(&mut self) {
        if self.world.machines().len() >= self.founders + ADDED_MAX {
            return;
        }
        let (url, is_learner) = (machine::peer_url(self.next_machine), self.world.chances(400));
        self.next_machine += 1;
        let added = self.world.call_any(PATIENCE, move |door, call| async move {
            door.member_add(&call, &[url], is_learner).await
        });
        self.count(added.await.is_ok_and(|added| added.is_ok()), Event::MembershipChange);
        // Whatever came of it, the list tells; at times only much later.
        if self.world.chances(700) {
            self.reconcile().await;
        }
    }

    async fn promote(&self) {
        let Some(learner) = self.pick_member(|member| member.is_learner).await else { return };
        let promoted = self
            .world
            .call_any(PATIENCE, move |door, call| async move { door.member_promote(&call, learner).await });
        self.count(promoted.await.is_ok_and(|promoted| promoted.is_ok()), Event::MembershipChange);
    }

    async fn remove(&self) {
        let Some(members) = self.members().await else { return };
        if members.iter().filter(|member| !member.is_learner).count() <= 3 && self.world.chances(700) {
            return;
        }
        let id = MemberId(self.world.pick(&members).id);
        let removed = self
            .world
            .call_any(PATIENCE, move |door, call| async move { door.member_remove(&call, id).await });
        self.count(removed.await.is_ok_and(|removed| removed.is_ok()), Event::MembershipChange);
        if self.world.chances(500) {
            self.reconcile().await;
        }
    }

    async fn pick_member(&self, wanted: impl Fn(&Member) -> bool) -> Option<MemberId> {
        let members: Vec<Member> = self.members().await?.into_iter().filter(wanted).collect();
        (!members.is_empty()).then(|| MemberId(self.world.pick(&members).id))
    }

    async fn transfer(&self) {
        let Some(leader) = self.world.leader() else { return };
        let Some(machine) = self.world.machine(leader.door.member()) else { return };
        let target = self.world.any().member;
        drop(leader);
        let moved = self.world.call(&machine, PATIENCE, move |door, call| async move {
            Ok(door.move_leader(&call, target).await)
        });
        let has_moved = matches!(moved.await, Ok(Ok(Ok(()))));
        self.count(has_moved && target != machine.member, Event::Transfer);
    }

    async fn compact(&self) {
        let newest = self.world.notes.newest();
        let revision = quorate_types::Revision(newest - self.world.below(40) as i64);
        let physical = self.world.chances(200);
        let compacted = self.world.call_any(PATIENCE, move |door, call| async move {
            door.compact(&call, Compaction { revision, physical }).await
        });
        self.count(compacted.await.is_ok_and(|compacted| compacted.is_ok()), Event::Compaction);
    }

    /// Asks some members for the hash of the same revision.
    async fn compare_hashes(&self) {
        let newest = self.world.notes.newest();
        let revision = quorate_types::Revision(newest - self.world.below(10) as i64);
        for machine in self.world.machines() {
            self.world.hash(&machine, revision).await;
        }
    }

    fn count(&self, has_happened: bool, event: Event) {
        self.world.tally.add(event, usize::from(has_happened));
    }
}

/// Starts a member that was added, on a machine with an empty disk.
pub(crate) async fn give_machine(world: &Arc<World>, member: MemberId) {
    world.add(Machine::new(member, BTreeMap::new(), world.draw()));
    if let Some(machine) = world.machine(member) {
        world.start(&machine).await;
    }
}

impl World {
    /// Writes down a member's hash of what happened up to `revision`, if it tells; whether it did.
    pub(crate) async fn hash(&self, machine: &Machine, revision: quorate_types::Revision) -> bool {
        let told = self.call(machine, PATIENCE, move |door, _| async move { door.key_hash(revision).await });
        let Ok(Ok(KeyHash { hash, through, compacted, .. })) = told.await else { return false };
        self.notes.hash(MemberHash {
            member: machine.member.to_string(),
            revision: Revision(through.0),
            compact_revision: Revision(compacted.0),
            hash,
        });
        self.tally.count(Event::Hash);
        true
    }
}
