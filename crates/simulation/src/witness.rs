//! What must hold of the members themselves, whoever looks: beside what their clients are told.
//!
//! - One leader a term: whoever is seen to lead a term, by anybody, is the only one.
//! - What is committed never changes: after the entry of one index every member is in the same term and at the same revision,
//!   and what a revision changed is the same for everybody who applies it, each time.
//! - Equal state at equal applied index: a checksum of all that members have in common.

use crate::tally::{Event, Tally};
use parking_lot::Mutex;
use quorate_raft::Standing;
use quorate_state_machine::hash::Hashing;
use quorate_state_machine::{Effects, Published};
use quorate_types::{Changes, MemberId};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Every so many entries the state is looked at as a whole.
const LOOK_PERIOD: u64 = 16;

/// See the module.
pub(crate) struct Witness {
    tally: Tally,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    leaders: BTreeMap<u64, MemberId>,
    /// By applied index.
    moments: BTreeMap<u64, Moment>,
    /// What each revision changed, as a hash, and who told of it first.
    changes: BTreeMap<i64, (u64, MemberId)>,
    revision: i64,
}

/// A state as somebody showed it.
struct Moment {
    by: MemberId,
    term: u64,
    revision: i64,
    /// None until somebody looked.
    sum: Option<u32>,
}

impl Witness {
    pub(crate) fn new(tally: Tally) -> Self {
        Self { tally, seen: Mutex::default() }
    }

    /// A member says who leads.
    pub(crate) fn hear_of_leader(&self, by: MemberId, standing: &Standing) {
        let Some(leader) = standing.leader else { return };
        let mut seen = self.seen.lock();
        let is_new = !seen.leaders.contains_key(&standing.term);
        let known = *seen.leaders.entry(standing.term).or_insert(leader);
        assert_eq!(known, leader, "term {} has two leaders, says member {by}", standing.term);
        if is_new {
            self.tally.count(Event::Term);
        }
    }

    /// A member applied this.
    pub(crate) fn hear(&self, by: MemberId, effects: &Effects) {
        let mut seen = self.seen.lock();
        for Changes { revision, changes } in &effects.changes {
            let mut hasher = DefaultHasher::new();
            for change in changes {
                (&change.key, change.kind, &change.record).hash(&mut hasher);
            }
            let sum = hasher.finish();
            let (known, first) = *seen.changes.entry(revision.0).or_insert((sum, by));
            assert_eq!(
                known, sum,
                "revision {revision} changed one thing on member {first}, another on {by}"
            );
        }
        if effects.replaced.is_some() {
            self.tally.count(Event::WholeState);
        }
    }

    /// A member shows this state, which anybody could read there.
    pub(crate) fn see(&self, by: MemberId, state: &Published) {
        let Some(applied) = state.applied() else { return };
        let sum = applied.index.is_multiple_of(LOOK_PERIOD).then(|| sum(state));
        self.note(by, state, sum);
    }

    /// As [`Witness::see`], and looks at all of it.
    pub(crate) fn look(&self, by: MemberId, state: &Published) {
        self.note(by, state, Some(sum(state)));
    }

    fn note(&self, by: MemberId, state: &Published, sum: Option<u32>) {
        let Some(applied) = state.applied() else { return };
        let revision = state.revision().0;
        let mut seen = self.seen.lock();
        if revision > seen.revision {
            self.tally.add(Event::Revision, usize::try_from(revision - seen.revision).unwrap_or(0));
            seen.revision = revision;
        }
        let fresh = Moment { by, term: applied.term, revision, sum };
        let known = seen.moments.entry(applied.index).or_insert(fresh);
        let index = applied.index;
        assert_eq!(known.term, applied.term, "entry {index} on member {} and on {by}: the term", known.by);
        assert_eq!(known.revision, revision, "after entry {index} on member {} and on {by}", known.by);
        let Some(sum) = sum else { return };
        let first = *known.sum.get_or_insert(sum);
        assert_eq!(first, sum, "the state after entry {index} on member {} and on {by}", known.by);
        if known.by != by {
            self.tally.count(Event::EqualState);
        }
    }
}

fn sum(state: &Published) -> u32 {
    let mut hashing = Hashing::default();
    while hashing.step(state).expect("an engine in memory can be read") {}
    hashing.sum()
}
