//! Carries out a script.

use crate::clients::Client;
use crate::life::Life;
use crate::machine::{self, Death, Machine};
use crate::operator::{self, Operator};
use crate::peace;
use crate::report::{Report, Run};
use crate::script::{Line, Put, Script, Step, Who};
use crate::storm;
use crate::tally::Event;
use crate::world::World;
use futures::future::{FutureExt, join_all};
use quorate_coordinator::{Call, Compaction, Coordinator, Error};
use quorate_tasks::Moment;
use quorate_testkit::{Answer, LeaseId, Operation, StepAnswer};
use quorate_types::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a step may take that has to succeed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long is waited for what a script waits for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// As far ahead as a script's clients are at work without `calm`.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// What came of `script` under this seed. A step that fails is named by its line.
#[must_use]
pub fn scenario(script: &Script, seed: u64) -> Report {
    let script = script.clone();
    let run = Run { seed, members: script.members, doubled: 0 };
    run.report(|world| async move {
        let operator = Operator::new(world.clone());
        let _looking = world.spawn(storm::look(world.clone()));
        world.start_all().await;
        let mut stage =
            Stage { world: world.clone(), names: BTreeMap::new(), load: Vec::new(), sent: Vec::new() };
        for Line { number, step } in &script.lines {
            stage.carry_out(*number, step).await;
        }
        stage.calm().await;
        join_all(stage.sent.drain(..)).await;
        peace::make(&world, &operator).await;
    })
}

/// The world as a script sees it.
struct Stage {
    world: Arc<World>,
    names: BTreeMap<String, MemberId>,
    load: Vec<futures::future::AbortHandle>,
    sent: Vec<oneshot::Receiver<()>>,
}

impl Stage {
    async fn carry_out(&mut self, line: usize, step: &Step) {
        // Boxed: a step's future is large, and there are few steps.
        let outcome = self.step(step).boxed().await;
        if let Err(why) = outcome {
            panic!("line {line}: {why}");
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let world = self.world.clone();
        match step {
            Step::Name(name, who) => {
                let member = self.machine(who)?.member;
                self.names.insert(name.clone(), member);
            }
            Step::Wait(span) => world.pause(*span).await,
            Step::WaitLeader { but } => {
                let but = but.as_ref().map(|who| self.machine(who)).transpose()?;
                let is_other = |life: &Life| but.as_ref().is_none_or(|but| but.member != life.door.member());
                self.until("somebody leads", |lives| lives.iter().any(|life| life.leads() && is_other(life)))
                    .await?;
            }
            Step::WaitEqual => {
                let alike = |lives: &[Life]| {
                    let applied = |life: &Life| life.reader().newest().applied();
                    lives.windows(2).all(|pair| applied(&pair[0]) == applied(&pair[1]))
                };
                self.until("all have applied the same", alike).await?;
            }
            Step::Put(put) => drop(self.put(put).await?.ok_or("it was not acknowledged")?),
            Step::TryPut(put) => drop(self.put(put).await?),
            Step::ExpectUnanswered(put) => {
                let answer = self.put(put).await?;
                answer.map_or(Ok(()), |answer| Err(format!("it was answered: {answer}")))?;
            }
            Step::SendPut(put) => {
                let (machine, operation) = (self.machine(&put.at)?, operation(put));
                self.sent.push(self.world.spawn(async move {
                    drop(world.perform(0, &machine, PATIENCE, operation).await);
                }));
            }
            Step::Delete { key, at } => {
                let answer = world.perform(0, &*self.machine(at)?, PATIENCE, Operation::delete(key)).await;
                answer.ok_or("it was not acknowledged")?;
            }
            Step::Compact { at } => self.compact(at).await?,
            Step::Load(clients) => self.load(*clients),
            Step::Calm => self.calm().await,
            Step::Grant { .. } | Step::Keep { .. } | Step::Revoke { .. } => self.lease(step).await?,
            Step::Crash { who, after } => {
                let death = after.map_or(Death::Now, Death::After);
                let machine = self.machine(who)?;
                if !world.crash(&machine, death).await {
                    return Err("it did not run".into());
                }
                world.tally.count(Event::Crash);
            }
            Step::Restart(who) => {
                let machine = self.machine(who)?;
                world.start(&machine).await;
            }
            Step::Stop(who) => self.stop(who, true)?,
            Step::Continue(who) => self.stop(who, false)?,
            Step::Hang(who) => self.life(who)?.hang_disk(true),
            Step::Release(who) => self.life(who)?.hang_disk(false),
            Step::Cut { from, to, both } => {
                let (from, to) = (self.machine(from)?.member, self.machine(to)?.member);
                world.network.cut(from, to);
                if *both {
                    world.network.cut(to, from);
                }
            }
            Step::Isolate(who) => {
                let member = self.machine(who)?.member;
                for other in world.machines() {
                    world.network.cut(member, other.member);
                    world.network.cut(other.member, member);
                }
            }
            Step::Heal => world.network.heal(),
            Step::Add { .. } | Step::Promote { .. } | Step::Remove { .. } => self.reconfigure(step).await?,
            Step::Transfer(who) => self.transfer(who).await?,
            Step::ExpectValue { .. }
            | Step::ExpectLeader(_)
            | Step::ExpectNoLeader(_)
            | Step::ExpectLease { .. }
            | Step::ExpectStates(_) => self.expect(step).await?,
        }
        Ok(())
    }

    async fn expect(&self, step: &Step) -> Result<(), String> {
        let world = &self.world;
        let (is_so, what) = match step {
            Step::ExpectValue { key, value, at } => {
                let machine = self.machine(at)?;
                let answer = world.perform(0, &machine, PATIENCE, Operation::range(key)).await;
                let answer = answer.ok_or("the read was not answered")?;
                let held = match &answer.results[..] {
                    [StepAnswer::Range(Some(record))] => Some(record.value.clone()),
                    _ => None,
                };
                (held == *value, format!("{key} is {held:?}"))
            }
            Step::ExpectLeader(who) => {
                let machine = self.machine(who)?;
                let leads = machine.life().is_some_and(|life| life.leads());
                (leads, format!("member {} does not lead", machine.member))
            }
            Step::ExpectNoLeader(who) => {
                let leader = self.life(who)?.standing().leader;
                (leader.is_none(), format!("it follows {leader:?}"))
            }
            Step::ExpectLease { lease, lives, at } => {
                let id = quorate_types::LeaseId(*lease);
                let asked = self
                    .ask(at, move |door, call| async move { door.lease_remaining(&call, id, false).await });
                let (_, found) = asked.await?;
                (found.is_some() == *lives, format!("the lease is {found:?}"))
            }
            Step::ExpectStates(least) => {
                let states = world.tally.counts().of(Event::WholeState);
                (states >= *least, format!("{states} states were taken over"))
            }
            _ => unreachable!("it expects nothing"),
        };
        if is_so { Ok(()) } else { Err(what) }
    }

    async fn lease(&self, step: &Step) -> Result<(), String> {
        let world = &self.world;
        let is_done = match step {
            Step::Grant { lease, ttl, at } => world.grant(&*self.machine(at)?, LeaseId(*lease), *ttl).await,
            Step::Keep { lease, at } => {
                let ttl = world.keep_alive(&*self.machine(at)?, LeaseId(*lease)).await;
                ttl.is_some_and(|ttl| ttl > 0)
            }
            Step::Revoke { lease, at } => {
                let operation = Operation::Revoke { lease: LeaseId(*lease) };
                world.perform(0, &*self.machine(at)?, PATIENCE, operation).await.is_some()
            }
            _ => unreachable!("it is about no lease"),
        };
        if is_done { Ok(()) } else { Err("it was not done".into()) }
    }

    async fn reconfigure(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Add { name, is_learner, at } => {
                let url = machine::peer_url(self.world.machines().len() as u64 + 1);
                let is_learner = *is_learner;
                let added = self.ask(at, move |door, call| async move {
                    door.member_add(&call, &[url], is_learner).await
                });
                let (member, _) = added.await?;
                operator::give_machine(&self.world, member).await;
                self.names.insert(name.clone(), member);
            }
            Step::Promote { who, at } => {
                let member = self.machine(who)?.member;
                let promoted =
                    self.ask(at, move |door, call| async move { door.member_promote(&call, member).await });
                promoted.await?;
            }
            Step::Remove { who, at } => {
                let member = self.machine(who)?.member;
                let removed =
                    self.ask(at, move |door, call| async move { door.member_remove(&call, member).await });
                removed.await?;
            }
            _ => unreachable!("it is no change of the members"),
        }
        Ok(())
    }

    async fn transfer(&self, who: &Who) -> Result<(), String> {
        let target = self.machine(who)?.member;
        let moved = self
            .ask(&Who::Leader, move |door, call| async move { Ok(door.move_leader(&call, target).await) });
        moved.await?.map_err(|error| error.to_string())?;
        self.world.tally.count(Event::Transfer);
        Ok(())
    }

    async fn compact(&self, at: &Who) -> Result<(), String> {
        let revision = quorate_types::Revision(self.world.notes.newest());
        let compacted = self.ask(at, move |door, call| async move {
            door.compact(&call, Compaction { revision, physical: false }).await
        });
        compacted.await.map(drop)
    }

    /// Has a member do what must succeed.
    async fn ask<T, F>(
        &self,
        at: &Who,
        ask: impl FnOnce(Coordinator, Call) -> F + Send + 'static,
    ) -> Result<T, String>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let machine = self.machine(at)?;
        let answer = self.world.call(&machine, PATIENCE, ask).await.map_err(|lost| lost.to_string())?;
        answer.map_err(|error| error.to_string())
    }

    async fn put(&self, put: &Put) -> Result<Option<Answer>, String> {
        Ok(self.world.perform(0, &*self.machine(&put.at)?, PATIENCE, operation(put)).await)
    }

    fn load(&mut self, clients: u32) {
        let until: Moment = self.world.clock.now() + FOR_EVER;
        for number in 1..=clients {
            let client = Client::new(self.world.clone(), number);
            let (work, handle) = futures::future::abortable(client.run(until));
            self.load.push(handle);
            self.sent.push(self.world.spawn(work.map(drop)));
        }
    }

    async fn calm(&mut self) {
        self.load.drain(..).for_each(|client| client.abort());
        self.world.pause(Duration::from_millis(1)).await;
    }

    fn stop(&self, who: &Who, is_stopped: bool) -> Result<(), String> {
        let life = self.life(who)?;
        life.stop(is_stopped);
        self.world.network.stop(life.door.member(), is_stopped);
        Ok(())
    }

    fn life(&self, who: &Who) -> Result<Life, String> {
        self.machine(who)?.life().ok_or_else(|| "it does not run".into())
    }

    fn machine(&self, who: &Who) -> Result<Arc<Machine>, String> {
        let machines = self.world.machines();
        let leads = |machine: &Machine| machine.life().map(|life| life.leads());
        let found = match who {
            Who::Leader => machines.iter().find(|machine| leads(machine) == Some(true)).cloned(),
            Who::Follower => machines.iter().find(|machine| leads(machine) == Some(false)).cloned(),
            Who::Named(name) => {
                let number = name.parse().ok().map(MemberId);
                let member = self.names.get(name).copied().or(number);
                member.and_then(|member| self.world.machine(member))
            }
        };
        found.ok_or_else(|| format!("there is no member {who:?}"))
    }

    async fn until(&self, what: &str, is_so: impl Fn(&[Life]) -> bool) -> Result<(), String> {
        let end = self.world.clock.now() + WAIT_MAX;
        loop {
            let machines = self.world.machines();
            let lives: Vec<Life> = machines.iter().filter_map(|machine| machine.life()).collect();
            if is_so(&lives) {
                return Ok(());
            }
            if self.world.clock.now() >= end {
                return Err(format!("waited in vain: {what}"));
            }
            drop(lives);
            self.world.pause(Duration::from_millis(10)).await;
        }
    }
}

fn operation(put: &Put) -> Operation {
    let Put { key, value, lease, at: _ } = put.clone();
    Operation::Step(quorate_testkit::Step::Put { key, value, lease: LeaseId(lease), prev_kv: false })
}
