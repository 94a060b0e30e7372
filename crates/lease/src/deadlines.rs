//! The leader's clock on leases: who may still renew, and who is due.

use crate::{Effect, Lease, Table};
use quorate_types::LeaseId;
use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

/// Slack that a queue may have beside one place a lease: places are left behind by leases that are renewed or end early.
const SLACK: usize = 1024;
/// Leases shorter than this are not worth a checkpoint, as in etcd: for a new leader they begin again.
const CHECKPOINT_TTL_MIN: Duration = Duration::from_secs(300);

/// How a leader treats time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What everybody gets on top of a lease's time after a change of leader or a gap: an election time-out.
    pub grace: Duration,
    /// The longest time between two looks at the clock that is not a gap (law L5).
    pub gap_max: Duration,
    /// How often what is left of a long lease is written down for the next leader; never, if none.
    pub checkpoint_interval: Option<Duration>,
}

/// The deadlines of all leases, from the moment at which somebody began to lead.
#[derive(Debug)]
pub struct Deadlines {
    settings: Settings,
    leases: HashMap<LeaseId, Running, foldhash::fast::FixedState>,
    /// A place for each lease that is renewable, not later than its deadline: it is looked at again then.
    queue: Queue,
    /// The same for checkpoints.
    checkpoints: Queue,
    /// Due, and nobody has begun to revoke them.
    due: VecDeque<LeaseId>,
    /// When somebody last looked.
    looked: Duration,
}

type Queue = BinaryHeap<Reverse<(Duration, LeaseId)>>;

/// What became of a wish to renew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It lives for so many seconds again.
    Renewed {
        /// Its whole time.
        ttl_seconds: i64,
        /// What a checkpoint says of it is no longer true, and should be taken back before anybody is told.
        is_checkpointed: bool,
    },
    /// It is due: it cannot be renewed, and will be gone soon (law L6).
    Due,
    /// No such lease is known here.
    Unknown,
}

/// How much of a lease was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which lease.
    pub id: LeaseId,
    /// What is left, in whole seconds.
    pub remaining_seconds: i64,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    ttl: Duration,
    /// What the table says is left of it, if that was ever written down.
    checkpointed: Option<Duration>,
    deadline: Duration,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Renewable,
    Due,
    /// Its revocation may be agreed on by now.
    BeingRevoked,
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0))
}

impl Running {
    fn of(lease: &Lease, now: Duration, grace: Duration) -> Self {
        let checkpointed = lease.remaining_seconds.map(seconds);
        let mut running = Self {
            ttl: seconds(lease.ttl_seconds),
            checkpointed,
            deadline: Duration::ZERO,
            stage: Stage::Renewable,
        };
        running.extend(now, grace);
        running
    }

    /// Law L5.
    fn extend(&mut self, now: Duration, grace: Duration) {
        self.stage = Stage::Renewable;
        self.deadline = now.saturating_add(grace).saturating_add(self.checkpointed.unwrap_or(self.ttl));
    }
}

impl Deadlines {
    /// The deadlines for somebody who begins to lead now: each lease gets its time, or what a checkpoint says is left of
    /// it, and the grace.
    ///
    /// Cost: a visit to each lease, 60 bytes or so for each.
    #[must_use]
    pub fn begin(table: &Table, now: Duration, settings: Settings) -> Self {
        let lease = |(id, lease)| (id, Running::of(lease, now, settings.grace));
        let leases = table.iter().map(lease).collect();
        let mut begun = Self {
            settings,
            leases,
            queue: Queue::new(),
            checkpoints: Queue::new(),
            due: VecDeque::new(),
            looked: now,
        };
        begun.queue_anew(now);
        begun
    }

    /// Takes up a table that has replaced the one that was followed so far. Each lease gets its time and the grace anew, since
    /// when it was renewed on the way is not known; none ends sooner than it would have.
    ///
    /// Cost: as [`Deadlines::begin`].
    pub fn follow(&mut self, table: &Table, now: Duration) {
        let mut begun = Self::begin(table, now, self.settings);
        for (id, running) in &mut begun.leases {
            let known = self.leases.get(id).map(|known| known.deadline);
            running.deadline = running.deadline.max(known.unwrap_or_default());
        }
        *self = begun;
    }

    /// How many leases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Takes up a change of the table (law L4). One that is known already is passed over.
    pub fn note(&mut self, effect: Effect, now: Duration) {
        match effect {
            Effect::Granted { id, ttl_seconds } => {
                let Entry::Vacant(vacant) = self.leases.entry(id) else { return };
                let running = Running::of(&Lease::of(ttl_seconds), now, Duration::ZERO);
                vacant.insert(running);
                self.queue.push(Reverse((running.deadline, id)));
                self.plan_checkpoint(id, running.ttl, now);
            }
            Effect::Ended(id) => {
                self.leases.remove(&id);
            }
        }
        self.tidy(now);
    }

    /// Gives a lease its whole time again, if it may still be renewed.
    ///
    /// Cost: constant, but for a gap that nobody has noticed yet.
    pub fn renew(&mut self, id: LeaseId, now: Duration) -> Renewal {
        self.look(now);
        let Some(running) = self.leases.get_mut(&id) else { return Renewal::Unknown };
        match running.stage {
            Stage::Due | Stage::BeingRevoked => return Renewal::Due,
            Stage::Renewable if running.deadline <= now => {
                running.stage = Stage::Due; // L6
                self.due.push_back(id);
                return Renewal::Due;
            }
            Stage::Renewable => {}
        }
        // Never earlier than it was: its place in the queue may be of then, and nobody loses the grace by renewing.
        running.deadline = running.deadline.max(now.saturating_add(running.ttl));
        let is_checkpointed = running.checkpointed.take().is_some();
        let ttl_seconds = i64::try_from(running.ttl.as_secs()).unwrap_or(i64::MAX);
        Renewal::Renewed { ttl_seconds, is_checkpointed }
    }

    /// What is left of a lease; nothing once it is due. None if it is not known.
    #[must_use]
    pub fn remaining(&self, id: LeaseId, now: Duration) -> Option<Duration> {
        self.leases.get(&id).map(|running| running.deadline.saturating_sub(now))
    }

    /// Up to `max` leases that are due and whose revocation nobody has begun; whoever asks has it agreed on now, and then
    /// [forgets](Deadlines::forget) them, or [gives them back](Deadlines::give_back).
    pub fn due(&mut self, now: Duration, max: usize) -> Vec<LeaseId> {
        self.look(now);
        while let Some(&Reverse((at, id))) = self.queue.peek()
            && at <= now
        {
            self.queue.pop();
            let Some(running) = self.leases.get_mut(&id) else { continue };
            match running.stage {
                Stage::Renewable if running.deadline <= now => {
                    running.stage = Stage::Due; // L6
                    self.due.push_back(id);
                }
                Stage::Renewable => self.queue.push(Reverse((running.deadline, id))),
                Stage::Due | Stage::BeingRevoked => {}
            }
        }
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some(id) = self.due.pop_front()
        {
            // One that ended, or was granted anew, meanwhile is not due.
            if let Some(running) = self.leases.get_mut(&id)
                && running.stage == Stage::Due
            {
                running.stage = Stage::BeingRevoked;
                taken.push(id);
            }
        }
        taken
    }

    /// These have ended, or never were.
    pub fn forget(&mut self, ids: &[LeaseId]) {
        for id in ids {
            self.leases.remove(id);
        }
    }

    /// The revocation of these did not come about, as far as is known: they stay due (law L6).
    pub fn give_back(&mut self, ids: &[LeaseId]) {
        for id in ids {
            // One that was granted anew, or extended, meanwhile is not due.
            if let Some(running) = self.leases.get_mut(id)
                && running.stage == Stage::BeingRevoked
            {
                running.stage = Stage::Due;
                self.due.push_back(*id);
            }
        }
    }

    /// Up to `max` long leases of which it is time to write down how much is left.
    pub fn checkpoints(&mut self, now: Duration, max: usize) -> Vec<Checkpoint> {
        let mut due = Vec::new();
        while due.len() < max
            && let Some(&Reverse((at, id))) = self.checkpoints.peek()
            && at <= now
        {
            self.checkpoints.pop();
            let Some(running) = self.leases.get_mut(&id) else { continue };
            let left = running.deadline.saturating_sub(now);
            if running.stage == Stage::Renewable && !left.is_zero() {
                let remaining_seconds = i64::try_from(left.min(running.ttl).as_secs()).unwrap_or(i64::MAX);
                if Duration::from_secs(left.as_secs()) < running.ttl {
                    running.checkpointed = Some(left);
                    due.push(Checkpoint { id, remaining_seconds });
                }
                let ttl = running.ttl;
                self.plan_checkpoint(id, ttl, now);
            }
        }
        due
    }

    /// Somebody looks at the clock; after a gap everybody gets time to renew in (law L5), but for those whose revocation may
    /// be agreed on by now. Cost: constant; after a gap, a visit to each lease.
    pub fn look(&mut self, now: Duration) -> bool {
        let is_gap = now.saturating_sub(self.looked) > self.settings.gap_max;
        self.looked = self.looked.max(now);
        if is_gap {
            for running in self.leases.values_mut() {
                if running.stage != Stage::BeingRevoked {
                    running.extend(now, self.settings.grace);
                }
            }
            self.due.clear();
            self.queue_anew(now);
        }
        is_gap
    }

    fn plan_checkpoint(&mut self, id: LeaseId, ttl: Duration, now: Duration) {
        if let Some(interval) = self.settings.checkpoint_interval
            && ttl > CHECKPOINT_TTL_MIN
        {
            self.checkpoints.push(Reverse((now.saturating_add(interval), id)));
        }
    }

    /// Keeps the queues in proportion to the leases.
    fn tidy(&mut self, now: Duration) {
        let places_max = 2 * self.leases.len() + SLACK;
        if self.queue.len() > places_max || self.checkpoints.len() > places_max {
            self.queue_anew(now);
        }
    }

    fn queue_anew(&mut self, now: Duration) {
        let renewable = self.leases.iter().filter(|(_, running)| running.stage == Stage::Renewable);
        self.queue = renewable.map(|(id, running)| Reverse((running.deadline, *id))).collect();
        let Some(interval) = self.settings.checkpoint_interval else { return };
        let at = now.saturating_add(interval);
        let long = self.leases.iter().filter(|(_, running)| running.ttl > CHECKPOINT_TTL_MIN);
        self.checkpoints = long.map(|(id, _)| Reverse((at, *id))).collect();
    }
}

#[cfg(test)]
mod tests;
