//! What answers and events say about the write of a revision, whoever made it.
//!
//! Every fact is a necessary condition, so believing it early changes no verdict: it only ends the search for
//! whoever wrote a revision sooner.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::history::{Call, History, Watch};
use crate::model::Change;
use crate::operation::{LeaseId, Operation, Record, Revision, Step, StepAnswer};
use crate::past::Source;
use crate::recording::{Event, Range, Told};

mod spans;

use spans::{Span, Spans};

/// Somebody saw what a revision did to a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) key: &'a str,
    /// What it was set to; nothing if it was removed.
    pub(crate) record: Option<&'a Record>,
    pub(crate) by: Source,
}

/// What was told of one key.
#[derive(Debug, Default)]
struct KeyFacts<'a> {
    /// Nobody wrote it in these revisions.
    quiet: Spans,
    /// Nobody put it in these revisions but those whose puts were acknowledged.
    counted: Spans,
    /// It was there before and after each of these revisions.
    present: Spans,
    /// Revisions after which its content was told outright, in order.
    pins: Vec<Revision>,
    /// Every record that was shown, by its life and its place in it.
    records: BTreeMap<(Revision, Revision), (&'a Record, Source)>,
    /// Acknowledged writes in order: the lease of a put, nothing for a delete.
    writes: Vec<(Revision, Option<LeaseId>)>,
    /// The leases of puts that may have been done or not.
    unknown: HashSet<LeaseId>,
}

/// A watch was told everything about its range in these revisions.
#[derive(Debug)]
struct Coverage<'a> {
    watch: usize,
    range: &'a Range,
    from: Revision,
    upto: Revision,
    events: HashSet<(Revision, &'a str)>,
}

/// What is known of each revision and key.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    shown: HashMap<Revision, Vec<Shown<'a>>>,
    keys: HashMap<&'a str, KeyFacts<'a>>,
    /// A key came into being in this revision.
    created: HashMap<Revision, Vec<(&'a str, Source)>>,
    /// Up to when each lease lived for certain.
    alive: HashMap<LeaseId, Revision>,
    /// Keys that were ever put with each lease: those that its end can touch.
    leased: HashMap<LeaseId, BTreeSet<&'a str>>,
    coverage: Vec<Coverage<'a>>,
}

/// A fact that contradicts what a write would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contradiction {
    pub(crate) key: String,
    pub(crate) by: Source,
}

impl<'a> Facts<'a> {
    /// Cost: O(n log n).
    pub(crate) fn new(history: &'a History, watches: bool) -> Facts<'a> {
        let mut facts = Facts { leased: keys_of_leases(history), ..Facts::default() };
        for (at, call) in history.calls.iter().enumerate() {
            facts.add_call(at, call);
        }
        for (at, watch) in history.watches.iter().enumerate().filter(|_| watches) {
            facts.add_watch(at, watch);
        }
        for (key, about) in &mut facts.keys {
            about.seal();
            for (&(created, _), &(_, by)) in &about.records {
                facts.created.entry(created).or_default().push((key, by));
            }
        }
        facts
    }

    /// What was seen of a revision.
    pub(crate) fn shown(&self, revision: Revision) -> &[Shown<'a>] {
        self.shown.get(&revision).map_or(&[], Vec::as_slice)
    }

    /// The newest revision up to `upto` after which the content of `key` was told outright.
    pub(crate) fn pin(&self, key: &str, upto: Revision) -> Option<Revision> {
        let pins = &self.keys.get(key)?.pins;
        pins[..pins.partition_point(|pin| *pin <= upto)].last().copied()
    }

    /// Whether `operation` could be the write of `revision` in some state.
    pub(crate) fn allow(&self, operation: &Operation, revision: Revision) -> bool {
        match operation {
            Operation::Revoke { lease } => return self.allow_end(*lease, revision),
            Operation::Step(Step::Delete { key, .. }) if !self.may_remove(key, None, revision) => {
                return false;
            }
            _ => (),
        }
        let branches = if matches!(operation, Operation::Txn { .. }) { &[true, false][..] } else { &[true] };
        branches.iter().any(|&succeeded| self.allow_steps(operation.branch(succeeded), revision))
    }

    /// Whether a write of `revision` that does `changes` contradicts nothing that was seen.
    pub(crate) fn agree(&self, changes: &[Change], revision: Revision) -> Result<(), Contradiction> {
        for shown in self.shown(revision) {
            let change = changes.iter().rfind(|change| change.key == shown.key);
            if change.is_none_or(|change| change.after.as_ref() != shown.record) {
                return Err(Contradiction { key: shown.key.to_owned(), by: shown.by });
            }
        }
        for &(key, by) in self.created(revision) {
            let change = changes.iter().rfind(|change| change.key == key);
            let after = change.and_then(|change| change.after.as_ref());
            if after.is_none_or(|after| after.create_revision != revision) {
                return Err(Contradiction { key: key.to_owned(), by });
            }
        }
        for change in changes {
            if let Some(by) = self.denied(&change.key, change.after.is_some(), revision) {
                return Err(Contradiction { key: change.key.clone(), by });
            }
        }
        Ok(())
    }

    /// What was seen of an acknowledged write and contradicts it in any state.
    pub(crate) fn contradiction(&self, call: &Call) -> Option<Contradiction> {
        let answer = call.answer()?;
        let steps = call.operation.branch(answer.succeeded);
        let written = steps.iter().zip(&answer.results).find_map(|(step, result)| {
            let is_put = matches!(step, Step::Put { .. });
            let is_write = is_put || matches!(result, StepAnswer::Delete { deleted, .. } if *deleted > 0);
            let by = is_write.then(|| self.denied(step.key(), is_put, answer.revision)).flatten()?;
            Some(Contradiction { key: step.key().to_owned(), by })
        });
        let unseen = || {
            let unlike = self.shown(answer.revision).iter().find(|shown| !sets(steps, shown))?;
            Some(Contradiction { key: unlike.key.to_owned(), by: unlike.by })
        };
        written.or_else(unseen)
    }

    /// Keys that a lease's end can touch.
    pub(crate) fn leased(&self, lease: LeaseId) -> impl Iterator<Item = &'a str> {
        self.leased.get(&lease).into_iter().flatten().copied()
    }

    /// Leases that keys were put with, in order.
    pub(crate) fn leases(&self) -> Vec<LeaseId> {
        let mut leases: Vec<LeaseId> = self.leased.keys().copied().collect();
        leases.sort();
        leases
    }

    /// Whether the end of a lease can be a write of its own here.
    fn allow_end(&self, lease: LeaseId, revision: Revision) -> bool {
        let removes = |key: &str| self.may_remove(key, Some(lease), revision);
        self.alive.get(&lease).is_none_or(|alive| *alive < revision)
            && self.shown(revision).iter().all(|shown| shown.record.is_none() && removes(shown.key))
            && !self.created.contains_key(&revision)
            && self.leased(lease).any(removes)
    }

    /// Whether `key` can be there just before `revision`, on that lease if one is named, and go with it: what is
    /// there was put by the newest acknowledged write, or by a put that nobody knows of.
    fn may_remove(&self, key: &str, lease: Option<LeaseId>, revision: Revision) -> bool {
        let Some(about) = self.keys.get(key) else { return false };
        let newest = about.writes[..about.writes.partition_point(|(at, _)| *at < revision)].last();
        let is_there = match lease {
            Some(lease) => {
                newest.is_some_and(|(_, put)| *put == Some(lease)) || about.unknown.contains(&lease)
            }
            None => newest.is_some_and(|(_, put)| put.is_some()) || !about.unknown.is_empty(),
        };
        is_there && self.denied(key, false, revision).is_none()
    }

    fn created(&self, revision: Revision) -> &[(&'a str, Source)] {
        self.created.get(&revision).map_or(&[], Vec::as_slice)
    }

    /// Who says that nobody put `key`, or deleted it, in `revision`.
    fn denied(&self, key: &str, is_put: bool, revision: Revision) -> Option<Source> {
        let about = self.keys.get(key).and_then(|about| {
            let present = || about.present.find(revision).filter(|_| !is_put);
            let is_claimed = || about.writes.binary_search_by_key(&revision, |(at, _)| *at).is_ok();
            let counted = || about.counted.find(revision).filter(|_| is_put && !is_claimed());
            about.quiet.find(revision).or_else(counted).or_else(present)
        });
        about.or_else(|| {
            let silent = self.coverage.iter().find(|coverage| {
                coverage.covers(key, revision) && !coverage.events.contains(&(revision, key))
            });
            silent.map(|coverage| Source::Watch(coverage.watch))
        })
    }

    fn allow_steps(&self, steps: &[Step], revision: Revision) -> bool {
        let puts =
            |key: &str| steps.iter().any(|step| matches!(step, Step::Put { key: put, .. } if put == key));
        steps.iter().any(|step| !matches!(step, Step::Range { .. }))
            && self.shown(revision).iter().all(|shown| sets(steps, shown))
            && self.created(revision).iter().all(|(key, _)| puts(key))
            && steps.iter().all(|step| self.allow_step(step, revision))
    }

    fn allow_step(&self, step: &Step, revision: Revision) -> bool {
        match step {
            Step::Put { key, .. } => self.denied(key, true, revision).is_none(),
            // A delete of a key that was there is a change; of one that was not, it is none.
            Step::Delete { key, .. } => {
                self.keys.get(key.as_str()).is_none_or(|about| about.present.find(revision).is_none())
            }
            Step::Range { .. } => true,
        }
    }

    fn add_call(&mut self, at: usize, call: &'a Call) {
        let Some(answer) = call.answer() else {
            if call.is_unknown() {
                self.add_unknown(&call.operation);
            }
            return;
        };
        let steps = call.operation.branch(answer.succeeded);
        // What is read in the call that writes a revision is the state before it.
        let seen = if answer.wrote() { Revision(answer.revision.0 - 1) } else { answer.revision };
        for (step, result) in steps.iter().zip(&answer.results) {
            match (step, result) {
                (Step::Put { key, lease, .. }, _) => {
                    self.keys.entry(key).or_default().writes.push((answer.revision, Some(*lease)));
                    self.live(*lease, answer.revision);
                }
                (Step::Delete { key, .. }, StepAnswer::Delete { deleted: 1.., .. }) => {
                    self.keys.entry(key).or_default().writes.push((answer.revision, None));
                }
                _ => (),
            }
            let alone = steps.iter().filter(|other| other.key() == step.key()).count() == 1;
            let told = match (step, result) {
                (_, StepAnswer::Range(record)) => Some(record),
                (Step::Put { prev_kv: true, .. }, StepAnswer::Put { prev_kv }) => Some(prev_kv),
                (Step::Delete { prev_kv: true, .. }, StepAnswer::Delete { prev_kv, .. }) => Some(prev_kv),
                _ => None,
            };
            let Some(record) = told else { continue };
            if alone {
                self.keys.entry(step.key()).or_default().pins.push(seen);
            }
            let Some(record) = record else { continue };
            self.see(step.key(), record, (seen, Source::Call(at)));
        }
    }

    fn add_unknown(&mut self, operation: &'a Operation) {
        for step in operation.steps() {
            if let Step::Put { key, lease, .. } = step {
                self.keys.entry(key).or_default().unknown.insert(*lease);
            }
        }
    }

    fn add_watch(&mut self, at: usize, watch: &'a Watch) {
        let by = Source::Watch(at);
        for event in watch.events() {
            let Event { key, revision, record, prev_kv } = event;
            match record {
                Some(record) => self.see(key, record, (*revision, by)),
                None => self.show(*revision, Shown { key, record: None, by }),
            }
            if let Some(before) = prev_kv {
                self.see(key, before, (Revision(revision.0 - 1), by));
            }
        }
        let Some((from, upto)) = watch.promised() else { return };
        let events = watch.events().map(|event| (event.revision, event.key.as_str())).collect();
        self.coverage.push(Coverage { watch: at, range: &watch.range, from, upto, events });
    }

    /// A key held this after a revision: its write is shown, and nobody has written it since.
    fn see(&mut self, key: &'a str, record: &'a Record, (at, by): (Revision, Source)) {
        let Record { create_revision, mod_revision, lease, .. } = record;
        self.show(*mod_revision, Shown { key, record: Some(record), by });
        self.live(*lease, at);
        let about = self.keys.entry(key).or_default();
        about.records.insert((*create_revision, *mod_revision), (record, by));
        about.quiet.add(Span { after: *mod_revision, upto: at, by });
        about.present.add(Span { after: *create_revision, upto: at, by });
    }

    fn live(&mut self, lease: LeaseId, at: Revision) {
        let alive = self.alive.entry(lease).or_default();
        *alive = at.max(*alive);
    }

    fn show(&mut self, revision: Revision, shown: Shown<'a>) {
        self.shown.entry(revision).or_default().push(shown);
    }
}

impl Coverage<'_> {
    fn covers(&self, key: &str, revision: Revision) -> bool {
        self.from <= revision && revision <= self.upto && self.range.contains(key)
    }
}

impl Watch {
    /// Everything it was told, in the order in which it came.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.told.iter().flat_map(|(_, _, told)| match told {
            Told::Events(events) => &events[..],
            _ => &[],
        })
    }

    /// The first revision of which it is told, once that is known.
    pub(crate) fn first(&self) -> Option<Revision> {
        let created = self.told.iter().find(|(_, _, told)| matches!(told, Told::Created));
        self.start.or_else(|| created.map(|(_, header, _)| Revision(header.0 + 1)))
    }

    /// The revisions of which it was told everything: from its start to its last event or progress.
    pub(crate) fn promised(&self) -> Option<(Revision, Revision)> {
        let from = self.first()?;
        let progress = self.told.iter().filter(|(_, _, told)| matches!(told, Told::Progress));
        let headers = progress.map(|(_, header, _)| *header);
        let upto = self.events().map(|event| event.revision).chain(headers).max()?;
        (from <= upto).then_some((from, upto))
    }
}

impl KeyFacts<'_> {
    /// Adds what follows from counting: where the versions of two records of one life leave no room for a put that
    /// nobody claims, there was none. Then sorts everything.
    fn seal(&mut self) {
        self.writes.sort();
        self.pins.sort();
        let mut before: Option<(Revision, Revision, i64)> = None;
        for (&(created, modified), &(record, by)) in &self.records {
            let (_, after, version) =
                before.filter(|before| before.0 == created).unwrap_or((created, created, 1));
            let between = self.writes.iter().skip(self.writes.partition_point(|(at, _)| *at <= after));
            let between = between.take_while(|(at, _)| *at < modified);
            let known = between.filter(|(_, put)| put.is_some()).count() as i64;
            if known >= record.version - version - 1 {
                self.counted.add(Span { after, upto: Revision(modified.0 - 1), by });
            }
            before = Some((created, modified, record.version));
        }
        self.quiet.seal();
        self.counted.seal();
        self.present.seal();
    }
}

/// Whether steps do to a key what was seen of it.
fn sets(steps: &[Step], shown: &Shown<'_>) -> bool {
    steps.iter().any(|step| match (step, shown.record) {
        (Step::Put { key, value, lease, .. }, Some(record)) => {
            key == shown.key && *value == record.value && *lease == record.lease
        }
        (Step::Delete { key, .. }, None) => key == shown.key,
        _ => false,
    })
}

fn keys_of_leases(history: &History) -> HashMap<LeaseId, BTreeSet<&str>> {
    let mut keys: HashMap<LeaseId, BTreeSet<&str>> = HashMap::new();
    for step in history.calls.iter().flat_map(|call| call.operation.steps()) {
        if let Step::Put { key, lease, .. } = step
            && *lease != LeaseId::default()
        {
            keys.entry(*lease).or_default().insert(key);
        }
    }
    keys
}
