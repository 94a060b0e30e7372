//! The key space as etcd's documents tell it: what an operation does to it, and what is answered.
//!
//! It is the sequential object of which histories are judged. An effect is computed without being done, and can be
//! taken back: the search of [`crate::check`] lives on both.

use std::collections::{BTreeMap, BTreeSet};

use crate::operation::{Answer, Compare, LeaseId, Operation, Record, Revision, Step, StepAnswer, Target};

/// Every live key at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeySpace {
    revision: Revision,
    keys: BTreeMap<String, Record>,
    /// Leases that are known to have ended: nothing can hang on them any more.
    ended: BTreeSet<LeaseId>,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What it held.
    pub before: Option<Record>,
    /// What it holds now.
    pub after: Option<Record>,
}

/// What an operation does, in a given state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What the client is told.
    pub answer: Answer,
    /// What changes, in the order of the steps. Nothing changes without a revision of its own.
    pub changes: Vec<Change>,
    /// The lease that ends by it.
    ends: Option<LeaseId>,
}

impl Default for KeySpace {
    fn default() -> Self {
        KeySpace { revision: Revision(1), keys: BTreeMap::new(), ended: BTreeSet::new() }
    }
}

impl KeySpace {
    /// The revision of the newest change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What a key holds.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Record> {
        self.keys.get(key)
    }

    /// What `operation` would do now; nothing if it is refused, since a lease it names has ended.
    ///
    /// Cost: a look-up a step; a revoke looks at every live key.
    #[must_use]
    pub fn effect(&self, operation: &Operation) -> Option<Effect> {
        if let Operation::Revoke { lease } = operation {
            return Some(self.end(*lease));
        }
        let succeeded = operation.compares().iter().all(|compare| self.holds(compare));
        let steps = operation.branch(succeeded);
        if steps.iter().any(|step| self.is_refused(step)) {
            return None;
        }
        let mut changes = Vec::new();
        let results = steps.iter().map(|step| self.step(step, &mut changes)).collect();
        let revision = if changes.is_empty() { self.revision } else { self.next() };
        Some(Effect { answer: Answer { revision, succeeded, results }, changes, ends: None })
    }

    /// Does what [`KeySpace::effect`] computed in this very state.
    pub fn commit(&mut self, effect: &Effect) {
        for change in &effect.changes {
            self.set(&change.key, change.after.as_ref());
        }
        self.revision = effect.answer.revision;
        self.ended.extend(effect.ends);
    }

    /// Takes back what was committed last.
    pub fn undo(&mut self, effect: &Effect) {
        for change in effect.changes.iter().rev() {
            self.set(&change.key, change.before.as_ref());
        }
        if !effect.changes.is_empty() {
            self.revision = Revision(self.revision.0 - 1);
        }
        if let Some(lease) = effect.ends {
            self.ended.remove(&lease);
        }
    }

    /// Live keys that hang on a lease, in order.
    pub(crate) fn keys_of(&self, lease: LeaseId) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |(_, record)| record.lease == lease).map(|(key, _)| key.as_str())
    }

    fn set(&mut self, key: &str, record: Option<&Record>) {
        match record {
            Some(record) => drop(self.keys.insert(key.to_owned(), record.clone())),
            None => drop(self.keys.remove(key)),
        }
    }

    fn next(&self) -> Revision {
        Revision(self.revision.0 + 1)
    }

    fn end(&self, lease: LeaseId) -> Effect {
        let change = |key: &str| Change { key: key.to_owned(), before: self.get(key).cloned(), after: None };
        let changes: Vec<Change> = self.keys_of(lease).map(change).collect();
        let revision = if changes.is_empty() { self.revision } else { self.next() };
        let ends = (!self.ended.contains(&lease)).then_some(lease);
        Effect { answer: Answer { revision, succeeded: true, results: Vec::new() }, changes, ends }
    }

    fn holds(&self, compare: &Compare) -> bool {
        let record = self.get(&compare.key);
        match &compare.target {
            Target::Create(at) => record.map_or(Revision(0), |record| record.create_revision) == *at,
            Target::Mod(at) => record.map_or(Revision(0), |record| record.mod_revision) == *at,
            Target::Version(version) => record.map_or(0, |record| record.version) == *version,
            Target::Value(value) => record.is_some_and(|record| record.value == *value),
        }
    }

    fn is_refused(&self, step: &Step) -> bool {
        matches!(step, Step::Put { lease, .. } if self.ended.contains(lease))
    }

    fn step(&self, step: &Step, changes: &mut Vec<Change>) -> StepAnswer {
        let earlier = changes.iter().rfind(|change| change.key == step.key());
        let before = earlier.map_or_else(|| self.get(step.key()).cloned(), |change| change.after.clone());
        let asked = |asked: &bool| if *asked { before.clone() } else { None };
        match step {
            Step::Range { .. } => StepAnswer::Range(before),
            Step::Put { key, value, lease, prev_kv } => {
                let prev_kv = asked(prev_kv);
                let now = self.next();
                let (created, version) =
                    before.as_ref().map_or((now, 0), |record| (record.create_revision, record.version));
                let after = Record {
                    value: value.clone(),
                    create_revision: created,
                    mod_revision: now,
                    version: version + 1,
                    lease: *lease,
                };
                changes.push(Change { key: key.clone(), before, after: Some(after) });
                StepAnswer::Put { prev_kv }
            }
            Step::Delete { key, prev_kv } => {
                let prev_kv = asked(prev_kv);
                let deleted = i64::from(before.is_some());
                if before.is_some() {
                    changes.push(Change { key: key.clone(), before, after: None });
                }
                StepAnswer::Delete { deleted, prev_kv }
            }
        }
    }
}

#[cfg(test)]
mod tests;
