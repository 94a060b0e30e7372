//! etcd's key space as plainly as it can be said: all changes in a list, every question answered by going through it.

use bytes::Bytes;
use prost::Message;
use quorate_mvcc::{
    Compare, Deleted, Found, OpDone, Operand, Order, Put, Query, Refusal, Relation, Sort, Target, Txn,
    TxnDone, TxnOp,
};
use quorate_proto::mvccpb::KeyValue;
use quorate_types::{Change, ChangeKind, Changes, KeyRange, LeaseId, Revision};
use std::collections::BTreeMap;

/// The one lease that lives.
pub(crate) const LEASE: LeaseId = LeaseId(1);

/// One change: the record a key has from then on, or none.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) main: i64,
    pub(crate) sub: i64,
    pub(crate) key: Bytes,
    pub(crate) record: Option<KeyValue>,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) events: Vec<Event>,
    pub(crate) revision: i64,
    pub(crate) compacted: i64,
}

/// The keys at one moment.
pub(crate) type State = BTreeMap<Bytes, KeyValue>;

impl Model {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new(), revision: 1, compacted: -1 }
    }

    pub(crate) fn state(&self, revision: i64) -> State {
        let mut state = State::new();
        for event in self.events.iter().take_while(|event| event.main <= revision) {
            match &event.record {
                Some(record) => drop(state.insert(event.key.clone(), record.clone())),
                None => drop(state.remove(&event.key)),
            }
        }
        state
    }

    pub(crate) fn now(&self) -> State {
        self.state(i64::MAX)
    }

    pub(crate) fn compact(&mut self, revision: i64) -> Result<(), Refusal> {
        if revision <= self.compacted {
            return Err(self.is_compacted(revision));
        }
        if revision > self.revision {
            return Err(self.is_future(revision));
        }
        self.compacted = revision;
        Ok(())
    }

    fn is_compacted(&self, asked: i64) -> Refusal {
        Refusal::Compacted { asked: Revision(asked), oldest: Revision(self.compacted) }
    }

    fn is_future(&self, asked: i64) -> Refusal {
        Refusal::Future { asked: Revision(asked), newest: Revision(self.revision) }
    }

    pub(crate) fn range(&self, query: &Query) -> Result<Found, Refusal> {
        let asked = query.revision.map_or(0, |revision| revision.0);
        if asked > self.revision {
            return Err(self.is_future(asked));
        }
        let at = if asked <= 0 { self.revision } else { asked };
        if at < self.compacted {
            return Err(self.is_compacted(asked));
        }
        Ok(select(&self.state(at), query))
    }

    /// The transaction, whole, or why not.
    pub(crate) fn txn(&mut self, txn: &Txn) -> Result<TxnDone, Refusal> {
        let before = self.now();
        self.check(txn, &before)?;
        let main = self.revision + 1;
        Ok(self.run(txn, &before, main))
    }

    pub(crate) fn put(&mut self, put: &Put) -> Result<(), Refusal> {
        let keeps = put.value.is_none() || put.lease.is_none();
        if keeps && !self.now().contains_key(&put.key) {
            return Err(Refusal::KeyNotFound);
        }
        self.set(put, self.revision + 1);
        Ok(())
    }

    pub(crate) fn delete(&mut self, range: &KeyRange, with_records: bool) -> Deleted {
        self.remove(range, with_records, self.revision + 1)
    }

    fn check(&self, txn: &Txn, before: &State) -> Result<(), Refusal> {
        branch(txn, before).iter().try_for_each(|op| match op {
            TxnOp::Txn(inner) => self.check(inner, before),
            TxnOp::Put { change, .. } => check_put(change, before),
            TxnOp::Range(query) => self.check_range(query),
            TxnOp::DeleteRange { .. } => Ok(()),
        })
    }

    fn check_range(&self, query: &Query) -> Result<(), Refusal> {
        match query.revision.map_or(0, |revision| revision.0) {
            0 => Ok(()),
            asked if asked > self.revision => Err(self.is_future(asked)),
            asked if asked < self.compacted => Err(self.is_compacted(asked)),
            _ => Ok(()),
        }
    }

    fn run(&mut self, txn: &Txn, before: &State, main: i64) -> TxnDone {
        let mut results = Vec::new();
        for op in branch(txn, before) {
            let done = match op {
                TxnOp::Range(query) => {
                    let found = self.range(query).expect("it was checked");
                    OpDone::Range { revision: Revision(self.revision), found }
                }
                TxnOp::Put { change, with_previous } => {
                    let previous = self.now().get(&change.key).filter(|_| *with_previous).map(encoded);
                    self.set(change, main);
                    OpDone::Put { revision: Revision(main), previous }
                }
                TxnOp::DeleteRange { range, with_previous } => {
                    let deleted = self.remove(range, *with_previous, main);
                    OpDone::DeleteRange { revision: Revision(self.revision), deleted }
                }
                TxnOp::Txn(inner) => OpDone::Txn(self.run(inner, before, main)),
            };
            results.push(done);
        }
        TxnDone { succeeded: succeeds(txn, before), results }
    }

    fn set(&mut self, put: &Put, main: i64) {
        let old = self.now().remove(&put.key);
        let created = old.as_ref().map_or(main, |old| old.create_revision);
        let old = old.unwrap_or_default();
        let record = KeyValue {
            key: put.key.clone(),
            create_revision: created,
            mod_revision: main,
            version: old.version + 1,
            value: put.value.clone().unwrap_or(old.value),
            lease: put.lease.map_or(old.lease, |lease| lease.0),
        };
        self.push(put.key.clone(), Some(record), main);
    }

    fn remove(&mut self, range: &KeyRange, with_records: bool, main: i64) -> Deleted {
        let doomed: Vec<_> = self.now().into_iter().filter(|(key, _)| range.contains(key)).collect();
        doomed.iter().for_each(|(key, _)| self.push(key.clone(), None, main));
        let records = doomed.iter().filter(|_| with_records).map(|(_, record)| encoded(record)).collect();
        Deleted { count: doomed.len(), records }
    }

    fn push(&mut self, key: Bytes, record: Option<KeyValue>, main: i64) {
        let sub = self.events.iter().filter(|event| event.main == main).count() as i64;
        self.events.push(Event { main, sub, key, record });
        self.revision = main;
    }

    /// What watchers are told from revision `from` on.
    pub(crate) fn changes(&self, from: i64) -> Vec<Changes> {
        let mut told: Vec<Changes> = Vec::new();
        for event in self.events.iter().filter(|event| event.main >= from) {
            if told.last().is_none_or(|last| last.revision.0 != event.main) {
                told.push(Changes { revision: Revision(event.main), changes: Vec::new() });
            }
            told.last_mut().expect("it was just made").changes.push(change(event));
        }
        told
    }

    /// The events whose records are still needed once everything is pruned.
    pub(crate) fn kept(&self) -> Vec<&Event> {
        let is_last = |at: usize, event: &Event| {
            !self.events[at + 1..].iter().any(|later| later.key == event.key && later.main <= self.compacted)
        };
        let is_kept = |at: usize, event: &Event| {
            event.main > self.compacted
                || is_last(at, event) && (event.record.is_some() || event.main == self.compacted)
        };
        self.events
            .iter()
            .enumerate()
            .filter(|(at, event)| is_kept(*at, event))
            .map(|(_, event)| event)
            .collect()
    }
}

pub(crate) fn encoded(record: &KeyValue) -> Bytes {
    record.encode_to_vec().into()
}

fn change(event: &Event) -> Change {
    let gone = KeyValue { key: event.key.clone(), mod_revision: event.main, ..KeyValue::default() };
    let (kind, record) = match &event.record {
        Some(record) => (ChangeKind::Put, encoded(record)),
        None => (ChangeKind::Delete, encoded(&gone)),
    };
    Change { key: event.key.clone(), kind, record }
}

fn branch<'a>(txn: &'a Txn, before: &State) -> &'a [TxnOp] {
    if succeeds(txn, before) { &txn.success } else { &txn.failure }
}

fn succeeds(txn: &Txn, before: &State) -> bool {
    txn.compares.iter().all(|compare| {
        let mut records = before.values().filter(|record| compare.range.contains(&record.key)).peekable();
        if records.peek().is_none() {
            return !matches!(compare.operand, Operand::Value(_)) && holds(compare, &KeyValue::default());
        }
        records.all(|record| holds(compare, record))
    })
}

fn holds(compare: &Compare, record: &KeyValue) -> bool {
    let order = match &compare.operand {
        Operand::Version(version) => record.version.cmp(version),
        Operand::Created(revision) => record.create_revision.cmp(&revision.0),
        Operand::Modified(revision) => record.mod_revision.cmp(&revision.0),
        Operand::Lease(lease) => record.lease.cmp(&lease.0),
        Operand::Value(value) => record.value.cmp(value),
    };
    match compare.relation {
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Greater => order.is_gt(),
        Relation::Less => order.is_lt(),
    }
}

fn select(state: &State, query: &Query) -> Found {
    let all: Vec<&KeyValue> = state.values().filter(|record| query.range.contains(&record.key)).collect();
    let count = all.len();
    if query.count_only {
        return Found { records: Vec::new(), more: false, count };
    }
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut picked: Vec<&KeyValue> = all.into_iter().filter(|record| admits(query, record)).collect();
    if let Some(Sort { order: Order::Unnamed, .. }) = query.sort
        && query.filter == quorate_mvcc::Filter::default()
    {
        picked.truncate(limit.saturating_add(1));
    }
    if let Some(sort) = query.sort {
        picked.sort_by(|left, right| in_order(left, right, sort));
    }
    let more = picked.len() > limit;
    let records = picked.into_iter().take(limit).map(|record| answer(record, query)).collect();
    Found { records, more, count }
}

fn admits(query: &Query, record: &KeyValue) -> bool {
    let filter = query.filter;
    filter.modified_max.is_none_or(|bound| record.mod_revision <= bound.0)
        && filter.modified_min.is_none_or(|bound| record.mod_revision >= bound.0)
        && filter.created_max.is_none_or(|bound| record.create_revision <= bound.0)
        && filter.created_min.is_none_or(|bound| record.create_revision >= bound.0)
}

fn in_order(left: &KeyValue, right: &KeyValue, sort: Sort) -> std::cmp::Ordering {
    let order = match sort.target {
        Target::Key => left.key.cmp(&right.key),
        Target::Version => left.version.cmp(&right.version),
        Target::Created => left.create_revision.cmp(&right.create_revision),
        Target::Modified => left.mod_revision.cmp(&right.mod_revision),
        Target::Value => left.value.cmp(&right.value),
    };
    if sort.order == Order::Descending { order.reverse() } else { order }
}

fn answer(record: &KeyValue, query: &Query) -> Bytes {
    if !query.keys_only {
        return encoded(record);
    }
    let by_value = query.sort.is_some_and(|sort| sort.target == Target::Value);
    let lease = if by_value { record.lease } else { 0 };
    encoded(&KeyValue { value: Bytes::new(), lease, ..record.clone() })
}

fn check_put(change: &Put, before: &State) -> Result<(), Refusal> {
    if !matches!(change.lease, None | Some(LeaseId::NONE | LEASE)) {
        return Err(Refusal::LeaseNotFound);
    }
    if (change.value.is_none() || change.lease.is_none()) && !before.contains_key(&change.key) {
        return Err(Refusal::KeyNotFound);
    }
    Ok(())
}
