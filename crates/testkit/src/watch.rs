//! What watches were told, against themselves and against the order of the writes (laws K5-K7).

use std::collections::{HashMap, HashSet};

use crate::check::{Law, Violation};
use crate::history::Watch;
use crate::model::Change;
use crate::operation::{Held, Record, Revision};
use crate::recording::{Event, Told};
use crate::search::Placed;

/// How much of an order is certain enough to hold it against a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// Only keys and values of writes that were acknowledged: watches had no say in the rest.
    Acknowledged,
    /// Everything: the order was found with what watches were told.
    All,
}

/// What a watch was told, in itself: in order, nothing twice, a revision in one piece, progress at its end.
pub(crate) fn check_alone(watch: &Watch) -> Vec<Violation> {
    let mut stream = Stream { watch, newest: Revision(0), progress: Revision(0), seen: HashSet::new() };
    let mut violations = Vec::new();
    for (_, header, told) in &watch.told {
        let found = match told {
            Told::Events(events) => stream.events(*header, events),
            Told::Progress => {
                stream.progress = (*header).max(stream.progress);
                None
            }
            Told::Created | Told::Canceled => None,
        };
        violations.extend(found);
    }
    violations
}

/// What a watch was told, against an order: exactly its writes, none left out.
pub(crate) fn check_against(watch: &Watch, order: &[Placed], certainty: Certainty) -> Option<Violation> {
    let (from, upto) = watch.promised()?;
    let mut events: HashMap<Revision, Vec<&Event>> = HashMap::new();
    for event in watch.events() {
        events.entry(event.revision).or_default().push(event);
    }
    let first = order.partition_point(|placed| placed.revision < from);
    for placed in order[first..].iter().take_while(|placed| placed.revision <= upto) {
        if certainty == Certainty::Acknowledged && !placed.acknowledged {
            continue;
        }
        let told = events.get(&placed.revision).map_or(&[][..], Vec::as_slice);
        let done = placed.effect.changes.iter().filter(|change| watch.range.contains(&change.key));
        let done: Vec<&Change> = done.collect();
        if let Some(text) = difference(&done, told, certainty) {
            let text =
                format!("{watch}: {text} at revision {} ({from}..={upto} was promised)", placed.revision);
            return Some(Violation { law: Law::WatchWhole, text });
        }
    }
    None
}

struct Stream<'a> {
    watch: &'a Watch,
    newest: Revision,
    progress: Revision,
    seen: HashSet<(Revision, &'a str)>,
}

impl<'a> Stream<'a> {
    /// One response: the first thing that is wrong with it.
    fn events(&mut self, header: Revision, events: &'a [Event]) -> Option<Violation> {
        let before = self.newest;
        for event in events {
            let found = self.event(event, before);
            if found.is_some() {
                return found;
            }
        }
        (self.newest > header && !events.is_empty()).then(|| {
            let text = format!("an event of revision {} came under header {header}", self.newest);
            self.violation(Law::WatchProgress, &text)
        })
    }

    fn event(&mut self, event: &'a Event, before: Revision) -> Option<Violation> {
        let Event { key, revision, .. } = event;
        let told = format!("the event of {key} at revision {revision}");
        if !self.seen.insert((*revision, key)) {
            return Some(self.violation(Law::WatchOrder, &format!("{told} came twice")));
        }
        if *revision < self.newest {
            let text = format!("{told} came after one of revision {}", self.newest);
            return Some(self.violation(Law::WatchOrder, &text));
        }
        if self.watch.first().is_none_or(|first| *revision < first) || !self.watch.range.contains(key) {
            return Some(self.violation(Law::WatchOrder, &format!("{told} was not asked for")));
        }
        if *revision == before {
            let text = format!("revision {revision} came in two pieces");
            return Some(self.violation(Law::WatchWhole, &text));
        }
        if *revision <= self.progress {
            let text = format!("{told} came after progress to {}", self.progress);
            return Some(self.violation(Law::WatchProgress, &text));
        }
        self.newest = *revision;
        None
    }

    fn violation(&self, law: Law, text: &str) -> Violation {
        Violation { law, text: format!("{}: {text}", self.watch) }
    }
}

/// How what was done and what was told of one revision differ.
fn difference(done: &[&Change], told: &[&Event], certainty: Certainty) -> Option<String> {
    for (at, change) in done.iter().enumerate() {
        let key = &change.key;
        let Some(event) = told.get(at) else {
            return Some(format!("the event of {key} was lost"));
        };
        if event.key != *key {
            return Some(format!("the event of {} came where that of {key} should be", event.key));
        }
        let is_equal = match certainty {
            Certainty::All => event.record == change.after,
            Certainty::Acknowledged => is_alike(event.record.as_ref(), change.after.as_ref()),
        };
        if !is_equal {
            let (told, done) = (Held(event.record.as_ref()), Held(change.after.as_ref()));
            return Some(format!("{key} was told as {told}, done as {done}"));
        }
        let before = event.prev_kv.as_ref().filter(|_| certainty == Certainty::All);
        if before.is_some() && before != change.before.as_ref() {
            let (told, done) = (Held(before), Held(change.before.as_ref()));
            return Some(format!("{key} was told to have been {told}, was {done}"));
        }
    }
    let extra = told.get(done.len())?;
    Some(format!("an event of {} was told, which was not done", extra.key))
}

/// Equal but for what earlier writes decide.
fn is_alike(told: Option<&Record>, done: Option<&Record>) -> bool {
    let known = |record: &Record| (record.value.clone(), record.mod_revision, record.lease);
    told.map(known) == done.map(known)
}

#[cfg(test)]
mod tests;
