//! Why there is no order, as a few lines for people.

use std::fmt::Write;

use crate::history::History;
use crate::operation::{Held, Revision};
use crate::past::Source;
use crate::plan::{Plan, Writer};
use crate::search::{Reason, Stuck};

/// Lines about one thing; what exceeds them is counted.
const LINES_MAX: usize = 8;
/// Writes of a key: what it holds, and what it held before, which a wrong answer often still shows.
const WRITES_MAX: usize = 2;

/// The place where the search is stuck, with the writes around it.
pub(crate) fn stuck(plan: &Plan<'_>, stuck: &Stuck) -> String {
    let mut text = reason(plan, &stuck.reason);
    if let Reason::Unwritten { revision, tried } = &stuck.reason {
        shown(plan, *revision, &mut text);
        writers(plan, tried, &mut text);
    }
    for key in &stuck.keys {
        let changes = stuck.placed.iter().rev().flat_map(|placed| {
            let changes = placed.effect.changes.iter().filter(|change| change.key == *key);
            changes.map(move |change| (placed, change))
        });
        let lines = changes.map(|(placed, change)| {
            let held = Held(change.after.as_ref());
            format!("revision {}: {held}, by {}", placed.revision, writer(plan, placed.writer))
        });
        list(&format!("the newest writes of {key} before"), lines.take(WRITES_MAX), &mut text);
    }
    text
}

/// Who says something.
pub(crate) fn source(history: &History, source: Source) -> String {
    match source {
        Source::Call(call) => history.calls[call].to_string(),
        Source::Watch(watch) => history.watches[watch].to_string(),
    }
}

fn reason(plan: &Plan<'_>, reason: &Reason) -> String {
    let calls = &plan.history.calls;
    match reason {
        Reason::Wrong { call, expected: Some(expected) } => {
            format!("{}\n  in its place the answer is: {expected}", calls[*call])
        }
        Reason::Wrong { call, expected: None } => {
            format!("{}\n  in its place it is refused: the lease has ended", calls[*call])
        }
        Reason::Contradicted { writer: who, revision, contradiction } => format!(
            "{}\n  at revision {revision} it contradicts what was told of {}:\n  {}",
            writer(plan, *who),
            contradiction.key,
            source(plan.history, contradiction.by)
        ),
        Reason::Idle => "it would change nothing there".to_owned(),
        Reason::Used { revision } => format!("it is the write of revision {revision}"),
        Reason::Left { call, key } => {
            format!("{}\n  was acknowledged, and {key} still hangs on the lease", calls[*call])
        }
        Reason::Unwritten { revision, .. } => format!("nobody can have written revision {revision}"),
        Reason::Undecided { trials } => format!("no order was found in {trials} trials"),
    }
}

/// Who makes a revision known: what it was seen to do, and who was first told of it.
fn shown(plan: &Plan<'_>, revision: Revision, text: &mut String) {
    let facts = plan.facts.shown(revision).iter();
    let lines = facts.map(|shown| {
        let by = source(plan.history, shown.by);
        format!("{} held {}: {by}", shown.key, Held(shown.record))
    });
    list("what it was seen to do", lines, text);
    let told = plan
        .history
        .calls
        .iter()
        .filter(|call| call.answer().is_some_and(|answer| answer.revision >= revision));
    let first = told.min_by_key(|call| call.completed.as_ref().map(|(at, _)| *at));
    list("the first call that was told of it or a later one", first.into_iter(), text);
}

fn writers(plan: &Plan<'_>, tried: &[(Writer, Reason)], text: &mut String) {
    let lines = tried
        .iter()
        .map(|(who, why)| format!("{}: {}", writer(plan, *who), reason(plan, why).replace("\n  ", "; ")));
    list("who came into question, and why not", lines, text);
}

fn writer(plan: &Plan<'_>, writer: Writer) -> String {
    match writer {
        Writer::Call(call) => plan.history.calls[call].to_string(),
        Writer::Expiry(lease) => format!("the end of lease {lease}"),
    }
}

fn list(title: &str, mut lines: impl Iterator<Item: std::fmt::Display>, text: &mut String) {
    let mut shown: Vec<_> = lines.by_ref().take(LINES_MAX).collect();
    if shown.is_empty() {
        return;
    }
    // A string takes whatever is written to it.
    let _ = write!(text, "\n  {title}:");
    for line in shown.drain(..) {
        let _ = write!(text, "\n    {line}");
    }
    let more = lines.count();
    if more > 0 {
        let _ = write!(text, "\n    and {more} more");
    }
}

#[cfg(test)]
mod tests;
