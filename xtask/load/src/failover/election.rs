//! SIGKILL for the member that leads: how long until somebody else does.
//!
//! From the moment before the kill until the first answer to a put that was due after it, and until one of the others names a new
//! leader in its Status. The member that was killed is started again and level with the others before the next try. When in the
//! interval of heartbeats a kill comes is left to a seed.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Map, Value as Json, json};
use tokio::time::sleep;

use super::moment::now;
use super::spans::Spans;
use super::steady::Steady;
use super::{Task, landlord};
use crate::options::Options;
use crate::random::Random;

/// Puts go on for so long before a kill, and a random time below as much more.
const BEFORE: Duration = Duration::from_millis(200);
const ELECTED_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);

pub(super) async fn run(task: &mut Task, options: Options) -> anyhow::Result<Map<String, Json>> {
    options.finish()?;
    let mut random = Random::new(task.seed);
    let (mut named, mut wrote) = (Spans::default(), Spans::default());
    let mut unacknowledged = 0;
    for _ in 0..task.tries {
        let leader = task.members.leader(&task.members.all()).await?;
        let others: Vec<usize> = task.members.all().into_iter().filter(|&member| member != leader).collect();
        let old = task.members.seen_by(leader).await?.member;
        let steady = Steady::start(&task.members.endpoints_of(&others), task.rate, task.puts)?;
        sleep(BEFORE + Duration::from_micros(random.below(200_000))).await;
        let killed = landlord::kill(leader)?;
        let (name, write) = next_leader(task, &others, old, &steady).await?;
        named.add(name.saturating_sub(killed));
        wrote.add(write.saturating_sub(killed));
        let puts = steady.finish()?;
        unacknowledged += puts.iter().filter(|put| !put.is_acknowledged()).count();
        task.note(&puts)?;
        landlord::start(leader)?;
        task.members.recovered(leader).await?;
    }
    let mut report = Map::from_iter([
        ("tries".to_owned(), json!(task.tries)),
        ("puts".to_owned(), json!(task.puts)),
        ("unacknowledged".to_owned(), json!(unacknowledged)),
    ]);
    wrote.report("write", &mut report);
    named.report("status", &mut report);
    Ok(report)
}

/// When somebody else was named, and when a write was answered that was due after `old` had gone.
async fn next_leader(
    task: &Task,
    others: &[usize],
    old: u64,
    steady: &Steady,
) -> anyhow::Result<(Duration, Duration)> {
    let gone = now();
    let mut named = None;
    loop {
        for &other in others {
            if named.is_none()
                && let Ok(seen) = task.members.seen_by(other).await
                && ![0, old].contains(&seen.leader)
            {
                named = Some(now());
            }
        }
        if let (Some(named), Some(wrote)) = (named, steady.first_acknowledged_after(gone)) {
            return Ok((named, wrote));
        }
        ensure!(now() < gone + ELECTED_WITHIN, "nobody leads after {ELECTED_WITHIN:?}");
        sleep(POLL).await;
    }
}
