//! `judge`: the verdict on a recorded history, and whether a lie in it would have been found.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use quorate_testkit::{
    Entry, History, Id, Operation, Outcome, Recording, Settings, Step, Told, Verdict, check,
};

use crate::options::Options;

/// How much faster a server's clock may run than ours over the life of a lease: both are this machine's.
const CLOCK_DRIFT_MS: u64 = 20;
/// Each new leader gives every lease its time again, and a fault can take the leader from them for a while.
const LEASE_GRACE_MS: u64 = 60_000;

pub(crate) fn judge(mut options: Options) -> anyhow::Result<()> {
    let path: PathBuf = options.require("--history")?;
    let lease_grace_ms: u64 = options.take("--lease-grace-ms", LEASE_GRACE_MS)?;
    options.finish()?;
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let recording = Recording::read(whole_lines(&text).as_bytes())?;
    let settings = Settings { clock_drift_ms: CLOCK_DRIFT_MS, lease_grace_ms, ..Settings::default() };
    let begun = Instant::now();
    let (history, verdict) = verdict(&recording, &settings)?;
    println!("{}", summary(&history));
    println!("{verdict} ({} trials, {:.1} s)", verdict.trials, begun.elapsed().as_secs_f64());
    ensure!(verdict.holds(), "laws are broken");
    let Some(lost) = watched_write(&recording) else { return Ok(()) };
    // A judge that would approve of this has approved of nothing.
    let (_, verdict) = self::verdict(&without(&recording, lost), &settings)?;
    if verdict.holds() {
        bail!("call {} can be left out, and all laws are kept: this history proves nothing", lost.0);
    }
    println!("without the acknowledged write of call {} they are not", lost.0);
    Ok(())
}

/// Without the line that a recorder was writing when it was killed.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

fn verdict(recording: &Recording, settings: &Settings) -> anyhow::Result<(History, Verdict)> {
    let history = History::try_from(recording)?;
    let verdict = check(&history, settings);
    Ok((history, verdict))
}

fn summary(history: &History) -> String {
    let calls = &history.calls;
    let acknowledged = calls.iter().filter(|call| call.answer().is_some()).count();
    let unknown = calls.iter().filter(|call| call.is_unknown()).count();
    let events: usize = history
        .watches
        .iter()
        .flat_map(|watch| &watch.told)
        .map(|(_, _, told)| if let Told::Events(events) = told { events.len() } else { 0 })
        .sum();
    format!(
        "{} calls: {acknowledged} acknowledged, {unknown} unknown, {} refused; {} watches with {events} events; {} calls about leases; {} hashes",
        calls.len(),
        calls.len() - acknowledged - unknown,
        history.watches.len(),
        history.leases.len(),
        history.hashes.len()
    )
}

/// The last acknowledged put, whose value a watch was told of: nobody else can have written it.
fn watched_write(recording: &Recording) -> Option<Id> {
    let mut watched = HashSet::new();
    let mut acknowledged = HashSet::new();
    for entry in recording.entries() {
        match entry {
            Entry::Tell { told: Told::Events(events), .. } => {
                watched.extend(events.iter().filter_map(|event| Some(&event.record.as_ref()?.value)));
            }
            Entry::Complete { call, outcome: Outcome::Done(_), .. } => {
                acknowledged.insert(*call);
            }
            _ => (),
        }
    }
    recording.entries().iter().rev().find_map(|entry| match entry {
        Entry::Invoke { call, operation: Operation::Step(Step::Put { value, .. }), .. } => {
            (acknowledged.contains(call) && watched.contains(value)).then_some(*call)
        }
        _ => None,
    })
}

/// As if nobody had made the call.
fn without(recording: &Recording, lost: Id) -> Recording {
    let mut rest = Recording::default();
    for entry in recording.entries() {
        let is_its = match entry {
            Entry::Invoke { call, .. } | Entry::Complete { call, .. } => *call == lost,
            _ => false,
        };
        if !is_its {
            rest.push(entry.clone());
        }
    }
    rest
}

#[cfg(test)]
mod tests;
