//! A recording, sorted: calls with their ends, watches with what they were told, leases with their answers.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::operation::{Answer, LeaseId, Operation, Revision};
use crate::recording::{Ask, Entry, Id, MemberHash, Outcome, Range, Recording, Time, Told};

/// One call of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name in the recording.
    pub id: Id,
    /// Who made it.
    pub client: u32,
    /// When.
    pub invoked: Time,
    /// What it asked.
    pub operation: Operation,
    /// When and how it ended; a call that never did is unknown.
    pub completed: Option<(Time, Outcome)>,
}

/// One watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Its name in the recording.
    pub id: Id,
    /// Whose changes it wants.
    pub range: Range,
    /// The first revision it wants; without one, what follows its first `Created`.
    pub start: Option<Revision>,
    /// What it was told: when, with which `header.revision`, and what.
    pub told: Vec<(Time, Revision, Told)>,
}

/// A request about a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseCall {
    /// The lease.
    pub lease: LeaseId,
    /// What was asked.
    pub what: Ask,
    /// When.
    pub sent: Time,
    /// When it was answered, and the TTL in seconds.
    pub answered: Option<(Time, i64)>,
}

/// Everything that was recorded of one cluster, from its first write on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// In the order in which they were made.
    pub calls: Vec<Call>,
    /// In the order in which they began.
    pub watches: Vec<Watch>,
    /// In the order in which they were made.
    pub leases: Vec<LeaseCall>,
    /// As they came.
    pub hashes: Vec<MemberHash>,
}

/// A recording that no recorder can have made. The recorder is wrong, not the cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// An entry is about something that has not begun.
    #[error("entry {entry}: nothing has begun under the id {id}", id = id.0)]
    Stray {
        /// The entry, from 0.
        entry: usize,
        /// The unknown id.
        id: Id,
    },
    /// Something begins or ends twice.
    #[error("entry {entry}: {id} begins or ends twice", id = id.0)]
    Twice {
        /// The entry, from 0.
        entry: usize,
        /// The id.
        id: Id,
    },
    /// The time of an entry is not after that of the entry before it.
    #[error("entry {entry}: its time is not after that of the entry before")]
    Order {
        /// The entry, from 0.
        entry: usize,
    },
    /// A lease was granted twice; the laws need ids that are used once.
    #[error("entry {entry}: lease {lease} was asked for before; ids of leases must be fresh")]
    LeaseAgain {
        /// The entry, from 0.
        entry: usize,
        /// The lease.
        lease: LeaseId,
    },
}

impl Call {
    /// The answer, if it was done.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match &self.completed {
            Some((_, Outcome::Done(answer))) => Some(answer),
            _ => None,
        }
    }

    /// Whether it may have been done, or not.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(&self.completed, None | Some((_, Outcome::Unknown(_))))
    }
}

impl TryFrom<&Recording> for History {
    type Error = Malformed;

    fn try_from(recording: &Recording) -> Result<History, Malformed> {
        let mut sorter = Sorter::default();
        for (at, entry) in recording.entries().iter().enumerate() {
            sorter.take(at, entry)?;
        }
        Ok(sorter.history)
    }
}

/// What an id names; each kind has its own ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Call,
    Watch,
    Ask,
}

#[derive(Default)]
struct Sorter {
    history: History,
    places: HashMap<(Kind, Id), usize>,
    granted: HashSet<LeaseId>,
    newest: Option<Time>,
}

impl Sorter {
    fn take(&mut self, at: usize, entry: &Entry) -> Result<(), Malformed> {
        self.pass(at, entry)?;
        match entry.clone() {
            Entry::Invoke { call, client, at: invoked, operation } => {
                self.begin(at, (Kind::Call, call), self.history.calls.len())?;
                self.history.calls.push(Call { id: call, client, invoked, operation, completed: None });
            }
            Entry::Complete { call, at: when, outcome } => {
                let place = self.place(at, (Kind::Call, call))?;
                end(&mut self.history.calls[place].completed, (when, outcome))
                    .ok_or(Malformed::Twice { entry: at, id: call })?;
            }
            Entry::Watch { watch, range, start, .. } => {
                self.begin(at, (Kind::Watch, watch), self.history.watches.len())?;
                self.history.watches.push(Watch { id: watch, range, start, told: Vec::new() });
            }
            Entry::Tell { watch, at: when, header, told } => {
                let place = self.place(at, (Kind::Watch, watch))?;
                self.history.watches[place].told.push((when, header, told));
            }
            Entry::Ask { ask, at: sent, lease, what } => {
                if matches!(what, Ask::Grant { .. }) && !self.granted.insert(lease) {
                    return Err(Malformed::LeaseAgain { entry: at, lease });
                }
                self.begin(at, (Kind::Ask, ask), self.history.leases.len())?;
                self.history.leases.push(LeaseCall { lease, what, sent, answered: None });
            }
            Entry::Ttl { ask, at: when, ttl } => {
                let place = self.place(at, (Kind::Ask, ask))?;
                end(&mut self.history.leases[place].answered, (when, ttl))
                    .ok_or(Malformed::Twice { entry: at, id: ask })?;
            }
            Entry::Hash(hash) => self.history.hashes.push(hash),
        }
        Ok(())
    }

    fn pass(&mut self, at: usize, entry: &Entry) -> Result<(), Malformed> {
        let Some(time) = time(entry) else { return Ok(()) };
        let follows = |before: Time| before.order < time.order && before.ms <= time.ms;
        if !self.newest.is_none_or(follows) {
            return Err(Malformed::Order { entry: at });
        }
        self.newest = Some(time);
        Ok(())
    }

    fn begin(&mut self, at: usize, name: (Kind, Id), place: usize) -> Result<(), Malformed> {
        match self.places.insert(name, place) {
            None => Ok(()),
            Some(_) => Err(Malformed::Twice { entry: at, id: name.1 }),
        }
    }

    fn place(&self, at: usize, name: (Kind, Id)) -> Result<usize, Malformed> {
        self.places.get(&name).copied().ok_or(Malformed::Stray { entry: at, id: name.1 })
    }
}

fn end<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(value);
    Some(())
}

fn time(entry: &Entry) -> Option<Time> {
    match entry {
        Entry::Invoke { at, .. }
        | Entry::Complete { at, .. }
        | Entry::Watch { at, .. }
        | Entry::Tell { at, .. }
        | Entry::Ask { at, .. }
        | Entry::Ttl { at, .. } => Some(*at),
        Entry::Hash(_) => None,
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { id, client, invoked, operation, completed } = self;
        write!(formatter, "call {} of client {client}, {}..", id.0, invoked.order)?;
        match completed {
            None => write!(formatter, ": {operation} -> unknown"),
            Some((at, Outcome::Unknown(why))) => {
                write!(formatter, "{}: {operation} -> unknown ({why})", at.order)
            }
            Some((at, Outcome::Refused(why))) => {
                write!(formatter, "{}: {operation} -> refused ({why})", at.order)
            }
            Some((at, Outcome::Done(answer))) => {
                write!(formatter, "{}: {operation} -> {answer}", at.order)
            }
        }
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { key, range_end } = &self.range;
        write!(formatter, "watch {} of [{key:?}, {range_end:?})", self.id.0)
    }
}

#[cfg(test)]
mod tests;
