//! One client: a call after the other, each to some endpoint.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use quorate_testkit::{Answer, Compare, LeaseId, Operation, Outcome, Record, Step, StepAnswer, Target};
use tonic::transport::Channel;

use super::lease::Tenancy;
use super::wire::{self, Failure};
use super::{Links, Shared, fate};
use crate::random::Random;

/// Few enough that clients meet on them, in two ranges; those that hang on leases have names of their own.
const KEYS: u64 = 16;
const LEASED_KEYS: u64 = 8;
/// Between two calls of one client: a history must stay short enough to be judged.
const PAUSE_MS: u64 = 25;
/// A call that takes longer is given up. Longer than an election, so that some wait for one and succeed.
pub(super) const REPLY_WITHIN: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: u32,
    pub(super) shared: Rc<Shared>,
    pub(super) links: Links,
    pub(super) random: Random,
    pub(super) tenancy: Tenancy,
    /// What this client last saw of each key, to compare with.
    seen: BTreeMap<String, Option<Record>>,
    /// Values that were made.
    count: u64,
}

impl Client {
    pub(super) fn new(number: u32, seed: u64, shared: Rc<Shared>) -> Client {
        Client {
            number,
            links: Links::new(&shared.endpoints),
            shared,
            random: Random::new(seed ^ (u64::from(number) + 1) << 40),
            tenancy: Tenancy::new(number),
            seen: BTreeMap::new(),
            count: 0,
        }
    }

    /// Until the clients are told that it is over.
    pub(super) async fn run(mut self) {
        while !self.shared.is_over.get() {
            tokio::time::sleep(Duration::from_millis(self.random.below(PAUSE_MS))).await;
            let Some((at, channel)) = self.links.any(&mut self.random).await else { continue };
            if self.random.below(100) < 25 {
                self.tenant_call(at, channel).await;
            } else {
                let operation = self.operation();
                self.call((at, channel), operation).await;
            }
        }
    }

    /// Makes a call and keeps its account; gives how it ended.
    pub(super) async fn call(&mut self, (at, channel): (usize, Channel), operation: Operation) -> Outcome {
        let sent = self.shared.recorder.borrow_mut().invoke(self.number, &operation, at);
        let ended = tokio::time::timeout(REPLY_WITHIN, wire::call(channel, &operation)).await;
        let outcome = match ended {
            Ok(Ok(answer)) => {
                self.see(&operation, &answer);
                Outcome::Done(answer)
            }
            Ok(Err(Failure::Status(status))) => fate::of(&status),
            Ok(Err(Failure::Nonsense(error))) => {
                let wrong = format!("{operation} through {}: {error:#}", self.shared.endpoints[at]);
                self.shared.recorder.borrow_mut().wrong(wrong);
                Outcome::Unknown(format!("{error:#}"))
            }
            Err(_) => Outcome::Unknown("given up".to_owned()),
        };
        if matches!(outcome, Outcome::Unknown(_)) {
            self.links.forget(at);
        }
        self.shared.recorder.borrow_mut().complete(sent, outcome.clone());
        outcome
    }

    /// Reads a key through this member; whether it was answered.
    pub(super) async fn read(&mut self, at: usize, key: &str) -> bool {
        let Some(channel) = self.links.to(at).await else { return false };
        matches!(self.call((at, channel), Operation::range(key)).await, Outcome::Done(_))
    }

    /// Every key that any client writes.
    pub(super) fn keys() -> impl Iterator<Item = String> {
        (0..KEYS).map(key).chain((0..LEASED_KEYS).map(leased_key))
    }

    pub(super) fn leased_key(&mut self) -> String {
        leased_key(self.random.below(LEASED_KEYS))
    }

    /// Nobody ever writes the same value again.
    pub(super) fn value(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.number, self.count)
    }

    fn key(&mut self) -> String {
        key(self.random.below(KEYS))
    }

    fn operation(&mut self) -> Operation {
        let key = self.key();
        match self.random.below(100) {
            0..32 => Operation::Step(self.put(key)),
            32..55 => Operation::range(&key),
            55..62 => Operation::range(&self.leased_key()),
            62..72 => {
                let prev_kv = self.random.below(2) == 0;
                Operation::Step(Step::Delete { key, prev_kv })
            }
            _ => self.txn(key),
        }
    }

    fn put(&mut self, key: String) -> Step {
        let prev_kv = self.random.below(3) == 0;
        Step::Put { key, value: self.value(), lease: LeaseId::default(), prev_kv }
    }

    /// Writes what nobody has changed since it was seen; else reads it.
    fn txn(&mut self, key: String) -> Operation {
        let target = self.expected(&key);
        let mut success = vec![self.put(key.clone())];
        let other = self.key();
        if other != key {
            success.push(match self.random.below(3) {
                0 => self.put(other),
                1 => Step::Delete { key: other, prev_kv: false },
                _ => Step::Range { key: other },
            });
        }
        let failure = vec![Step::Range { key: key.clone() }];
        Operation::Txn { compare: vec![Compare { key, target }], success, failure }
    }

    fn expected(&mut self, key: &str) -> Target {
        let seen = self.seen.get(key).cloned().flatten();
        match (self.random.below(4), seen) {
            (0, Some(record)) => Target::Value(record.value),
            (1, Some(record)) => Target::Version(record.version),
            (2, Some(record)) => Target::Create(record.create_revision),
            (_, Some(record)) => Target::Mod(record.mod_revision),
            (_, None) => Target::Version(0),
        }
    }

    fn see(&mut self, operation: &Operation, answer: &Answer) {
        for (step, result) in operation.branch(answer.succeeded).iter().zip(&answer.results) {
            let record = match (step, result) {
                (Step::Range { .. }, StepAnswer::Range(record)) => record.clone(),
                (Step::Delete { .. }, _) => None,
                _ => continue,
            };
            self.seen.insert(step.key().to_owned(), record);
        }
    }
}

fn key(number: u64) -> String {
    format!("{}/{number}", if number.is_multiple_of(2) { "even" } else { "odd" })
}

fn leased_key(number: u64) -> String {
    format!("lease/{number}")
}
