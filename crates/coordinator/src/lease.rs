//! The lease clock: while this member leads, it knows when each lease ends, and has those that are due revoked.
//!
//! Three meet here. The apply thread tells of leases that began and ended ([`LeaseClock::note`]); calls renew and ask; the
//! [`Keeper`] looks at the time, begins and ends a reign with this member's leadership, and proposes the revocations.
//! The laws are those of `quorate-lease`; what is added here is whose word counts:
//!
//! - A reign begins once an entry of its term has been applied here: then the table holds all that earlier leaders granted.
//! - A revocation is proposed only after a quorum has confirmed this leader since the lease fell due, and names the term.
//! - A renewal is told only after a quorum has confirmed this leader since it was asked for.

mod keeper;

use parking_lot::{Mutex, MutexGuard};
use quorate_lease::{Checkpoint, Deadlines, Effect, Renewal, Settings};
use quorate_state_machine::Reader;
use quorate_tasks::Clock;
use quorate_tasks::watch;
use quorate_types::LeaseId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) use keeper::Keeper;

/// The lease clock of one member. Clones are the same clock.
#[derive(Clone)]
pub struct LeaseClock {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    settings: Settings,
    reader: Reader,
    /// The term in which this member keeps the time, if it does.
    term: watch::Sender<Option<u64>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    deadlines: Option<Deadlines>,
    /// Who waits for the end of a lease that is due.
    waiting: HashMap<LeaseId, Vec<oneshot::Sender<()>>, foldhash::fast::FixedState>,
}

/// What a wish to renew came to.
#[derive(Debug)]
pub(crate) enum Kept {
    /// It lives for so many seconds again.
    Renewed {
        /// Its whole time.
        ttl_seconds: i64,
        /// What a checkpoint says of it has to be taken back.
        is_checkpointed: bool,
    },
    /// No such lease lives.
    Gone,
    /// It is about to end; this tells when it has.
    Ending(oneshot::Receiver<()>),
    /// This member does not keep the time now.
    Resting,
}

/// The longest time between two looks at the clock that is not a gap.
fn gap_max(election_timeout: Duration) -> Duration {
    election_timeout + keeper::tick(election_timeout)
}

impl LeaseClock {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        reader: Reader,
        election_timeout: Duration,
        checkpoint_interval: Option<Duration>,
    ) -> Self {
        let gap_max = gap_max(election_timeout);
        let settings = Settings { grace: election_timeout, gap_max, checkpoint_interval };
        let term = watch::Sender::new(None);
        Self { shared: Arc::new(Shared { clock, settings, reader, term, state: Mutex::default() }) }
    }

    /// Tells of changes that have been published, in order. Called on the apply thread; cost: constant for each.
    pub fn note(&self, effects: &[Effect]) {
        if effects.is_empty() {
            return;
        }
        let now = self.now();
        let mut state = self.state();
        for effect in effects {
            state.note(*effect, now);
        }
    }

    /// Tells that the whole state was replaced by one that has been published: what is known of leases is taken from there.
    /// Those who wait for the end of one are told to ask again. Called on the apply thread; cost: a visit to each lease, if
    /// this member keeps the time.
    pub fn follow(&self) {
        let now = self.now();
        let mut state = self.state();
        if let Some(deadlines) = &mut state.deadlines {
            deadlines.follow(self.shared.reader.newest().leases(), now);
            state.waiting.clear();
        }
    }

    /// The term in which this member keeps the time; none while it does not.
    pub(crate) fn term(&self) -> watch::Receiver<Option<u64>> {
        self.shared.term.subscribe()
    }

    /// Renews it on the clock that this member keeps as the leader of `term`; another reign's clock says nothing about it.
    pub(crate) fn renew(&self, id: LeaseId, term: u64) -> Kept {
        let now = self.now();
        let mut state = self.state();
        if *self.shared.term.borrow() != Some(term) {
            return Kept::Resting;
        }
        let Some(deadlines) = &mut state.deadlines else { return Kept::Resting };
        match deadlines.renew(id, now) {
            Renewal::Renewed { ttl_seconds, is_checkpointed } => {
                Kept::Renewed { ttl_seconds, is_checkpointed }
            }
            Renewal::Due => {
                let (ended, is_ended) = oneshot::channel();
                state.waiting.entry(id).or_default().push(ended);
                Kept::Ending(is_ended)
            }
            // It was granted, but nobody has told of it yet.
            Renewal::Unknown => match self.shared.reader.newest().leases().get(id) {
                None => Kept::Gone,
                Some(lease) => {
                    let ttl_seconds = lease.ttl_seconds;
                    deadlines.note(Effect::Granted { id, ttl_seconds }, now);
                    Kept::Renewed { ttl_seconds, is_checkpointed: false }
                }
            },
        }
    }

    /// What is left of a lease, if this member keeps the time and knows of it.
    pub(crate) fn remaining(&self, id: LeaseId) -> Option<Duration> {
        let now = self.now();
        self.state().deadlines.as_ref()?.remaining(id, now)
    }

    /// Begins to keep the time in `term`, unless that was done before.
    ///
    /// Cost: a visit to each lease, during which the apply thread waits if it has to tell of one.
    fn begin(&self, term: u64) {
        if *self.shared.term.borrow() == Some(term) {
            return;
        }
        let now = self.now();
        let mut state = self.state();
        // Taken while nobody can tell of anything: what is not in it yet will be told of afterwards (law L4).
        let published = self.shared.reader.newest();
        let deadlines = Deadlines::begin(published.leases(), now, self.shared.settings);
        tracing::info!(term, leases = deadlines.len(), "this member keeps the time of the leases");
        *state = State { deadlines: Some(deadlines), ..State::default() };
        drop(state);
        self.shared.term.send_replace(Some(term));
    }

    /// Keeps the time no longer. Those who wait are told, and ask again.
    fn rest(&self) {
        if self.shared.term.send_replace(None).is_some() {
            *self.state() = State::default();
        }
    }

    /// See [`Deadlines::look`].
    fn look(&self) {
        let now = self.now();
        if let Some(deadlines) = &mut self.state().deadlines
            && deadlines.look(now)
        {
            tracing::warn!("time passed unseen, so all leases are extended: was this process stopped?");
        }
    }

    fn due(&self, max: usize) -> Vec<LeaseId> {
        let now = self.now();
        self.state().deadlines.as_mut().map(|deadlines| deadlines.due(now, max)).unwrap_or_default()
    }

    fn checkpoints(&self, max: usize) -> Vec<Checkpoint> {
        let now = self.now();
        self.state().deadlines.as_mut().map(|deadlines| deadlines.checkpoints(now, max)).unwrap_or_default()
    }

    /// These were to be revoked, by a command that has been applied here. Whether all of them have ended: in another term it did
    /// nothing, and those that live are due as before.
    fn revoked(&self, ids: &[LeaseId]) -> bool {
        let now = self.now();
        let published = self.shared.reader.newest();
        let lives = |id: &LeaseId| published.leases().get(*id).is_some();
        let (living, gone): (Vec<LeaseId>, Vec<LeaseId>) = ids.iter().partition(|id| lives(id));
        let mut state = self.state();
        gone.iter().for_each(|id| state.note(Effect::Ended(*id), now));
        if let Some(deadlines) = &mut state.deadlines {
            deadlines.give_back(&living);
        }
        living.is_empty()
    }

    fn give_back(&self, ids: &[LeaseId]) {
        if let Some(deadlines) = &mut self.state().deadlines {
            deadlines.give_back(ids);
        }
    }

    fn now(&self) -> Duration {
        self.shared.clock.now().0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }
}

impl State {
    fn note(&mut self, effect: Effect, now: Duration) {
        let Some(deadlines) = &mut self.deadlines else { return };
        deadlines.note(effect, now);
        if let Effect::Ended(id) = effect {
            for waiting in self.waiting.remove(&id).into_iter().flatten() {
                let _ = waiting.send(()); // whoever waited may have gone
            }
        }
    }
}
