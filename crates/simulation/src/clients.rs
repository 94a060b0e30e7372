//! Clients that read and write a few keys, one thing after the other, at any member.

use crate::line::Lost;
use crate::machine::Machine;
use crate::tally::Event;
use crate::wording;
use crate::world::World;
use quorate_tasks::Moment;
use quorate_testkit::{
    Answer, Compare, LeaseId, Operation, Outcome, Record, Revision, Step, StepAnswer, Target,
};
use std::sync::Arc;
use std::time::Duration;

/// What clients fight over.
pub(crate) const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// How long a client rests between two calls, at most.
const REST_MS: usize = 160;

/// One client.
pub(crate) struct Client {
    pub(crate) world: Arc<World>,
    pub(crate) number: u32,
    /// What it last saw of a key.
    seen: Option<(String, Record)>,
    written: u32,
}

impl World {
    /// Has a member do `operation` for a client, and writes down both.
    pub(crate) async fn perform(
        &self,
        client: u32,
        machine: &Machine,
        patience: Duration,
        operation: Operation,
    ) -> Option<Answer> {
        let call = self.notes.invoke(client, operation.clone());
        let asked = self.call(machine, patience, move |door, call| async move {
            wording::carry_out(&door, &call, &operation).await
        });
        let outcome = match asked.await {
            Ok(answer) => wording::outcome(answer),
            Err(lost @ Lost::NotSent) => Outcome::Refused(lost.to_string()),
            Err(lost @ Lost::Unanswered) => Outcome::Unknown(lost.to_string()),
        };
        self.tally.count(match &outcome {
            Outcome::Done(_) => Event::Acknowledged,
            Outcome::Refused(_) => Event::Refused,
            Outcome::Unknown(_) => Event::Unknown,
        });
        let answer = if let Outcome::Done(answer) = &outcome { Some(answer.clone()) } else { None };
        self.notes.complete(call, outcome);
        answer
    }

    /// How long a client waits, as chance has it.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(300 + self.below(3000) as u64)
    }
}

impl Client {
    pub(crate) fn new(world: Arc<World>, number: u32) -> Self {
        Self { world, number, seen: None, written: 0 }
    }

    pub(crate) async fn run(mut self, until: Moment) {
        let world = self.world.clone();
        while world.clock.now() < until {
            world.linger(REST_MS).await;
            let operation = self.wish();
            let machine = world.any();
            let answer = world.perform(self.number, &machine, world.patience(), operation.clone());
            if let Some(answer) = answer.await {
                self.remember(&operation, &answer);
            }
        }
    }

    fn wish(&mut self) -> Operation {
        let key = self.world.pick(&KEYS).to_owned();
        match self.world.below(10) {
            0..4 => Operation::Step(Step::Range { key }),
            4..6 => Operation::Step(self.put(key)),
            6 => Operation::Step(self.delete(key)),
            _ => self.txn(),
        }
    }

    fn put(&mut self, key: String) -> Step {
        self.written += 1;
        let value = format!("{}-{}", self.number, self.written);
        Step::Put { key, value, lease: LeaseId::default(), prev_kv: self.world.chances(300) }
    }

    fn delete(&self, key: String) -> Step {
        Step::Delete { key, prev_kv: self.world.chances(300) }
    }

    /// If a key is as it was last seen, or not there, it is written; else it is read. Some do something with another key too.
    fn txn(&mut self) -> Operation {
        let any = self.world.pick(&KEYS).to_owned();
        let (key, target) = match self.seen.clone() {
            Some((key, record)) => {
                let Record { value, create_revision, mod_revision, version, .. } = record;
                let targets = [
                    Target::Mod(mod_revision),
                    Target::Value(value),
                    Target::Version(version),
                    Target::Create(create_revision),
                ];
                (key, self.world.pick(&targets))
            }
            None => (any.clone(), Target::Create(Revision(0))),
        };
        let mut success = vec![match self.world.below(4) {
            0 => self.delete(key.clone()),
            _ => self.put(key.clone()),
        }];
        if any != key {
            success.push(match self.world.below(3) {
                0 => self.put(any),
                1 => self.delete(any),
                _ => Step::Range { key: any },
            });
        }
        success.push(Step::Range { key: key.clone() });
        let failure = if self.world.chances(200) {
            vec![self.put(key.clone())]
        } else {
            vec![Step::Range { key: key.clone() }]
        };
        Operation::Txn { compare: vec![Compare { key, target }], success, failure }
    }

    fn remember(&mut self, operation: &Operation, answer: &Answer) {
        let steps = operation.branch(answer.succeeded);
        for (step, result) in steps.iter().zip(&answer.results) {
            if let (Step::Range { key }, StepAnswer::Range(found)) = (step, result) {
                self.seen = found.clone().map(|record| (key.clone(), record));
            }
        }
    }
}
