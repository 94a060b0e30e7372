//! One revision as watchers are told of it: each event encoded once, when the first watcher wants it.

use crate::crowd::Form;
use bytes::Bytes;
use quorate_proto::encoded;
use quorate_proto::mvccpb::event::EventType;
use quorate_types::{Change, ChangeKind, Changes, Revision};
use std::cell::OnceCell;
use std::collections::HashSet;

/// What a change is taken to weigh beside its bytes.
const FACT_BYTES: usize = 192;

/// One revision.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) revision: Revision,
    pub(crate) facts: Vec<Fact>,
    /// What it weighs, with one encoding of each event.
    pub(crate) bytes: usize,
}

/// One change.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) change: Change,
    pub(crate) previous: Previous,
    plain: OnceCell<Bytes>,
    with_previous: OnceCell<Bytes>,
}

/// What was there before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Previous {
    /// Nobody wanted to know yet.
    Unasked,
    /// This record, or none.
    Known(Option<Bytes>),
}

/// What `change` holds in memory.
pub(crate) fn weight(change: &Change) -> usize {
    change.key.len() + 2 * change.record.len() + FACT_BYTES
}

impl Page {
    /// Says only that nothing happened up to `revision`.
    pub(crate) fn blank(revision: Revision) -> Self {
        Self { revision, facts: Vec::new(), bytes: FACT_BYTES }
    }
}

impl From<Changes> for Page {
    fn from(changes: Changes) -> Self {
        let bytes = changes.changes.iter().map(weight).sum();
        let mut facts: Vec<Fact> = changes.changes.into_iter().map(Fact::from).collect();
        know_recreated(&mut facts);
        Self { revision: changes.revision, facts, bytes }
    }
}

/// A key that one transaction deletes and then puts is created by that put: nothing was there before, although the
/// revision before has a record of it. etcd: `api/v3rpc/watch.go`, `IsCreateEvent`.
fn know_recreated(facts: &mut [Fact]) {
    let mut deleted = HashSet::new();
    for fact in facts {
        match fact.change.kind {
            ChangeKind::Delete => {
                deleted.insert(fact.change.key.clone());
            }
            ChangeKind::Put if deleted.contains(&fact.change.key) => fact.previous = Previous::Known(None),
            ChangeKind::Put => (),
        }
    }
}

impl From<Change> for Fact {
    fn from(change: Change) -> Self {
        Self { change, previous: Previous::Unasked, plain: OnceCell::new(), with_previous: OnceCell::new() }
    }
}

impl Fact {
    /// The encoded event. `None` if the form shows what was there before and that has not been found out.
    pub(crate) fn event(&self, form: Form) -> Option<Bytes> {
        let kind = match self.change.kind {
            ChangeKind::Put => EventType::Put,
            ChangeKind::Delete => EventType::Delete,
        };
        let encode = |previous| encoded::event(kind, &self.change.record, previous);
        if !form.with_previous {
            return Some(self.plain.get_or_init(|| encode(None)).clone());
        }
        match &self.previous {
            Previous::Unasked => None,
            Previous::Known(record) => {
                Some(self.with_previous.get_or_init(|| encode(record.as_ref())).clone())
            }
        }
    }

    /// It cannot be found out any more what was there before.
    pub(crate) fn forget_previous(&mut self) {
        self.previous = Previous::Known(None);
        self.with_previous = OnceCell::new();
    }

    pub(crate) fn is_known(&self, form: Form) -> bool {
        !form.with_previous || self.previous != Previous::Unasked
    }
}
