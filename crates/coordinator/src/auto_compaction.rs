//! When history is forgotten without anybody asking, and how much of it.
//!
//! Plain data: it is told the time and the revision, and answers what to compact; [`run`] carries that out. As in etcd the
//! clock counts from the start of the process, and only a leader compacts.

use crate::call::{Call, Identity};
use crate::coordinator::{Compaction, Coordinator};
use crate::error::Error;
use quorate_mvcc as mvcc;
use quorate_state_machine::Refusal;
use quorate_tasks::Moment;
use quorate_types::Revision;
use std::collections::VecDeque;
use std::time::Duration;

/// How often by revisions.
const REVISIONS_PERIOD: Duration = Duration::from_secs(5 * 60);
/// By time at least so often, and samples of the revision ten times as often.
const COMPACTION_PERIOD_MAX: Duration = Duration::from_secs(60 * 60);
const SAMPLES: u32 = 10;

/// What of the history stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// That of the time since; not zero. etcd: `--auto-compaction-mode=periodic`.
    Period(Duration),
    /// So many revisions before the newest. etcd: `--auto-compaction-mode=revision`.
    Revisions(i64),
}

/// See the module.
#[derive(Debug)]
pub struct AutoCompaction {
    due: Moment,
    /// The last revision that was compacted here.
    last: Option<Revision>,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Period(Periodic),
    Revisions(i64),
}

#[derive(Debug)]
struct Periodic {
    period: Duration,
    /// How long to wait since `compacted`: the whole period before the first attempt.
    wait: Duration,
    compacted: Moment,
    /// The revisions of the last period, oldest first.
    samples: VecDeque<Revision>,
}

/// What a turn knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The time.
    pub now: Moment,
    /// The revision of the store.
    pub newest: Revision,
    /// Whether this member leads.
    pub leads: bool,
}

impl AutoCompaction {
    /// Keeps what `retention` says, from `now` on, with the store at revision `newest`.
    #[must_use]
    pub fn new(retention: Retention, now: Moment, newest: Revision) -> Self {
        let rule = match retention {
            Retention::Revisions(count) => Rule::Revisions(count),
            Retention::Period(period) => {
                let samples = VecDeque::from([newest]);
                Rule::Period(Periodic { period, wait: period, compacted: now, samples })
            }
        };
        Self { due: now + rule.interval(), last: None, rule }
    }

    /// When it wants its next turn.
    #[must_use]
    pub fn due(&self) -> Moment {
        self.due
    }

    /// What is to be compacted now, if anything is.
    pub fn turn(&mut self, seen: Seen) -> Option<Revision> {
        self.due = seen.now + self.rule.interval();
        let candidate = match &mut self.rule {
            Rule::Revisions(count) => {
                Some(Revision(seen.newest.0.saturating_sub(*count))).filter(|revision| revision.0 > 0)
            }
            Rule::Period(periodic) => periodic.turn(seen, self.last),
        };
        candidate.filter(|revision| seen.leads && Some(*revision) != self.last)
    }

    /// `revision` is compacted, by whomever.
    pub fn done(&mut self, now: Moment, revision: Revision) {
        self.last = Some(revision);
        if let Rule::Period(periodic) = &mut self.rule {
            periodic.compacted = now;
        }
    }
}

impl Rule {
    fn interval(&self) -> Duration {
        match self {
            Self::Revisions(_) => REVISIONS_PERIOD,
            Self::Period(periodic) => periodic.compaction_period() / SAMPLES,
        }
    }
}

impl Periodic {
    fn compaction_period(&self) -> Duration {
        self.period.min(COMPACTION_PERIOD_MAX)
    }

    /// The revision of a period ago, if it is time; the newest is kept as a sample.
    fn turn(&mut self, seen: Seen, last: Option<Revision>) -> Option<Revision> {
        let oldest = self.samples.front().copied();
        let is_time = seen.leads && seen.now.since(self.compacted) >= self.wait && oldest != last;
        if is_time {
            self.wait = self.compaction_period();
        }
        self.samples.push_back(seen.newest);
        if self.samples.len() as u128 > self.retained() {
            self.samples.pop_front();
        }
        oldest.filter(|_| is_time)
    }

    /// How many samples a period has, both ends included.
    fn retained(&self) -> u128 {
        let interval = (self.compaction_period() / SAMPLES).as_nanos().max(1);
        self.period.as_nanos() / interval + 1
    }
}

/// Compacts through `door` what `retention` does not keep, for ever. A compaction that fails is tried again at the next
/// turn; one that somebody else was ahead of counts as done.
pub async fn run(
    door: &Coordinator,
    retention: Retention,
    mut tell: impl FnMut(Revision, Result<(), &Error>),
) {
    let clock = door.clock().clone();
    let mut history = AutoCompaction::new(retention, clock.now(), door.status().revision);
    loop {
        clock.sleep_until(history.due()).await;
        let status = door.status();
        let leads = status.standing.leader == Some(door.member());
        let Some(revision) = history.turn(Seen { now: clock.now(), newest: status.revision, leads }) else {
            continue;
        };
        let deadline = clock.now() + door.limits().call_time_max;
        let call = Call { identity: Identity::Anonymous, deadline };
        match door.compact(&call, Compaction { revision, physical: false }).await {
            Ok(_) | Err(Error::Refused(Refusal::Mvcc(mvcc::Refusal::Compacted { .. }))) => {
                history.done(clock.now(), revision);
                tell(revision, Ok(()));
            }
            Err(error) => tell(revision, Err(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
