//! A correct store with many clients, a network that loses answers, and a choice of lies.
//!
//! Everything follows from the seed. A call is invoked, done at some later time, and answered at a later one; the
//! answer may be lost, and what the client has given up may still be done long after, or never.

mod chance;
mod plot;

use std::collections::{BTreeMap, HashMap};

use crate::check::{Settings, Verdict, check};
use crate::history::History;
use crate::model::{Change, Effect, KeySpace};
use crate::operation::{Answer, Compare, LeaseId, Operation, Revision, Step, Target};
use crate::recording::{Ask, Event, Id, Outcome, Range, Recording, Told};

use chance::Chance;
pub(crate) use plot::{Lie, Plot};

/// A recording, and whether the lie was told.
pub(crate) struct Tale {
    pub(crate) recording: Recording,
    pub(crate) lied: bool,
}

impl Plot {
    pub(crate) fn new(seed: u64) -> Plot {
        Plot {
            seed,
            steps: 600,
            clients: 8,
            keys: 5,
            values: 0,
            lost: 10,
            leases: false,
            watches: 0,
            lie: None,
        }
    }

    pub(crate) fn play(self) -> Tale {
        let mut store = Store::new(self);
        for step in 0..self.steps {
            store.is_ripe = step > self.steps / 2 && step < self.steps * 4 / 5;
            store.step();
        }
        store.close();
        Tale { recording: store.recording, lied: store.lied }
    }
}

impl Tale {
    pub(crate) fn history(&self) -> History {
        History::try_from(&self.recording).expect("this recorder is careful")
    }

    pub(crate) fn verdict(&self) -> Verdict {
        check(&self.history(), &Settings::default())
    }
}

/// A call on its way.
struct Way {
    call: Id,
    operation: Operation,
    /// The newest revision that anybody had been told of when it began.
    floor: Revision,
    answer: Option<Outcome>,
    /// The answer is a lie.
    is_lie: bool,
}

struct Lease {
    until_ms: u64,
    /// By what its client has been told.
    known_until_ms: u64,
    ttl: i64,
}

struct Watcher {
    id: Id,
    range: Range,
    /// All up to here has been told.
    upto: Revision,
}

struct Store {
    plot: Plot,
    chance: Chance,
    recording: Recording,
    ms: u64,
    /// The state after each revision, from revision 1 on.
    states: Vec<KeySpace>,
    effects: BTreeMap<Revision, Effect>,
    clients: Vec<Option<Way>>,
    strays: Vec<Way>,
    leases: BTreeMap<LeaseId, Lease>,
    watchers: Vec<Watcher>,
    told: Revision,
    values: u64,
    is_ripe: bool,
    lied: bool,
    /// Revisions that were acknowledged, with their calls' ends in the recording.
    acknowledged: HashMap<Revision, usize>,
}

impl Store {
    fn new(plot: Plot) -> Store {
        Store {
            plot,
            chance: Chance(plot.seed),
            recording: Recording::default(),
            ms: 0,
            states: vec![KeySpace::default()],
            effects: BTreeMap::new(),
            clients: (0..plot.clients).map(|_| None).collect(),
            strays: Vec::new(),
            leases: BTreeMap::new(),
            watchers: Vec::new(),
            told: Revision(1),
            values: 0,
            is_ripe: false,
            lied: false,
            acknowledged: HashMap::new(),
        }
    }

    fn now(&self) -> &KeySpace {
        self.states.last().expect("there is a first state")
    }

    /// Whether this lie is to be told now.
    fn lies(&self, lie: Lie) -> bool {
        self.is_ripe && !self.lied && self.plot.lie == Some(lie)
    }

    fn step(&mut self) {
        self.ms += self.chance.below(20);
        if self.plot.leases {
            self.expire();
            self.keep_leases();
        }
        if self.plot.watches > 0 && self.chance.percent(30) {
            self.watch();
        }
        if !self.strays.is_empty() && self.chance.percent(5) {
            let at = self.chance.below(self.strays.len() as u64) as usize;
            let stray = self.strays.swap_remove(at);
            if self.chance.percent(70) {
                self.perform(&stray.operation);
            }
        }
        let client = self.chance.below(self.clients.len() as u64) as usize;
        self.move_on(client);
    }

    /// One client makes one step: it asks, is served, or is answered.
    fn move_on(&mut self, client: usize) {
        let Some(mut way) = self.clients[client].take() else {
            let operation = self.ask();
            self.clients[client] = Some(self.invoke(client, operation));
            return;
        };
        let lost = self.chance.percent(self.plot.lost);
        match way.answer.take() {
            None if lost => {
                self.lose(&way);
                self.strays.push(way);
            }
            None => {
                let lie = self.lie_about(&way.operation, way.floor);
                way.is_lie = lie.is_some();
                way.answer = Some(lie.map_or_else(|| self.perform(&way.operation), Outcome::Done));
                self.clients[client] = Some(way);
            }
            Some(_) if lost => self.lose(&way),
            Some(outcome) => self.answer(&way, outcome),
        }
    }

    fn invoke(&mut self, client: usize, operation: Operation) -> Way {
        let call = self.recording.invoke(client as u32, self.ms, operation.clone());
        Way { call, operation, floor: self.told, answer: None, is_lie: false }
    }

    fn lose(&mut self, way: &Way) {
        if self.chance.percent(70) {
            self.recording.complete(way.call, self.ms, Outcome::Unknown("no answer".to_owned()));
        }
    }

    fn answer(&mut self, way: &Way, outcome: Outcome) {
        self.lied |= way.is_lie;
        if let Outcome::Done(answer) = &outcome {
            self.told = self.told.max(answer.revision);
            if answer.wrote() {
                self.acknowledged.insert(answer.revision, self.recording.entries().len());
            }
        }
        self.recording.complete(way.call, self.ms, outcome);
    }

    fn ask(&mut self) -> Operation {
        let roll = self.chance.below(100);
        match roll {
            0..30 => Operation::Step(self.put()),
            30..40 => Operation::Step(Step::Delete { key: self.key(), prev_kv: self.chance.percent(30) }),
            40..70 => Operation::Step(Step::Range { key: self.key() }),
            70..72 if self.plot.leases && !self.leases.is_empty() => {
                Operation::Revoke { lease: self.lease() }
            }
            _ => self.txn(),
        }
    }

    fn key(&mut self) -> String {
        format!("k{}", self.chance.below(self.plot.keys as u64))
    }

    fn lease(&mut self) -> LeaseId {
        let at = self.chance.below(self.leases.len() as u64) as usize;
        *self.leases.keys().nth(at).expect("the number is below their count")
    }

    fn put(&mut self) -> Step {
        self.values += 1;
        let value = if self.plot.values == 0 { self.values } else { self.chance.below(self.plot.values) };
        let lease =
            if !self.leases.is_empty() && self.chance.percent(40) { self.lease() } else { LeaseId(0) };
        Step::Put { key: self.key(), value: format!("v{value}"), lease, prev_kv: self.chance.percent(30) }
    }

    /// Compares with what holds now, most of the time, and does one thing to each of some keys.
    fn txn(&mut self) -> Operation {
        let key = self.key();
        let record = self.now().get(&key);
        let revision = record.map_or(Revision(0), |record| record.mod_revision);
        let target = match self.chance.below(4) {
            0 => Target::Create(Revision(0)),
            1 => Target::Value(format!("v{}", self.values)),
            2 => Target::Version(1),
            _ => Target::Mod(revision),
        };
        let mut success = Vec::new();
        for at in 0..self.plot.keys {
            let key = format!("k{at}");
            match self.chance.below(5) {
                0 => success.push(self.put().of(key)),
                1 => success.push(Step::Delete { key, prev_kv: self.chance.percent(50) }),
                2 => success.push(Step::Range { key }),
                _ => (),
            }
        }
        let failure = vec![Step::Range { key: self.key() }];
        Operation::Txn { compare: vec![Compare { key, target }], success, failure }
    }

    fn perform(&mut self, operation: &Operation) -> Outcome {
        let Some(effect) = self.now().effect(operation) else {
            return Outcome::Refused("requested lease not found".to_owned());
        };
        if let Operation::Revoke { lease } = operation {
            self.leases.remove(lease);
        }
        let answer = effect.answer.clone();
        self.commit(effect);
        Outcome::Done(answer)
    }

    fn commit(&mut self, effect: Effect) {
        let mut state = self.now().clone();
        state.commit(&effect);
        if effect.changes.is_empty() {
            *self.states.last_mut().expect("there is a first state") = state;
            return;
        }
        self.effects.insert(state.revision(), effect);
        self.states.push(state);
    }

    fn lie_about(&mut self, operation: &Operation, floor: Revision) -> Option<Answer> {
        let effect = self.now().effect(operation)?;
        let is_write = !effect.changes.is_empty() && !matches!(operation, Operation::Revoke { .. });
        let is_read = matches!(operation, Operation::Step(Step::Range { .. }));
        if self.lies(Lie::StaleRead) && is_read && floor > Revision(1) {
            let old = &self.states[floor.0 as usize - 2];
            return Some(old.effect(operation)?.answer);
        }
        if self.lies(Lie::OldValue) && is_read {
            let mut older = self.states.iter().rev().filter_map(|state| state.effect(operation));
            let older = older.find(|older| older.answer.results != effect.answer.results)?;
            return Some(Answer { revision: effect.answer.revision, ..older.answer });
        }
        if self.lies(Lie::LostWrite) && is_write {
            return Some(effect.answer);
        }
        if self.lies(Lie::HollowWrite) && is_write {
            let answer = effect.answer.clone();
            let mut effect = effect;
            effect.changes = hollow(&effect);
            self.commit(effect);
            return Some(answer);
        }
        let again = matches!(operation, Operation::Step(Step::Put { .. }));
        if self.lies(Lie::Doubled) && again {
            let answer = effect.answer.clone();
            self.commit(effect);
            let again = self.now().effect(operation)?;
            self.commit(again);
            return Some(answer);
        }
        None
    }

    fn expire(&mut self) {
        let dead = self.leases.iter().filter(|(_, lease)| lease.until_ms <= self.ms);
        let mut dead: Vec<LeaseId> = dead.map(|(id, _)| *id).collect();
        if self.plot.lie == Some(Lie::Immortal) {
            dead.clear();
        }
        let is_revoked = |lease: LeaseId| {
            let ways = self.clients.iter().flatten();
            ways.map(|way| &way.operation).any(|operation| *operation == Operation::Revoke { lease })
        };
        let early = self.leases.iter().find(|(id, lease)| {
            lease.known_until_ms > self.ms + 5_000
                && self.now().keys_of(**id).next().is_some()
                && !is_revoked(**id)
        });
        if let (true, Some((id, _))) = (self.lies(Lie::EarlyExpiry), early) {
            dead.push(*id);
            self.lied = true;
        }
        for lease in dead {
            self.leases.remove(&lease);
            let effect = self.now().effect(&Operation::Revoke { lease }).expect("a revoke is never refused");
            self.commit(effect);
        }
    }

    fn keep_leases(&mut self) {
        if self.leases.len() < 3 && self.chance.percent(30) {
            self.grant();
        } else if !self.leases.is_empty() && self.chance.percent(20) {
            self.keep_alive();
        }
    }

    fn grant(&mut self) {
        let (id, ttl) = (LeaseId(self.recording.entries().len() as i64 + 1), 1 + self.chance.below(9) as i64);
        let ask = self.recording.ask(self.ms, id, Ask::Grant { ttl });
        let known_until_ms = self.ms + ttl as u64 * 1000;
        self.ms += self.chance.below(5);
        let until_ms = self.ms + ttl as u64 * 1000;
        self.leases.insert(id, Lease { until_ms, known_until_ms, ttl });
        self.ms += self.chance.below(5);
        self.recording.ttl(ask, self.ms, ttl);
    }

    fn keep_alive(&mut self) {
        let id = self.lease();
        let ask = self.recording.ask(self.ms, id, Ask::KeepAlive);
        let (sent, lost) = (self.ms, self.chance.percent(self.plot.lost));
        self.ms += self.chance.below(5);
        let lease = self.leases.get_mut(&id).expect("it was just chosen");
        lease.until_ms = self.ms + lease.ttl as u64 * 1000;
        if !lost {
            lease.known_until_ms = sent + lease.ttl as u64 * 1000;
            self.ms += self.chance.below(5);
            self.recording.ttl(ask, self.ms, lease.ttl);
        }
    }

    /// A watch begins, or one is told of some revisions.
    fn watch(&mut self) {
        if self.watchers.len() < self.plot.watches {
            let range = match self.chance.below(3) {
                0 => Range { key: self.key(), range_end: String::new() },
                1 => Range { key: "k1".to_owned(), range_end: "k4".to_owned() },
                _ => Range { key: "k".to_owned(), range_end: "\0".to_owned() },
            };
            let revision = self.now().revision();
            let start = self.chance.percent(50).then_some(Revision(2));
            let id = self.recording.watch(self.ms, range.clone(), start);
            self.recording.tell(id, self.ms, revision, Told::Created);
            let upto = if start.is_some() { Revision(1) } else { revision };
            self.watchers.push(Watcher { id, range, upto });
            return;
        }
        let at = self.chance.below(self.watchers.len() as u64) as usize;
        let most = 1 + self.chance.below(4) as i64;
        self.tell(at, most);
    }

    fn tell(&mut self, at: usize, most: i64) {
        let newest = self.now().revision();
        let Watcher { id, range, upto } = &mut self.watchers[at];
        let (id, from) = (*id, *upto);
        *upto = newest.min(Revision(from.0 + most));
        let upto = *upto;
        let since = self.effects.range(..=upto).filter(|(revision, _)| **revision > from);
        let told = since.flat_map(|(revision, effect)| {
            let changes = effect.changes.iter().filter(|change| range.contains(&change.key));
            changes.map(|change| Event {
                key: change.key.clone(),
                revision: *revision,
                record: change.after.clone(),
                prev_kv: change.before.clone(),
            })
        });
        let events: Vec<Event> = told.collect();
        let header = if events.is_empty() { upto } else { newest };
        let told = if events.is_empty() { Told::Progress } else { Told::Events(events) };
        self.told = self.told.max(header);
        for (header, told) in self.twist(header, told) {
            self.recording.tell(id, self.ms, header, told);
        }
    }

    /// What a lying watch says instead.
    fn twist(&mut self, header: Revision, told: Told) -> Vec<(Revision, Told)> {
        let Told::Events(mut events) = told else { return vec![(header, told)] };
        let newest = events.last().expect("without events it is progress").revision;
        let pair = events.windows(2).position(|pair| pair[0].revision == pair[1].revision);
        let is_single = events.windows(2).all(|pair| pair[0].revision < pair[1].revision);
        if self.lies(Lie::LostEvent) && events.len() > 1 {
            events.remove(0);
        } else if self.lies(Lie::DoubledEvent) {
            events.push(events[0].clone());
        } else if self.lies(Lie::LateEvent) && events.len() > 1 && is_single {
            events.swap(0, 1);
        } else if self.lies(Lie::EarlyProgress) {
            self.lied = true;
            return vec![(newest, Told::Progress), (header, Told::Events(events))];
        } else if let (true, Some(at)) = (self.lies(Lie::SplitRevision), pair) {
            self.lied = true;
            let rest = events.split_off(at + 1);
            return vec![(header, Told::Events(events)), (header, Told::Events(rest))];
        } else {
            return vec![(header, Told::Events(events))];
        }
        self.lied = true;
        vec![(header, Told::Events(events))]
    }

    /// In the end every key is read and written, every lease has had its time, and every watch is told all.
    fn close(&mut self) {
        self.is_ripe = false;
        self.ms += 60_000;
        self.expire();
        if self.plot.lie == Some(Lie::Immortal) {
            let dead = self.leases.keys().filter(|lease| self.now().keys_of(**lease).next().is_some());
            self.lied = dead.count() > 0;
        }
        let last = self.plot.clients;
        for key in 0..self.plot.keys {
            for operation in [Operation::range(&format!("k{key}")), Operation::put(&format!("k{key}"), "end")]
            {
                let way = self.invoke(last, operation);
                let outcome = self.perform(&way.operation);
                self.answer(&way, outcome);
            }
        }
        for at in 0..self.watchers.len() {
            self.tell(at, i64::MAX / 2);
            self.tell(at, 0);
        }
        if self.plot.lie == Some(Lie::Reordered) {
            self.reorder();
        }
    }

    /// Gives two acknowledged writes, of which one began after the other had ended, each other's revision.
    fn reorder(&mut self) {
        let history = History::try_from(&self.recording).expect("this recorder is careful");
        let mut revisions: Vec<&Revision> = self.acknowledged.keys().collect();
        revisions.sort();
        let end = |revision: &Revision| self.acknowledged[revision];
        let begun = |entry: usize| {
            let calls = history.calls.iter();
            let mut ends =
                calls.filter(|call| call.completed.as_ref().is_some_and(|(at, _)| at.order == entry as u64));
            ends.next().expect("the entry is the end of a call").invoked.order as usize
        };
        let pairs = revisions.windows(2).map(|pair| (end(pair[0]), end(pair[1])));
        let mut apart = pairs.filter(|(first, second)| *first < begun(*second));
        let (first, second) = apart.next().expect("some writes do not overlap");
        let mut entries = self.recording.entries().to_vec();
        let [one, other] = entries.get_disjoint_mut([first, second]).expect("two entries");
        std::mem::swap(one.revision(), other.revision());
        self.recording = Recording::default();
        entries.into_iter().for_each(|entry| self.recording.push(entry));
        self.lied = true;
    }
}

impl crate::recording::Entry {
    fn revision(&mut self) -> &mut Revision {
        match self {
            crate::recording::Entry::Complete { outcome: Outcome::Done(answer), .. } => &mut answer.revision,
            other => panic!("{other:?} has no revision"),
        }
    }
}

impl Step {
    fn of(self, of: String) -> Step {
        match self {
            Step::Put { value, lease, prev_kv, .. } => Step::Put { key: of, value, lease, prev_kv },
            other => other,
        }
    }
}

/// Changes that put back what was there.
fn hollow(effect: &Effect) -> Vec<Change> {
    let nothing = |change: &Change| Change { after: change.before.clone(), ..change.clone() };
    effect.changes.iter().map(nothing).collect()
}
