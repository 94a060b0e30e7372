//! The walk over all revisions in their order, each with its one writer.
//!
//! Acknowledged writes stand where their answers say. A revision that nobody claims is given to one unknown call
//! after the other. When an answer does not fit what has been placed, only the writer of a gap that could have
//! changed the keys in question is exchanged, the latest first (conflict-directed backjumping): gaps that have
//! nothing to do with it stay as they are, so a history with many lost answers costs no more than its own riddles.

use std::collections::{BTreeSet, HashMap};

use crate::facts::Contradiction;
use crate::model::{Effect, KeySpace};
use crate::operation::{Answer, LeaseId, Operation, Revision};
use crate::plan::{Plan, Writer};

/// A write in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its revision.
    pub revision: Revision,
    /// Who wrote it.
    pub writer: Writer,
    /// Whether the call that wrote it was answered with this very revision; else its place was inferred.
    pub acknowledged: bool,
    /// What it did.
    pub effect: Effect,
}

/// All writes in their places.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) writes: Vec<Placed>,
    pub(crate) trials: u64,
}

/// Why something does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// In its place a call would be answered otherwise, or refused.
    Wrong { call: usize, expected: Option<Answer> },
    /// A write would do what somebody saw otherwise.
    Contradicted { writer: Writer, revision: Revision, contradiction: Contradiction },
    /// A write would change nothing here, and so have no revision.
    Idle,
    /// The call is the writer of an earlier revision.
    Used { revision: Revision },
    /// A revoke was acknowledged, and a key still hangs on the lease.
    Left { call: usize, key: String },
    /// Nobody can have written this revision; why each of those who came into question cannot.
    Unwritten { revision: Revision, tried: Vec<(Writer, Reason)> },
    /// Too many trials.
    Undecided { trials: u64 },
}

/// Where the walk is stuck for good.
#[derive(Debug)]
pub(crate) struct Stuck {
    pub(crate) reason: Reason,
    /// The keys in question.
    pub(crate) keys: Vec<String>,
    /// Everything that was placed until there.
    pub(crate) placed: Vec<Placed>,
}

impl Reason {
    /// Without what was tried underneath: a long search would keep all of it.
    fn brief(self) -> Reason {
        match self {
            Reason::Unwritten { revision, .. } => Reason::Unwritten { revision, tried: Vec::new() },
            other => other,
        }
    }
}

/// A conflict: not all of these gaps can have the writers that they have.
struct Conflict {
    reason: Reason,
    keys: Vec<String>,
    blame: BTreeSet<usize>,
}

/// A gap that has a writer for now.
struct Frame {
    gap: usize,
    /// The next writer to try.
    next: usize,
    chosen: Option<Writer>,
    /// How much was placed before.
    mark: usize,
    blame: BTreeSet<usize>,
    tried: Vec<(Writer, Reason)>,
}

struct Search<'a> {
    plan: &'a Plan<'a>,
    state: KeySpace,
    /// Revokes that found nothing are in here too, since they end a lease.
    placed: Vec<Placed>,
    frames: Vec<Frame>,
    used: HashMap<Writer, usize>,
    trials: u64,
    trials_max: u64,
}

/// The writes in the one order that explains everything, or where it cannot be had.
///
/// Cost: O(n log n) when at most one writer comes into question for each gap; else a trial more for each writer that
/// turns out wrong. Breaks off after `trials_max` trials.
pub(crate) fn order(plan: &Plan<'_>, trials_max: u64) -> Result<Order, Stuck> {
    if let Some(reason) = impossible(plan) {
        return Err(reason);
    }
    let state = KeySpace::default();
    let (placed, frames, used) = (Vec::new(), Vec::new(), HashMap::new());
    let mut search = Search { plan, state, placed, frames, used, trials: 0, trials_max };
    let mut at = Revision(1);
    while at <= plan.last {
        let step = if at == Revision(1) { Ok(()) } else { search.place(at) };
        match step.and_then(|()| search.reads(at)) {
            Ok(()) => at = Revision(at.0 + 1),
            Err(conflict) => at = search.retreat(conflict)?,
        }
    }
    search.placed.retain(|placed| !placed.effect.changes.is_empty());
    Ok(Order { writes: search.placed, trials: search.trials })
}

/// What needs no walk: a write that contradicts what was seen in any state, a revision that nobody can have written.
fn impossible(plan: &Plan<'_>) -> Option<Stuck> {
    let mut writes: Vec<_> = plan.writes.iter().collect();
    writes.sort();
    let contradicted = writes.into_iter().find_map(|(&revision, &call)| {
        let contradiction = plan.facts.contradiction(&plan.history.calls[call])?;
        Some(Reason::Contradicted { writer: Writer::Call(call), revision, contradiction })
    });
    let unwritten = || {
        let gap = plan.gaps.iter().find(|gap| gap.writers.is_empty())?;
        Some(Reason::Unwritten { revision: gap.revision, tried: Vec::new() })
    };
    let reason = contradicted.or_else(unwritten)?;
    Some(Stuck { reason, keys: Vec::new(), placed: Vec::new() })
}

impl Search<'_> {
    /// Gives a revision its writer.
    fn place(&mut self, at: Revision) -> Result<(), Conflict> {
        match self.plan.writes.get(&at) {
            Some(&call) => self.write(at, call),
            None => self.fill(at),
        }
    }

    /// An acknowledged write.
    fn write(&mut self, at: Revision, call: usize) -> Result<(), Conflict> {
        let effect = self.expect(at, call)?;
        let writer = Writer::Call(call);
        if let Err(contradiction) = self.plan.facts.agree(&effect.changes, at) {
            let keys = vec![contradiction.key.clone()];
            let reason = Reason::Contradicted { writer, revision: at, contradiction };
            return Err(self.conflict(at, keys, reason));
        }
        self.commit(at, writer, effect);
        Ok(())
    }

    /// A revision that nobody claims: the next writer that fits.
    fn fill(&mut self, at: Revision) -> Result<(), Conflict> {
        let gap = self.plan.gap(at).expect("a revision that nobody wrote is a gap");
        let mut frame = match self.frames.pop_if(|frame| frame.gap == gap) {
            Some(frame) => frame,
            None => Frame {
                gap,
                next: 0,
                chosen: None,
                mark: self.placed.len(),
                blame: BTreeSet::new(),
                tried: Vec::new(),
            },
        };
        while let Some(&writer) = self.plan.gaps[gap].writers.get(frame.next) {
            frame.next += 1;
            if self.is_twin(writer, &frame) {
                continue;
            }
            match self.fit(at, writer) {
                Ok(effect) => {
                    frame.chosen = Some(writer);
                    self.used.insert(writer, gap);
                    self.frames.push(frame);
                    self.commit(at, writer, effect);
                    return Ok(());
                }
                Err(conflict) => {
                    frame.blame.extend(conflict.blame);
                    frame.tried.push((writer, conflict.reason));
                }
            }
            if self.trials > self.trials_max {
                let reason = Reason::Undecided { trials: self.trials };
                return Err(Conflict { reason, keys: Vec::new(), blame: BTreeSet::new() });
            }
        }
        frame.blame.remove(&gap);
        let keys = self.plan.facts.shown(at).iter().map(|shown| shown.key.to_owned()).collect();
        let reason = Reason::Unwritten { revision: at, tried: frame.tried };
        Err(Conflict { reason, keys, blame: frame.blame })
    }

    /// Whether an equal call has been tried in this gap: calls that ask the same and can both stand here can both
    /// stand in every later gap, so it does not matter which is taken.
    fn is_twin(&self, writer: Writer, frame: &Frame) -> bool {
        let Writer::Call(call) = writer else { return false };
        let calls = &self.plan.history.calls;
        let is_equal = |other: &Writer| {
            matches!(other, Writer::Call(other) if calls[*other].operation == calls[call].operation
                && calls[*other].is_unknown() && calls[call].is_unknown())
        };
        let used = |reason: &Reason| matches!(reason, Reason::Used { .. });
        frame.tried.iter().any(|(other, reason)| !used(reason) && is_equal(other))
    }

    fn fit(&mut self, at: Revision, writer: Writer) -> Result<Effect, Conflict> {
        self.trials += 1;
        if let Some(&gap) = self.used.get(&writer) {
            let reason = Reason::Used { revision: self.plan.gaps[gap].revision };
            return Err(Conflict { reason, keys: Vec::new(), blame: BTreeSet::from([gap]) });
        }
        let keys = || self.plan.keys(writer).into_iter().map(str::to_owned).collect();
        let Some(effect) = self.state.effect(&self.plan.operation(writer)) else {
            return Err(self.conflict_of_all(keys(), Reason::Idle));
        };
        if effect.changes.is_empty() {
            return Err(self.conflict(at, keys(), Reason::Idle));
        }
        self.plan.facts.agree(&effect.changes, at).map_err(|contradiction| {
            let reason = Reason::Contradicted { writer, revision: at, contradiction };
            self.conflict(at, keys(), reason)
        })?;
        Ok(effect)
    }

    /// Everything that read at a revision sees what has been placed so far.
    fn reads(&mut self, at: Revision) -> Result<(), Conflict> {
        for &call in self.plan.reads.get(&at).into_iter().flatten() {
            match &self.plan.history.calls[call].operation {
                Operation::Revoke { lease } => self.revoked(at, call, *lease)?,
                _ => drop(self.expect(at, call)?),
            }
        }
        Ok(())
    }

    /// After a revoke nothing hangs on the lease, whether it was the write of this revision or found nothing.
    fn revoked(&mut self, at: Revision, call: usize, lease: LeaseId) -> Result<(), Conflict> {
        if let Some(key) = self.state.keys_of(lease).next() {
            let key = key.to_owned();
            let keys = vec![key.clone()];
            return Err(self.conflict(at, keys, Reason::Left { call, key }));
        }
        let operation = Operation::Revoke { lease };
        let effect = self.state.effect(&operation).expect("a revoke is never refused");
        self.commit(at, Writer::Call(call), effect);
        Ok(())
    }

    /// What a call does here, if that is what it was answered.
    fn expect(&self, at: Revision, call: usize) -> Result<Effect, Conflict> {
        let asked = &self.plan.history.calls[call];
        let answer = asked.answer().expect("only calls that were done have a place");
        let Some(effect) = self.state.effect(&asked.operation) else {
            let keys = self.plan.keys(Writer::Call(call)).into_iter().map(str::to_owned).collect();
            return Err(self.conflict_of_all(keys, Reason::Wrong { call, expected: None }));
        };
        if effect.answer == *answer {
            return Ok(effect);
        }
        let keys = differing(&asked.operation, answer, &effect.answer);
        Err(self.conflict(at, keys, Reason::Wrong { call, expected: Some(effect.answer) }))
    }

    fn commit(&mut self, revision: Revision, writer: Writer, effect: Effect) {
        self.state.commit(&effect);
        let acknowledged = self.plan.writes.contains_key(&revision);
        self.placed.push(Placed { revision, writer, acknowledged, effect });
    }

    /// Blames the gaps that could have left one of the keys otherwise: those since its content was last told. What
    /// was told at `at` itself, or by the call that wrote it about the state before, may be what does not fit.
    fn conflict(&self, at: Revision, keys: Vec<String>, reason: Reason) -> Conflict {
        let mut blame = BTreeSet::new();
        for key in &keys {
            let pin = self.plan.facts.pin(key, Revision(at.0 - 2)).unwrap_or(Revision(1));
            let since = self.frames.iter().rev().map(|frame| frame.gap);
            let since = since.take_while(|gap| self.plan.gaps[*gap].revision > pin);
            blame.extend(since.filter(|gap| self.plan.touches(*gap, key)));
        }
        Conflict { reason, keys, blame }
    }

    /// Blames every gap: which of them ended a lease does not show in the keys.
    fn conflict_of_all(&self, keys: Vec<String>, reason: Reason) -> Conflict {
        Conflict { reason, keys, blame: self.frames.iter().map(|frame| frame.gap).collect() }
    }

    /// Goes back to the latest gap that is to blame, and to its revision.
    fn retreat(&mut self, conflict: Conflict) -> Result<Revision, Stuck> {
        let Some(&culprit) = conflict.blame.last() else {
            let placed = std::mem::take(&mut self.placed);
            return Err(Stuck { reason: conflict.reason, keys: conflict.keys, placed });
        };
        while self.frames.last().is_some_and(|frame| frame.gap > culprit) {
            let frame = self.frames.pop().expect("it was just there");
            frame.chosen.and_then(|writer| self.used.remove(&writer));
        }
        let frame = self.frames.last_mut().expect("only gaps with a writer are blamed");
        let writer = frame.chosen.take().expect("a gap on the stack has a writer");
        self.used.remove(&writer);
        frame.blame.extend(conflict.blame);
        frame.tried.push((writer, conflict.reason.brief()));
        for placed in self.placed.drain(frame.mark..).rev() {
            self.state.undo(&placed.effect);
        }
        Ok(self.plan.gaps[culprit].revision)
    }
}

/// The keys whose part of the answer is not the expected one; all, if only the revision is.
fn differing(operation: &Operation, given: &Answer, expected: &Answer) -> Vec<String> {
    let all = || {
        let compared = operation.compares().iter().map(|compare| compare.key.clone());
        compared.chain(operation.steps().map(|step| step.key().to_owned())).collect()
    };
    if given.succeeded != expected.succeeded {
        return all();
    }
    let steps = operation.branch(given.succeeded).iter();
    let pairs = steps.zip(given.results.iter().zip(&expected.results));
    let differing = pairs.filter(|(_, (given, expected))| given != expected);
    let keys: Vec<String> = differing.map(|(step, _)| step.key().to_owned()).collect();
    if keys.is_empty() { all() } else { keys }
}
