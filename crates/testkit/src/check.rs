//! The verdict on a history.

use std::collections::HashMap;
use std::fmt;

use crate::explain;
use crate::hash;
use crate::history::History;
use crate::lease::{self, Guarantees};
use crate::operation::Revision;
use crate::past::{Past, Place, place};
use crate::plan::{Plan, Scope};
use crate::search::{self, Order, Placed, Reason, Stuck};
use crate::watch::{self, Certainty};

/// The laws; [`crate`] says each in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// K1: a revision is written once.
    OneWrite,
    /// K2: the order of revisions keeps the order of time.
    RealTime,
    /// K3: every answer is what the order gives.
    Answers,
    /// K4: every revision was written by somebody.
    Written,
    /// K5: a watch is told in order, and nothing twice.
    WatchOrder,
    /// K6: a watch is told exactly the writes of its range, a revision in one piece.
    WatchWhole,
    /// K7: progress comes after its events.
    WatchProgress,
    /// K8: no lease ends while its client knows that it lives.
    LeaseEarly,
    /// K9: no lease lives for ever.
    LeaseForEver,
    /// K10: equal hashes at equal revisions.
    Hashes,
    /// No law is known to be broken or kept: the search was broken off.
    Undecided,
}

/// A broken law, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// What cannot be, in a few lines.
    pub text: String,
}

/// How strictly to judge.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Writers tried before the search is broken off. Default: 200,000, which takes some seconds.
    pub trials_max: u64,
    /// How much faster than the recorder's clock the servers' may have run over the life of a lease. Default: 0,
    /// for simulated time; some milliseconds for real clocks.
    pub clock_drift_ms: u64,
    /// How long after its last possible renewal and its TTL a lease may still be there: the rest that a new leader
    /// gives, the servers' own precision, and how long a request can be under way. Default: 10 s.
    pub lease_grace_ms: u64,
}

/// What is to be said about a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Everything that was found; a history without violations keeps all laws.
    pub violations: Vec<Violation>,
    /// The writes in their one order; empty if there is none.
    pub order: Vec<Placed>,
    /// Writers that were tried for revisions that nobody claims: what the search has cost.
    pub trials: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { trials_max: 200_000, clock_drift_ms: 0, lease_grace_ms: 10_000 }
    }
}

impl Verdict {
    /// Whether all laws are kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Judges a history by all laws.
///
/// Cost: O(n log n) for n entries, times 1 to 3; and about one trial for each revision that nobody claims.
#[must_use]
pub fn check(history: &History, settings: &Settings) -> Verdict {
    let mut violations = hash::check(&history.hashes);
    violations.extend(lease::check_denied(history, settings));
    violations.extend(lease::check_ended(history, settings));
    violations.extend(history.watches.iter().flat_map(watch::check_alone));
    match order(history, settings, &mut violations) {
        Ok(Order { writes, trials }) => Verdict { violations, order: writes, trials },
        Err(found) => {
            violations.extend(found);
            Verdict { violations, ..Verdict::default() }
        }
    }
}

/// Finds the order in up to three steps, so that a finding names who is wrong: what clients were answered, then also
/// what watches were told, then also how long leases live. A step that cannot be decided leaves it to the next one, which
/// knows more: whatever order that finds, explains the answers too.
fn order(
    history: &History,
    settings: &Settings,
    violations: &mut Vec<Violation>,
) -> Result<Order, Vec<Violation>> {
    let mut scope = Scope { watches: false, leases: None };
    certain(history, false)?;
    let mut order = or_undecided(find(history, scope, settings))?;
    if !history.watches.is_empty() {
        certain(history, true)?;
        scope.watches = true;
        if let Ok(order) = &order {
            against(history, &order.writes, Certainty::Acknowledged)?;
        }
        let found = find(history, scope, settings).map_err(|found| found.or(Law::WatchWhole));
        order = or_undecided(found)?;
        if let Ok(order) = &order {
            against(history, &order.writes, Certainty::All)?;
        }
    }
    if !history.leases.is_empty() {
        let guarantees = Guarantees::new(history, settings);
        scope.leases = Some(&guarantees);
        match find(history, scope, settings) {
            Ok(found) => {
                if order.is_err() && scope.watches {
                    against(history, &found.writes, Certainty::All)?;
                }
                order = Ok(found);
            }
            Err(found) if order.is_ok() => violations.push(found.or(Law::LeaseEarly)),
            Err(found) => order = Err(found),
        }
    }
    order.map_err(|undecided| vec![undecided])
}

/// An order, or that none was found in time; that there is none is an error at once.
fn or_undecided(found: Result<Order, Violation>) -> Result<Result<Order, Violation>, Vec<Violation>> {
    match found {
        Err(found) if found.law != Law::Undecided => Err(vec![found]),
        found => Ok(found),
    }
}

fn against(history: &History, order: &[Placed], certainty: Certainty) -> Result<(), Vec<Violation>> {
    let found = history.watches.iter().filter_map(|watch| watch::check_against(watch, order, certainty));
    let found: Vec<Violation> = found.collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn find(history: &History, scope: Scope<'_>, settings: &Settings) -> Result<Order, Violation> {
    let plan = Plan::new(history, scope);
    search::order(&plan, settings.trials_max).map_err(|stuck| {
        let Stuck { reason, .. } = &stuck;
        let law = match reason {
            Reason::Undecided { .. } => Law::Undecided,
            Reason::Unwritten { .. } => Law::Written,
            _ => Law::Answers,
        };
        Violation { law, text: explain::stuck(&plan, &stuck) }
    })
}

/// What needs no search: answers that can be answers, revisions that are written once, and the order of time.
fn certain(history: &History, watches: bool) -> Result<(), Vec<Violation>> {
    let found = [forms(history, watches), doubles(history), time(history, watches)];
    match found.into_iter().find(|found| !found.is_empty()) {
        Some(found) => Err(found),
        None => Ok(()),
    }
}

/// Answers that are answers to what was asked, at revisions that can be.
fn forms(history: &History, watches: bool) -> Vec<Violation> {
    // Every revision needs a writer: a call, or the end of a lease that some call names.
    let steps: usize = history.calls.iter().map(|call| 1 + call.operation.steps().count()).sum();
    let most = Revision(steps as i64 + 1);
    let mut violations = Vec::new();
    for call in &history.calls {
        let Some(answer) = call.answer() else { continue };
        let least = if answer.wrote() { Revision(2) } else { Revision(1) };
        if !answer.fits(&call.operation) || answer.revision < least || answer.revision > most {
            let text = format!("{call}\n  no server can answer so: all calls make at most revision {most}");
            violations.push(Violation { law: Law::Answers, text });
        }
    }
    for watch in history.watches.iter().filter(|_| watches) {
        let headers = watch.told.iter().map(|(_, header, _)| *header);
        let far = headers.chain(watch.events().map(|event| event.revision)).find(|told| *told > most);
        violations.extend(far.map(|far| {
            let text = format!("{watch}: revision {far} was told of; all calls make at most {most}");
            Violation { law: Law::WatchWhole, text }
        }));
    }
    violations
}

fn doubles(history: &History) -> Vec<Violation> {
    let mut writes = HashMap::new();
    let mut violations = Vec::new();
    for (at, call) in history.calls.iter().enumerate() {
        let Some(place) = place(history, at).filter(|place| *place == Place::write(place.revision)) else {
            continue;
        };
        if let Some(other) = writes.insert(place.revision, at) {
            let text = format!(
                "two writes were acknowledged as revision {}\n  {}\n  {call}",
                place.revision, history.calls[other]
            );
            violations.push(Violation { law: Law::OneWrite, text });
        }
    }
    violations
}

fn time(history: &History, watches: bool) -> Vec<Violation> {
    let past = Past::new(history, watches);
    let mut violations = Vec::new();
    for (at, call) in history.calls.iter().enumerate() {
        let Some(own) = place(history, at) else { continue };
        let Some((seen, by)) = past.before(call.invoked).filter(|(seen, _)| *seen > own) else { continue };
        let text = format!(
            "{call}\n  stands at revision {}, but began after revision {} had been told of:\n  {}",
            own.revision,
            seen.revision,
            explain::source(history, by)
        );
        violations.push(Violation { law: Law::RealTime, text });
        if violations.len() == FINDINGS_MAX {
            break;
        }
    }
    violations
}

/// More of the same kind say nothing new.
const FINDINGS_MAX: usize = 5;

impl Violation {
    /// The same finding, if it is one, under the law that made the difference.
    fn or(self, law: Law) -> Violation {
        let law = if self.law == Law::Undecided { Law::Undecided } else { law };
        Violation { law, ..self }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Law::OneWrite => "K1 a revision is written once",
            Law::RealTime => "K2 the order of revisions keeps the order of time",
            Law::Answers => "K3 every answer is what the order gives",
            Law::Written => "K4 every revision was written by somebody",
            Law::WatchOrder => "K5 a watch is told in order, and nothing twice",
            Law::WatchWhole => "K6 a watch is told exactly the writes, each revision whole",
            Law::WatchProgress => "K7 progress comes after its events",
            Law::LeaseEarly => "K8 no lease ends early",
            Law::LeaseForEver => "K9 no lease lives for ever",
            Law::Hashes => "K10 equal hashes at equal revisions",
            Law::Undecided => "undecided: the search was broken off",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n  {}", self.law, self.text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holds() {
            return write!(formatter, "all laws are kept; {} writes in order", self.order.len());
        }
        self.violations.iter().try_for_each(|violation| writeln!(formatter, "{violation}"))
    }
}

#[cfg(test)]
mod tests;
