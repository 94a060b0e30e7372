//! What is certain before any search: who wrote which revision, which revisions nobody claims, and who may have
//! written those.

use std::collections::HashMap;

use crate::facts::Facts;
use crate::history::History;
use crate::lease::Guarantees;
use crate::operation::{LeaseId, Operation, Revision};
use crate::past::{Past, Place, place};
use crate::recording::Time;

/// Who wrote a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// A call, as an index into the calls of the history.
    Call(usize),
    /// The servers, as the time of a lease was over.
    Expiry(LeaseId),
}

/// What is taken into account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// What watches were told is believed.
    pub(crate) watches: bool,
    /// Leases end no earlier than this says.
    pub(crate) leases: Option<&'a Guarantees>,
}

/// A revision that no acknowledged call wrote.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) revision: Revision,
    /// Who may have written it, the likeliest first.
    pub(crate) writers: Vec<Writer>,
}

#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) history: &'a History,
    pub(crate) facts: Facts<'a>,
    /// The newest revision that anybody saw.
    pub(crate) last: Revision,
    /// The acknowledged writes, as indices into the calls.
    pub(crate) writes: HashMap<Revision, usize>,
    /// What read at each revision, revokes included.
    pub(crate) reads: HashMap<Revision, Vec<usize>>,
    /// In order.
    pub(crate) gaps: Vec<Gap>,
}

impl<'a> Plan<'a> {
    /// Needs a history whose writes have a revision each.
    ///
    /// Cost: O(n log n), and O(g u) for g revisions that nobody claims and u unknown calls.
    pub(crate) fn new(history: &'a History, scope: Scope<'_>) -> Plan<'a> {
        let facts = Facts::new(history, scope.watches);
        let (writes, reads) = sort(history);
        let last = last(history, scope.watches);
        let mut plan = Plan { history, facts, last, writes, reads, gaps: Vec::new() };
        let writers = Writers::new(&plan, scope);
        for revision in (2..=last.0).map(Revision) {
            if !plan.writes.contains_key(&revision) {
                plan.gaps.push(Gap { revision, writers: writers.of(&plan, revision) });
            }
        }
        settle(&mut plan.gaps);
        plan
    }

    /// The gap at a revision, as an index.
    pub(crate) fn gap(&self, revision: Revision) -> Option<usize> {
        self.gaps.binary_search_by_key(&revision, |gap| gap.revision).ok()
    }

    /// What a writer asks of the key space.
    pub(crate) fn operation(&self, writer: Writer) -> Operation {
        match writer {
            Writer::Call(call) => self.history.calls[call].operation.clone(),
            Writer::Expiry(lease) => Operation::Revoke { lease },
        }
    }

    /// The keys on which a writer's effect can depend, or which it can change.
    pub(crate) fn keys(&self, writer: Writer) -> Vec<&str> {
        let lease = match writer {
            Writer::Expiry(lease) => lease,
            Writer::Call(call) => match &self.history.calls[call].operation {
                Operation::Revoke { lease } => *lease,
                other => {
                    let compared = other.compares().iter().map(|compare| compare.key.as_str());
                    return compared.chain(other.steps().map(|step| step.key())).collect();
                }
            },
        };
        self.facts.leased(lease).collect()
    }

    /// Whether some writer of a gap can change `key`.
    pub(crate) fn touches(&self, gap: usize, key: &str) -> bool {
        self.gaps[gap].writers.iter().any(|writer| self.keys(*writer).contains(&key))
    }
}

fn sort(history: &History) -> (HashMap<Revision, usize>, HashMap<Revision, Vec<usize>>) {
    let (mut writes, mut reads) = (HashMap::new(), HashMap::<Revision, Vec<usize>>::new());
    for call in 0..history.calls.len() {
        let Some(place) = place(history, call) else { continue };
        if place == Place::write(place.revision) {
            writes.insert(place.revision, call);
        } else {
            reads.entry(place.revision).or_default().push(call);
        }
    }
    (writes, reads)
}

fn last(history: &History, watches: bool) -> Revision {
    let answers = history.calls.iter().filter_map(|call| Some(call.answer()?.revision));
    let told = history.watches.iter().filter(|_| watches).flat_map(|watch| {
        let headers = watch.told.iter().map(|(_, header, _)| *header);
        headers.chain(watch.events().map(|event| event.revision))
    });
    answers.chain(told).max().unwrap_or(Revision(1))
}

/// Whoever alone can have written one revision wrote no other.
fn settle(gaps: &mut [Gap]) {
    let mut places: HashMap<Writer, Vec<usize>> = HashMap::new();
    for (at, gap) in gaps.iter().enumerate() {
        gap.writers.iter().for_each(|writer| places.entry(*writer).or_default().push(at));
    }
    let is_settled = |gap: &Gap| gap.writers.len() == 1;
    let mut settled: Vec<usize> = (0..gaps.len()).filter(|at| is_settled(&gaps[*at])).collect();
    while let Some(at) = settled.pop() {
        // It may have lost its last writer to another; then the search will say so.
        let Some(&writer) = gaps[at].writers.first() else { continue };
        for other in places.remove(&writer).into_iter().flatten().filter(|other| *other != at) {
            gaps[other].writers.retain(|candidate| *candidate != writer);
            if is_settled(&gaps[other]) {
                settled.push(other);
            }
        }
    }
}

/// Everybody who may have written something without a word about where.
struct Writers<'a> {
    past: Past,
    /// The latest first: who came shortly before a revision likelier wrote it.
    unknown: Vec<(Time, usize)>,
    /// Done, but whether there was a key to remove is not told.
    revokes: HashMap<Revision, Vec<usize>>,
    expiries: Vec<LeaseId>,
    guarantees: Option<&'a Guarantees>,
}

impl<'a> Writers<'a> {
    fn new(plan: &Plan<'_>, scope: Scope<'a>) -> Writers<'a> {
        let history = plan.history;
        let mut unknown = Vec::new();
        let mut revokes: HashMap<Revision, Vec<usize>> = HashMap::new();
        for (at, call) in history.calls.iter().enumerate() {
            if call.is_unknown() && call.operation.may_write() {
                unknown.push((call.invoked, at));
            } else if let (Operation::Revoke { .. }, Some(answer)) = (&call.operation, call.answer()) {
                revokes.entry(answer.revision).or_default().push(at);
            }
        }
        unknown.reverse();
        let expiries = plan.facts.leases();
        let past = Past::new(history, scope.watches);
        Writers { past, unknown, revokes, expiries, guarantees: scope.leases }
    }

    fn of(&self, plan: &Plan<'_>, revision: Revision) -> Vec<Writer> {
        let calls = &plan.history.calls;
        let revokes = self.revokes.get(&revision).into_iter().flatten();
        let revokes = revokes.map(|at| (calls[*at].invoked, *at));
        let called = revokes.chain(self.unknown.iter().copied());
        let called = called.filter(|(time, _)| self.past.allows(*time, revision));
        let called = called.filter(|(_, at)| plan.facts.allow(&calls[*at].operation, revision));
        let mut writers: Vec<Writer> = called.map(|(_, at)| Writer::Call(at)).collect();
        let may_end = |lease: &&LeaseId| {
            self.guarantees.is_none_or(|guarantees| guarantees.allow(**lease, revision))
                && plan.facts.allow(&Operation::Revoke { lease: **lease }, revision)
        };
        writers.extend(self.expiries.iter().filter(may_end).map(|lease| Writer::Expiry(*lease)));
        writers
    }
}
