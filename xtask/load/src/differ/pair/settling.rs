//! Until all watchers have been told everything, and what they were told is the same.
//!
//! A put of a key that nobody else uses is the end of what is to be told: it comes after all else to a watch that is
//! level. Watches that began in the past catch up when etcd gets to them, ten times a second, all in one go: one
//! more of them, which asks for that put, is told of it when all have been served.

use std::time::Duration;

use super::side::Side;
use super::watching::{LIVE, PAST, PROBE, cancellation, creation_from};
use super::{Outcome, PATIENCE, Pair};
use crate::differ::Op;
use crate::differ::accepted::TOMBSTONE;
use crate::differ::compare::{self, Difference};
use crate::differ::schema::{PUT, PUT_REQUEST};
use crate::differ::tree::Tree;
use crate::differ::watched::Name;

/// So long what one server has told its watches may lack of what the other has.
const AGREEMENT: Duration = Duration::from_secs(3);

impl Pair {
    pub(super) fn settle(&mut self) -> Outcome {
        if !self.is_watching {
            return Ok(Vec::new());
        }
        let put = Op { call: &PUT, request: Tree::of(&PUT_REQUEST).with("key", PROBE) };
        let mut found = self.unary(&[put])?;
        let revision = self.newest;
        if !self.wait(PATIENCE, |sides| sides.iter().all(|side| side.watched.has_seen(LIVE, revision)))? {
            found.push(self.unseen("watch probe", LIVE, revision));
        }
        if self.catches_up && found.is_empty() {
            found.extend(self.catch_up(revision)?);
        }
        if found.is_empty() {
            self.agree()?;
            found.extend(self.compare_lives());
        }
        for life in self.sides.iter_mut().flat_map(|side| side.watched.lives.values_mut()) {
            life.is_level = true;
        }
        Ok(found)
    }

    fn catch_up(&mut self, revision: i64) -> Outcome {
        self.send(&creation_from(PAST, revision))?;
        let found = self.answered()?;
        if !found.is_empty() {
            return Ok(found);
        }
        if !self.wait(PATIENCE, |sides| sides.iter().all(|side| side.watched.has_seen(PAST, revision)))? {
            return Ok(vec![self.unseen("watch probe of the past", PAST, revision)]);
        }
        self.send(&cancellation(PAST))?;
        self.wait(PATIENCE, |sides| sides.iter().all(|side| side.watched.current(PAST).is_none()))?;
        self.catches_up = false;
        Ok(Vec::new())
    }

    /// Of one revision some watches are told before others: the probe may come first.
    fn agree(&mut self) -> anyhow::Result<()> {
        let starts = std::mem::take(&mut self.starts);
        let told = |side: &Side| -> Vec<(Name, usize, bool)> {
            let lives = side.watched.lives.iter();
            let told = lives.map(|(name, life)| {
                let dropped = starts.get(name).map_or(0, |start| start.tombstones_dropped);
                let events = life.events.len() - tombstones(&life.events, dropped);
                (*name, events, life.ended.is_some())
            });
            told.collect()
        };
        let outcome = self.wait(AGREEMENT, |[etcd, ours]| told(etcd) == told(ours));
        self.starts = starts;
        outcome.map(drop)
    }

    fn unseen(&self, path: &str, id: i64, revision: i64) -> Difference {
        let shown = self.sides.each_ref().map(|side| match side.watched.has_seen(id, revision) {
            true => format!("told of {revision}"),
            false => "silent".to_owned(),
        });
        Difference::new(path, shown.into())
    }

    /// Compares what each watch was told since the last time, and forgets it.
    pub(super) fn compare_lives(&mut self) -> Vec<Difference> {
        let mut found = Vec::new();
        let broken = self.sides.each_mut().map(|side| std::mem::take(&mut side.watched.broken).join("; "));
        if broken.iter().any(|text| !text.is_empty()) {
            found.push(Difference::new("watch stream", broken.into()));
        }
        let mut unasked = |answers: [usize; 2]| {
            let shown = answers.map(|count| format!("{count} of them"));
            found.push(Difference::new("watch answers that nobody asked for", shown.into()));
        };
        match self.sides.each_ref().map(|side| side.watched.answers.len()) {
            [0, 0] => (),
            answers => unasked(answers),
        }
        let names = self.sides.iter().flat_map(|side| side.watched.lives.keys().copied());
        let names: std::collections::BTreeSet<Name> = names.collect();
        for name in names {
            found.extend(self.compare_life(name));
        }
        found
    }

    fn compare_life(&mut self, name: Name) -> Vec<Difference> {
        let path = format!("watch {}", name.0);
        let [Some(etcd), Some(ours)] = self.sides.each_mut().map(|side| side.watched.lives.get_mut(&name))
        else {
            let lives = self.sides.each_ref().map(|side| side.watched.lives.contains_key(&name).to_string());
            return vec![Difference::new(format!("{path} exists"), lives.into())];
        };
        let (theirs, mut own) = (std::mem::take(&mut etcd.events), std::mem::take(&mut ours.events));
        let ends = [etcd.ended.clone(), ours.ended.clone()];
        if let Some(start) = self.starts.get(&name) {
            let kept = tombstones(&own, start.tombstones_dropped);
            let dropped = kept.saturating_sub(tombstones(&theirs, start.tombstones_dropped));
            if dropped > 0 {
                *self.accepted.entry(TOMBSTONE.name).or_default() += 1;
                own.drain(..dropped);
            }
        }
        let mut found = compare_events(&path, &theirs, &own);
        if let Some(end) = ends[0].as_ref().filter(|end| end.get("compact_revision").is_some()) {
            self.overtaken.insert(end.number("watch_id"));
        }
        match &ends {
            [None, None] => (),
            [Some(etcd), Some(ours)] => found.extend(compare::trees(&format!("{path} end"), etcd, ours)),
            _ => {
                let shown =
                    ends.each_ref().map(|end| end.as_ref().map_or("none".to_owned(), Tree::to_string));
                found.push(Difference::new(format!("{path} end"), shown.into()));
            }
        }
        if ends.iter().all(Option::is_some) {
            self.sides.iter_mut().for_each(|side| drop(side.watched.lives.remove(&name)));
            self.starts.remove(&name);
        }
        found
    }
}

fn compare_events(path: &str, etcd: &[Tree], ours: &[Tree]) -> Vec<Difference> {
    let mut found = Vec::new();
    if etcd.len() != ours.len() {
        let counted = (format!("{} of them", etcd.len()), format!("{} of them", ours.len()));
        found.push(Difference::new(format!("{path} events"), counted));
    }
    for (at, (etcd, ours)) in etcd.iter().zip(ours).enumerate() {
        let revision = etcd.tree("kv").map_or(0, |pair| pair.number("mod_revision"));
        found.extend(compare::trees(&format!("{path} events[{at}] of {revision}"), etcd, ours));
    }
    found
}

/// How many of the first events are deletions at this revision.
fn tombstones(events: &[Tree], revision: i64) -> usize {
    let is_tombstone = |event: &&Tree| {
        let at = event.tree("kv").map_or(0, |pair| pair.number("mod_revision"));
        event.number("type") == 1 && at == revision
    };
    events.iter().take_while(is_tombstone).count()
}
