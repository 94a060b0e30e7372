//! What a run was, to see that it was worth it.

use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Event {
    /// A call was answered.
    Acknowledged,
    /// A call was refused.
    Refused,
    /// Nobody knows what became of a call.
    Unknown,
    /// A process died.
    Crash,
    /// A process died while its log's disk was at work.
    TornCrash,
    /// A process was stopped for a while.
    Pause,
    /// A connection between members was cut, in one direction or more.
    Cut,
    /// A disk hung for a while.
    HungDisk,
    /// The members changed.
    MembershipChange,
    /// Leadership was handed over.
    Transfer,
    /// A term got a leader that somebody saw.
    Term,
    /// A member took over a whole state.
    WholeState,
    /// A watch was told an event.
    WatchEvent,
    /// A watch was taken up again, at any member.
    WatchResumed,
    /// A watch was cancelled for a compaction.
    WatchCompacted,
    /// A lease was granted.
    LeaseGranted,
    /// A lease was kept alive.
    LeaseRenewed,
    /// A lease ended because its time had passed.
    LeaseExpired,
    /// The history was compacted.
    Compaction,
    /// A member told the hash of its keys.
    Hash,
    /// Two members were seen with the same state after the same entry.
    EqualState,
    /// A revision was made.
    Revision,
}

/// All of them, with what they are called.
const EVENTS: [(Event, &str); 22] = [
    (Event::Acknowledged, "calls acknowledged"),
    (Event::Refused, "refused"),
    (Event::Unknown, "unknown"),
    (Event::Crash, "crashes"),
    (Event::TornCrash, "of them in mid-write"),
    (Event::Pause, "stopped processes"),
    (Event::Cut, "cuts"),
    (Event::HungDisk, "hung disks"),
    (Event::MembershipChange, "membership changes"),
    (Event::Transfer, "leader transfers"),
    (Event::Term, "terms with a leader"),
    (Event::WholeState, "whole states taken over"),
    (Event::WatchEvent, "watch events"),
    (Event::WatchResumed, "watches taken up again"),
    (Event::WatchCompacted, "watches cut by a compaction"),
    (Event::LeaseGranted, "leases granted"),
    (Event::LeaseRenewed, "keep-alives"),
    (Event::LeaseExpired, "leases expired"),
    (Event::Compaction, "compactions"),
    (Event::Hash, "hashes compared"),
    (Event::EqualState, "equal states seen"),
    (Event::Revision, "revisions"),
];

/// Counts of one run, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    all: [u64; EVENTS.len()],
}

/// The counts of a world that is alive. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    counts: Arc<Mutex<Counts>>,
}

impl Counts {
    /// How often it happened.
    #[must_use]
    pub fn of(&self, event: Event) -> u64 {
        self.all[event as usize]
    }

    /// Takes up the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.all.iter_mut().zip(other.all).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// What never happened.
    pub fn idle(&self) -> impl Iterator<Item = &'static str> {
        EVENTS.iter().filter(|(event, _)| self.of(*event) == 0).map(|(_, name)| *name)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (event, name)) in EVENTS.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(formatter, "{comma}{} {name}", self.of(*event))?;
        }
        Ok(())
    }
}

impl Tally {
    pub(crate) fn count(&self, event: Event) {
        self.add(event, 1);
    }

    pub(crate) fn add(&self, event: Event, times: usize) {
        self.counts.lock().all[event as usize] += times as u64;
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_own_place_and_name() {
        for (place, (event, _)) in EVENTS.iter().enumerate() {
            assert_eq!(*event as usize, place, "{event:?}");
        }
    }

    #[test]
    fn what_never_happened_is_idle() {
        let tally = Tally::default();
        EVENTS.iter().skip(1).for_each(|(event, _)| tally.count(*event));
        assert!(tally.counts().idle().eq(["calls acknowledged"]));
    }
}
