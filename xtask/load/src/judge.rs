//! Whether what a store holds is what it must hold: everything acknowledged, nothing half, nothing else.
//!
//! A write whose fate is unknown may have happened or not. V2 lets us see which: a put by its value, a delete
//! by the absence of all its keys. Whichever it was, the rest must then fit exactly.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Event, Op};
use crate::model::Model;

/// A key as the server showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) value: Vec<u8>,
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
}

/// Everything below our keys, read at one revision.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) keys: BTreeMap<String, Found>,
    pub(crate) revision: i64,
}

/// What is wrong, one line each; empty if nothing is.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) wrongs: Vec<String>,
    /// What became of the writes that were under way.
    pub(crate) settled: Vec<Event>,
}

pub(crate) fn judge(mut model: Model, store: &Store) -> Verdict {
    let mut verdict = Verdict::default();
    for (worker, op) in std::mem::take(&mut model.pending) {
        let fate = fate(&model, &op, store);
        let applied = fate.is_some();
        let revision = fate.unwrap_or(0);
        if applied && let Err(error) = model.write(worker, op, revision) {
            verdict.wrongs.push(format!("{error:#}"));
        }
        verdict.settled.push(Event::Settled { worker, applied, revision });
    }
    verdict.wrongs.extend(differences(&model, store));
    verdict.wrongs.extend(wrong_revisions(&model, store));
    verdict
}

/// The revision of a write that happened; 0 for a delete, whose revision cannot be seen.
fn fate(model: &Model, op: &Op, store: &Store) -> Option<i64> {
    match op {
        Op::Put { key, value } => {
            let found = store.keys.get(key)?;
            (found.value == value.bytes()).then_some(found.mod_revision)
        }
        Op::Delete { prefix } => {
            let keys = model.below(prefix);
            let gone = keys.iter().all(|key| !store.keys.contains_key(key));
            (!keys.is_empty() && gone).then_some(0)
        }
    }
}

fn differences(model: &Model, store: &Store) -> Vec<String> {
    let keys: BTreeSet<&String> = model.records.keys().chain(store.keys.keys()).collect();
    let mut wrongs = Vec::new();
    for key in keys {
        match (model.records.get(key), store.keys.get(key)) {
            (Some(record), None) => {
                wrongs.push(format!("{key} is lost; it must have revision {}", record.mod_revision));
            }
            (None, Some(found)) => {
                wrongs.push(format!("{key} must not be there, with revision {}", found.mod_revision));
            }
            (Some(record), Some(found)) => {
                let expected = Found {
                    value: record.value.bytes(),
                    create_revision: record.create_revision,
                    mod_revision: record.mod_revision,
                    version: record.version,
                };
                if expected != *found {
                    wrongs.push(format!("{key} must be {}, is {}", shown(&expected), shown(found)));
                }
            }
            (None, None) => (),
        }
    }
    wrongs
}

fn shown(found: &Found) -> String {
    let Found { value, create_revision, mod_revision, version } = found;
    let value = String::from_utf8_lossy(value);
    let tag = value.trim_end_matches('.');
    format!("{tag:?} created {create_revision} modified {mod_revision} version {version}")
}

fn wrong_revisions(model: &Model, store: &Store) -> Vec<String> {
    let mut wrongs = Vec::new();
    if store.revision < model.revision() {
        wrongs.push(format!("the store's revision is {}, after {}", store.revision, model.revision()));
    }
    // An empty store has revision 1, and every write that changed something took one more.
    if store.revision != model.writes + 1 {
        wrongs.push(format!(
            "{} writes happened, and the store's revision is {}",
            model.writes, store.revision
        ));
    }
    let revisions: BTreeSet<i64> = store.keys.values().map(|found| found.mod_revision).collect();
    if revisions.len() != store.keys.len() {
        wrongs.push("two keys have the same mod_revision, and no request wrote two".to_owned());
    }
    wrongs
}

#[cfg(test)]
mod tests;
