//! Random clients, crashes, cuts and weather; then peace, in which everybody must show the same.

use super::chronicle::Chronicle;
use super::world::{Cluster, run};
use crate::ledger::value;
use crate::world::{delete, put};
use futures::stream::{FuturesUnordered, StreamExt};
use quorate_raft::testing::Weather;
use quorate_state_machine::Answer;
use std::cell::RefCell;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// In CI.
const SEEDS: u64 = 25;
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

#[test]
fn what_a_cluster_acknowledged_survives_any_storm() {
    let mut sum = Tally::default();
    for seed in seeds() {
        match catch_unwind(AssertUnwindSafe(|| storm(seed))) {
            Ok(tally) => sum.add(&tally),
            Err(panic) => {
                eprintln!("failed with seed {seed}; see the module `cluster` for how to replay it");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{sum:?}");
    let is_idle = sum.answered == 0 || sum.kills == 0 || sum.cuts == 0 || sum.taken_over == 0;
    assert!(sum.worlds < SEEDS || !is_idle, "the simulation does too little: {sum:?}");
}

#[test]
fn the_same_seed_is_the_same_storm() {
    assert_eq!(storm(7), storm(7));
}

/// What the storms were, to see that they were worth it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    worlds: u64,
    answered: usize,
    asked: usize,
    kills: usize,
    cuts: usize,
    /// States that were taken over whole.
    taken_over: usize,
    revision: i64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.answered += other.answered;
        self.asked += other.asked;
        self.kills += other.kills;
        self.cuts += other.cuts;
        self.taken_over += other.taken_over;
        self.revision += other.revision;
    }
}

fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("QUORATE_CLUSTER_SEEDS") else { return 0..SEEDS };
    let (start, end) = asked.split_once("..").expect("QUORATE_CLUSTER_SEEDS=first..end");
    start.parse().unwrap()..end.parse().unwrap()
}

fn storm(seed: u64) -> Tally {
    let size = if seed.is_multiple_of(4) { 5 } else { 3 };
    run(seed, size, |cluster| async move {
        let chronicle = RefCell::new(Chronicle::default());
        let tally = RefCell::new(Tally { worlds: 1, ..Tally::default() });
        cluster.start_all().await;
        let clients: FuturesUnordered<_> = (0..4).map(|_| client(&cluster, &chronicle, &tally)).collect();
        futures::join!(clients.collect::<Vec<()>>(), trouble(&cluster, &chronicle, &tally));
        peace(&cluster, &chronicle).await;
        let mut tally = tally.into_inner();
        tally.answered = chronicle.borrow().answered();
        tally.taken_over = cluster.taken_over.load(Ordering::Relaxed);
        tally.revision = chronicle.borrow().begin_read();
        tally
    })
}

/// Writes and reads at random members, one thing after the other.
async fn client(cluster: &Rc<Cluster>, chronicle: &RefCell<Chronicle>, tally: &RefCell<Tally>) {
    for _ in 0..40 {
        cluster.pause(Duration::from_millis(cluster.below(60) as u64)).await;
        let Some(life) = cluster.life(cluster.below(cluster.all().len())) else { continue };
        match cluster.below(4) {
            0 => {
                let told = chronicle.borrow().begin_read();
                if life.confirm().await == Some(Answer::Current) {
                    chronicle.borrow_mut().end_read(told, &life.replica.reader().newest());
                }
            }
            choice => {
                let (key, id) = (KEYS[cluster.below(KEYS.len())], life.replica.next_id());
                let is_put = choice > 1;
                let kind = if is_put { put(key, value(id)) } else { delete(key) };
                chronicle.borrow_mut().ask(id, key, is_put);
                tally.borrow_mut().asked += 1;
                let Ok(reply) = life.propose(id, kind) else { continue };
                if let Some(answer) = life.wait(reply).await {
                    chronicle.borrow_mut().answer(id, &answer);
                }
            }
        }
    }
}

/// Crashes, restarts, cuts and weather, for as long as clients are likely to be at work.
async fn trouble(cluster: &Rc<Cluster>, chronicle: &RefCell<Chronicle>, tally: &RefCell<Tally>) {
    for _ in 0..30 {
        cluster.pause(Duration::from_millis(cluster.below(500) as u64)).await;
        let position = cluster.below(cluster.all().len());
        match cluster.below(8) {
            0..3 => {
                if let Some(shown) = cluster.kill(position) {
                    chronicle.borrow_mut().witness(&shown);
                    tally.borrow_mut().kills += 1;
                } else {
                    cluster.start(position).await;
                }
            }
            3 => cluster.start_all().await,
            4 => {
                let other = cluster.below(cluster.all().len());
                cluster.network.cut(cluster.member(position), cluster.member(other));
                tally.borrow_mut().cuts += 1;
            }
            5 => {
                for other in cluster.all().filter(|other| *other != position) {
                    cluster.network.cut(cluster.member(position), cluster.member(other));
                    cluster.network.cut(cluster.member(other), cluster.member(position));
                }
                tally.borrow_mut().cuts += 1;
            }
            6 => cluster.network.heal(),
            _ => cluster.network.set_weather(Weather {
                delay_us: 100..[200, 2_000, 50_000][cluster.below(3)],
                broken: [0, 20, 200][cluster.below(3)],
                lost: 0,
                doubled: 0,
            }),
        }
    }
}

/// Everybody comes back and must show all that was acknowledged, and the same.
async fn peace(cluster: &Rc<Cluster>, chronicle: &RefCell<Chronicle>) {
    cluster.network.heal();
    cluster.network.set_weather(Weather::default());
    cluster.start_all().await;
    for position in cluster.all() {
        let life = cluster.life(position).unwrap();
        let told = chronicle.borrow().begin_read();
        assert_eq!(patiently(cluster, || life.confirm()).await, Answer::Current);
        chronicle.borrow_mut().end_read(told, &life.replica.reader().newest());
    }
    chronicle.borrow().close();
}

/// A minute is enough for any election.
async fn patiently<F: Future<Output = Option<Answer>>>(cluster: &Cluster, ask: impl Fn() -> F) -> Answer {
    let end = cluster.clock.now() + Duration::from_secs(60);
    loop {
        match ask().await {
            Some(answer @ (Answer::Current | Answer::Applied(_))) => return answer,
            other => assert!(cluster.clock.now() < end, "no peace after a minute: {other:?}"),
        }
    }
}
