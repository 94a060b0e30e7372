//! The member that leads is asked to hand over, by SIGTERM or by MoveLeader: the longest time without an answer to a write.
//!
//! Puts go to the other members. Looked at is the time from just before the request until half a second after the next leader is
//! known; what came before and after counts only if it belongs to a silence that reaches into it.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value as Json, json};
use tokio::time::sleep;

use super::moment::now;
use super::spans::{Spans, longest_silence};
use super::steady::{Put, Steady};
use super::{Task, landlord};
use crate::options::Options;
use crate::random::Random;

const BEFORE: Duration = Duration::from_millis(200);
const AFTER: Duration = Duration::from_millis(500);
const MOVED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Stop,
    Move,
}

pub(super) async fn run(task: &mut Task, mut options: Options) -> anyhow::Result<Map<String, Json>> {
    let way = match options.require::<String>("--by")?.as_str() {
        "stop" => Way::Stop,
        "move" => Way::Move,
        other => bail!("there is no hand-over by {other}"),
    };
    options.finish()?;
    let mut random = Random::new(task.seed);
    let (mut silences, mut latencies) = (Spans::default(), Spans::default());
    let mut unacknowledged = 0;
    for _ in 0..task.tries {
        let leader = task.members.leader(&task.members.all()).await?;
        let others: Vec<usize> = task.members.all().into_iter().filter(|&member| member != leader).collect();
        let steady = Steady::start(&task.members.endpoints_of(&others), task.rate, task.puts)?;
        sleep(BEFORE + Duration::from_micros(random.below(200_000))).await;
        let asked = hand_over(task, way, leader, &others, &mut random).await?;
        sleep(AFTER).await;
        let until = now();
        let puts = steady.finish()?;
        let (silence, latency) = worst(&puts, asked, until)?;
        silences.add(silence);
        latencies.add(latency);
        unacknowledged += puts.iter().filter(|put| !put.is_acknowledged()).count();
        task.note(&puts)?;
        if way == Way::Stop {
            landlord::start(leader)?;
            task.members.recovered(leader).await?;
        }
    }
    let mut report = Map::from_iter([
        ("tries".to_owned(), json!(task.tries)),
        ("puts".to_owned(), json!(task.puts)),
        ("unacknowledged".to_owned(), json!(unacknowledged)),
    ]);
    silences.report("silence", &mut report);
    latencies.report("latency", &mut report);
    Ok(report)
}

/// The moment before; returns once somebody else leads.
async fn hand_over(
    task: &Task,
    way: Way,
    leader: usize,
    others: &[usize],
    random: &mut Random,
) -> anyhow::Result<Duration> {
    let target = others[usize::try_from(random.below(u64::try_from(others.len())?))?];
    let old = task.members.seen_by(leader).await?.member;
    let asked = match way {
        Way::Stop => landlord::stop(leader)?,
        Way::Move => task.members.move_leader(leader, target).await?,
    };
    loop {
        let mut is_known = true;
        for &other in others {
            let seen = task.members.seen_by(other).await;
            is_known &= seen.is_ok_and(|seen| ![0, old].contains(&seen.leader));
        }
        if is_known {
            return Ok(asked);
        }
        ensure!(now() < asked + MOVED_WITHIN, "nobody else leads after {MOVED_WITHIN:?}");
        sleep(POLL).await;
    }
}

/// The longest silence from `asked` to `until`, the last answer before it included, and the longest latency.
fn worst(puts: &[Put], asked: Duration, until: Duration) -> anyhow::Result<(Duration, Duration)> {
    let acknowledged: Vec<&Put> = puts.iter().filter(|put| put.is_acknowledged()).collect();
    let answers: Vec<Duration> = acknowledged.iter().filter_map(|put| put.answered).collect();
    let last_before = answers.iter().copied().filter(|&answered| answered <= asked).max();
    let from = last_before.context("no put was answered before the hand-over")?;
    let latency = acknowledged.iter().filter_map(|put| put.latency()).max().unwrap_or_default();
    Ok((longest_silence(answers, from, until), latency))
}
