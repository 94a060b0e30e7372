//! What one server has told on its stream of watchers, sorted by watch.
//!
//! How events are packed into messages is open while a watch catches up, so they are compared one by one. What is
//! promised of the packing is checked here, for each server by itself: events come in the order of revisions, a revision
//! is never split, no event is newer than its header, and a watch that is level gets one message a revision.

use std::collections::{BTreeMap, VecDeque};

use super::tree::{Tree, Value};

/// A watch id, and how many watches had it before.
pub(crate) type Name = (i64, u32);

#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Answers to requests, oldest first: created, and progress.
    pub(crate) answers: VecDeque<Tree>,
    pub(crate) lives: BTreeMap<Name, Life>,
    /// How many watches have had this id.
    generations: BTreeMap<i64, u32>,
    /// What must not be.
    pub(crate) broken: Vec<String>,
}

/// One watch since it was created.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// Not yet compared.
    pub(crate) events: Vec<Tree>,
    /// Of the newest event.
    newest: i64,
    /// It has been told everything up to the present once.
    pub(crate) is_level: bool,
    pub(crate) ended: Option<Tree>,
}

impl Watched {
    pub(crate) fn take(&mut self, mut message: Tree) {
        let id = message.number("watch_id");
        let (created, canceled) = (message.number("created") == 1, message.number("canceled") == 1);
        let name = (id, self.generations.get(&id).copied().unwrap_or(0));
        if created && !canceled {
            let name = (id, name.1 + 1);
            self.generations.insert(id, name.1);
            self.lives.insert(name, Life::default());
            return self.answers.push_back(message);
        }
        let is_answer = created || (!canceled && message.get("events").is_none());
        if is_answer {
            return self.answers.push_back(message);
        }
        let life = self.lives.get_mut(&name).filter(|life| life.ended.is_none());
        if canceled && life.is_none() {
            // It had ended by itself: this answers whoever cancels it.
            return self.answers.push_back(message);
        }
        let Some(life) = life else {
            return self.broken.push(format!("a message for a watch that does not live: {message}"));
        };
        if canceled {
            life.ended = Some(message);
            return;
        }
        let revision = message.revision();
        let events = message.take("events");
        life.receive(revision, events, &mut self.broken);
        if message.fields.iter().any(|(field, _)| !["header", "watch_id"].contains(&field.name)) {
            self.broken.push(format!("events beside something else: {message}"));
        }
    }

    /// The watch that has this id now.
    pub(crate) fn current(&self, id: i64) -> Option<&Life> {
        let generation = *self.generations.get(&id)?;
        self.lives.get(&(id, generation)).filter(|life| life.ended.is_none())
    }

    /// Whether the newest watch of this id has been told of this revision.
    pub(crate) fn has_seen(&self, id: i64, revision: i64) -> bool {
        self.current(id).is_some_and(|life| life.newest >= revision)
    }
}

impl Life {
    fn receive(&mut self, header: i64, events: Vec<Value>, broken: &mut Vec<String>) {
        let before = self.newest;
        let mut revisions = Vec::new();
        for event in events {
            let Value::Tree(event) = event else { continue };
            revisions.push(event.tree("kv").map_or(0, |pair| pair.number("mod_revision")));
            self.events.push(event);
        }
        self.newest = revisions.last().copied().unwrap_or(before);
        let first = revisions.first().copied().unwrap_or(0);
        if !revisions.is_sorted() || first <= before {
            broken.push(format!(
                "events out of order or a revision in two parts: {revisions:?} after {before}"
            ));
        }
        if self.newest > header {
            broken.push(format!("an event of {} below a header of {header}", self.newest));
        }
        if self.is_level && (first != header || self.newest != header) {
            broken
                .push(format!("a watch that is level was told of {revisions:?} below a header of {header}"));
        }
    }
}

#[cfg(test)]
mod tests;
