//! Requests on the stream of watchers.

use super::{Outcome, PATIENCE, Pair, WATCH};
use crate::differ::Op;
use crate::differ::compare::{self, Difference};
use crate::differ::schema::{WATCH_CANCEL, WATCH_CREATE, WATCH_REQUEST};
use crate::differ::tree::{Tree, Value};
use crate::grpc::Method;

/// A key that no history uses, and the watches on it that show how far a server is.
pub(super) const PROBE: &[u8] = b"\xfe/probe";
pub(super) const LIVE: i64 = 1_000_000;
pub(super) const PAST: i64 = 1_000_001;

/// What a watch was created with, as etcd was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(super) revision: i64,
    /// What had been compacted then.
    pub(super) compacted: i64,
}

impl Pair {
    pub(super) fn watch(&mut self, op: &Op) -> Outcome {
        let mut found = Vec::new();
        if !std::mem::replace(&mut self.is_watching, true) {
            let messages = self.encoded(&creation(LIVE));
            for (side, message) in messages.iter().enumerate() {
                self.lines.start(side, WATCH, Method::Watch, message);
            }
            found.extend(self.answered()?);
        }
        if let Some(create) = op.request.tree("create_request") {
            // 3.5.1 takes it for any revision that is compacted: the watch is there, and takes an id.
            if self.number_in(create, "start_revision") < 0 {
                return Ok(found);
            }
            // Whether its id is in use depends on which watches have ended.
            if create.get("watch_id").is_some() && found.is_empty() {
                found.extend(self.settle()?);
            }
            let is_overtaken = self.overtaken.contains(&self.number_in(create, "watch_id"));
            let names_it = create.get("watch_id").is_some();
            if found.is_empty() && !(names_it && is_overtaken) {
                found.extend(self.create(op, create)?);
            }
            return Ok(found);
        }
        if found.is_empty() {
            found.extend(self.settle()?);
        }
        if !found.is_empty() {
            return Ok(found);
        }
        match op.request.tree("cancel_request") {
            Some(cancel) if self.overtaken.contains(&self.number_in(cancel, "watch_id")) => Ok(found),
            Some(cancel) => self.cancel(&op.request, self.number_in(cancel, "watch_id")),
            None if self.awaits_the_future() => Ok(Vec::new()),
            None => {
                self.send(&op.request)?;
                self.answered()
            }
        }
    }

    fn create(&mut self, op: &Op, create: &Tree) -> Outcome {
        let revision = self.number_in(create, "start_revision");
        self.catches_up |= revision != 0;
        let start = Start { revision, compacted: self.compacted };
        self.send(&op.request)?;
        let found = self.answered()?;
        if let Some(&newest) =
            self.sides[0].watched.lives.keys().find(|name| !self.starts.contains_key(*name))
        {
            self.starts.insert(newest, start);
        }
        Ok(found)
    }

    /// Of an id that is not there nothing is told: the next probe comes instead.
    fn cancel(&mut self, request: &Tree, id: i64) -> Outcome {
        let lives = self.sides.iter().all(|side| side.watched.current(id).is_some());
        self.send(request)?;
        if lives {
            self.wait(PATIENCE, |sides| sides.iter().all(|side| side.watched.current(id).is_none()))?;
            return Ok(self.compare_lives());
        }
        self.settle()
    }

    /// Whether progress is told of such a stream depends on the moment.
    fn awaits_the_future(&self) -> bool {
        let watched = &self.sides[0].watched;
        let living = self.starts.iter().filter(|(name, _)| watched.lives.contains_key(*name));
        living.into_iter().any(|(_, start)| start.revision > self.newest)
    }

    pub(super) fn send(&mut self, request: &Tree) -> anyhow::Result<()> {
        let messages = self.encoded(request);
        for (side, message) in messages.iter().enumerate() {
            self.lines.send(side, WATCH, message)?;
        }
        Ok(())
    }

    /// Waits for the answer of each to a request on the stream, and compares them.
    pub(super) fn answered(&mut self) -> Outcome {
        let came = self.wait(PATIENCE, |sides| sides.iter().all(|side| !side.watched.answers.is_empty()))?;
        let answers = self.sides.each_mut().map(|side| side.watched.answers.pop_front());
        match answers {
            [Some(etcd), Some(ours)] if came => Ok(compare::trees("watch answer", &etcd, &ours)),
            answers => {
                let shown = answers.map(|answer| answer.map_or("none".to_owned(), |tree| tree.to_string()));
                Ok(vec![Difference::new("watch answer", shown.into())])
            }
        }
    }
}

/// Of a watch on the probe's key.
pub(super) fn creation(id: i64) -> Tree {
    let create = Tree::of(&WATCH_CREATE).with("key", PROBE).with("watch_id", id);
    Tree::of(&WATCH_REQUEST).with("create_request", create)
}

/// The same from a revision on.
pub(super) fn creation_from(id: i64, revision: i64) -> Tree {
    let create = Tree::of(&WATCH_CREATE).with("key", PROBE).with("watch_id", id);
    Tree::of(&WATCH_REQUEST).with("create_request", create.with("start_revision", Value::Number(revision)))
}

pub(super) fn cancellation(id: i64) -> Tree {
    let cancel = Tree::of(&WATCH_CANCEL).with("watch_id", id);
    Tree::of(&WATCH_REQUEST).with("cancel_request", cancel)
}
