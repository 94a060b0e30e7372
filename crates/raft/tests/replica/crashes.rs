//! A replica that crashes, again and again, under random load: what it acknowledged is there.
//!
//! A life ends in one of the ways of [`End`]; then the disk loses what was not synced and the engine loses batches it
//! had not made durable. The next life must show every acknowledged command at the revision that was told, once, and
//! nothing that nobody proposed; and whatever could once be read must be there for ever.
//!
//! Replay a seed, or run many: `QUORATE_CRASH_SEEDS=17..18 cargo test -p quorate-raft --test replica crashes`.

use crate::ledger::{Ledger, value};
use crate::world::{Life, Stillborn, World, delete, put};
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use quorate_state_machine::{Answer, Reader, Unavailable};
use quorate_storage::testing::{Call, Effect};
use quorate_tasks::reply::Reply;
use quorate_tasks::testing::Seed;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// How many seeds every test run tries. About thirty milliseconds each.
const SEEDS: u64 = 200;
/// Lives of one seed, the last one not counted.
const LIVES: usize = 6;
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The process is killed after so many turns.
    Killed { turns: usize },
    /// The power goes at that operation of the log's disk.
    PowerCut { operations: u64 },
    /// A call to the engine fails.
    EngineFault { call: Call, after: u64, effect: Effect },
    /// It is told to stop.
    Stopped,
}

impl End {
    fn draw(seed: &mut Seed) -> Self {
        match seed.below(8) {
            0..3 => Self::Killed { turns: seed.below(1500) },
            3..6 => Self::PowerCut { operations: seed.below(120) as u64 },
            6 => Self::EngineFault {
                call: if seed.below(3) == 0 { Call::Persist } else { Call::Write },
                after: seed.below(8) as u64,
                effect: if seed.below(2) == 0 { Effect::None } else { Effect::Full },
            },
            _ => Self::Stopped,
        }
    }

    fn is_failure(self) -> bool {
        matches!(self, Self::PowerCut { .. } | Self::EngineFault { .. })
    }
}

#[test]
fn acknowledged_commands_survive_any_crash() {
    let mut sum = Tally::default();
    for seed in seeds() {
        match catch_unwind(AssertUnwindSafe(|| lives(seed))) {
            Ok(tally) => sum.add(&tally),
            Err(panic) => {
                eprintln!("failed with seed {seed}; see the module for how to replay it");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{sum:?}");
    let is_idle = sum.answered == 0 || sum.lost_batches == 0 || sum.cut_logs == 0;
    assert!(sum.worlds < SEEDS || !is_idle, "the simulation does too little: {sum:?}");
}

/// What a simulation went through, to see that it was worth it.
#[derive(Debug, Default)]
struct Tally {
    worlds: u64,
    /// Commands acknowledged.
    answered: usize,
    /// Batches that the engine lost in crashes.
    lost_batches: usize,
    /// Worlds whose log began later than 0 at the end.
    cut_logs: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.answered += other.answered;
        self.lost_batches += other.lost_batches;
        self.cut_logs += other.cut_logs;
    }
}

fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("QUORATE_CRASH_SEEDS") else { return 0..SEEDS };
    let (start, end) = asked.split_once("..").expect("QUORATE_CRASH_SEEDS=first..end");
    start.parse().unwrap()..end.parse().unwrap()
}

/// All lives of one world.
fn lives(seed: u64) -> Tally {
    let mut tally = Tally { worlds: 1, ..Tally::default() };
    let mut seed = Seed::new(seed);
    let mut world = World::new(seed.next_u64());
    let ledger = RefCell::new(Ledger::default());
    for _ in 0..LIVES {
        let end = End::draw(&mut seed);
        world.options.snapshot_entries = 1 + seed.below(20) as u64;
        world.options.snapshot_bytes = if seed.below(2) == 0 { 4096 } else { 1 << 20 };
        world.options.catchup_entries = seed.below(8) as u64;
        live(&mut world, &mut seed, &ledger, end);
        world.disk.crash();
        let written = world.engine.unpersisted();
        let kept = seed.below(written + 1);
        tally.lost_batches += written - kept;
        world.engine.crash(kept).unwrap();
    }
    tally.cut_logs = usize::from(world.log_is_cut());
    world.run(seed.next_u64(), |life| async move {
        assert_eq!(life.confirm().await, Answer::Current);
        ledger.borrow_mut().check(&life.replica.reader().newest());
        tally.answered = ledger.into_inner().answered();
        tally
    })
}

/// One life, up to its end.
fn live(world: &mut World, seed: &mut Seed, ledger: &RefCell<Ledger>, end: End) {
    match end {
        End::PowerCut { operations } => world.disk.cut_after(operations),
        End::EngineFault { call, after, effect } => world.engine.fail_after(after, call, effect),
        End::Killed { .. } | End::Stopped => {}
    }
    let turns = if let End::Killed { turns } = end { turns } else { usize::MAX };
    let mut chance = Seed::new(seed.next_u64());
    let last: RefCell<Option<Reader>> = RefCell::default();
    let reader = &last;
    let running = |life: Result<Life, Stillborn>| async move {
        let life = match life {
            Ok(life) => life,
            Err(why) => {
                assert!(end.is_failure(), "the replica starts on what a crash leaves: {why:?}");
                return;
            }
        };
        *reader.borrow_mut() = Some(life.replica.reader().clone());
        let load = load(&life, &mut chance, ledger);
        let killed = async {
            match select(pin!(polled(turns)), pin!(life.group.failed())).await {
                Either::Left(_) => {}
                Either::Right((failure, _)) => {
                    assert!(end.is_failure(), "{failure}: {:?}", std::error::Error::source(&*failure));
                    life.pause(Duration::from_secs(2)).await; // answers that are on their way still count
                }
            }
        };
        let is_over = matches!(select(pin!(load), pin!(killed)).await, Either::Left(_));
        if is_over && end == End::Stopped {
            life.replica.stop().await;
            assert!(life.group.failure().is_none(), "a stop is no failure: {:?}", life.group.failure());
        }
    };
    world.live(seed.next_u64(), running);
    // Whatever a reader could see was committed, and so it was on disk.
    if let Some(reader) = last.into_inner() {
        ledger.borrow_mut().witness(&reader.newest());
    }
}

/// Ends when it has been polled so often: with each turn of anything else.
fn polled(times: usize) -> impl Future<Output = ()> {
    let mut left = times;
    poll_fn(move |_| match left.checked_sub(1) {
        Some(less) => {
            left = less;
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
}

/// Puts, deletes, reads and pauses, several at a time.
async fn load(life: &Life, chance: &mut Seed, ledger: &RefCell<Ledger>) {
    let mut in_flight = FuturesUnordered::new();
    let named = |id: u64, reply: Reply<Answer>| async move { (id, reply.await) };
    read(life, ledger).await;
    for _ in 0..20 + chance.below(60) {
        match chance.below(16) {
            0 => life.pause(Duration::from_millis(chance.below(900) as u64)).await,
            1 => read(life, ledger).await,
            2..6 => {
                if let Some((id, answer)) = in_flight.next().await {
                    ledger.borrow_mut().answer(id, &answer);
                }
            }
            6 => drop(std::mem::take(&mut in_flight)), // they are done all the same, or not
            choice => {
                let key = KEYS[chance.below(KEYS.len())];
                let id = life.replica.next_id();
                let is_put = choice < 13;
                ledger.borrow_mut().ask(id, key, is_put);
                let kind = if is_put { put(key, value(id)) } else { delete(key) };
                match life.propose(id, kind) {
                    Ok(reply) => in_flight.push(named(id, reply)),
                    Err(_) => ledger.borrow_mut().refuse(id),
                }
            }
        }
    }
    while let Some((id, answer)) = in_flight.next().await {
        ledger.borrow_mut().answer(id, &answer);
    }
    read(life, ledger).await;
}

/// A linearizable read sees everything that had been acknowledged.
async fn read(life: &Life, ledger: &RefCell<Ledger>) {
    match life.confirm().await {
        Answer::Current => ledger.borrow_mut().check(&life.replica.reader().newest()),
        Answer::Failed(Unavailable::Stopped | Unavailable::TimedOut) => {}
        other => panic!("{other:?}"),
    }
}
