//! Requests on the stream of watchers.

use super::{Outcome, PATIENCE, Pair, WATCH};
use crate::differ::compare::{self, Difference};
use crate::differ::schema::{WATCH_CANCEL, WATCH_CREATE, WATCH_REQUEST};
use crate::differ::tree::{Tree, Value};
use crate::differ::{Etcd, Op};
use crate::grpc::Method;

/// A key that no history uses, and the watches on it that show how far a server is.
pub(super) const PROBE: &[u8] = b"\xfe/probe";
pub(super) const LIVE: i64 = 1_000_000;
pub(super) const PAST: i64 = 1_000_001;

/// What a watch was created with, as etcd was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(super) revision: i64,
    /// The revision whose tombstones etcd may not have: what had been compacted then, before 3.7. 0 if there is none.
    pub(super) tombstones_dropped: i64,
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
            if self.etcd == Etcd::V35 && self.number_in(create, "start_revision") < 0 {
                return Ok(found);
            }
            // Whether its id is in use depends on which watches have ended.
            if create.get("watch_id").is_some() && found.is_empty() {
                found.extend(self.settle()?);
            }
            if found.is_empty() {
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
            Some(cancel) => self.cancel(&op.request, self.number_in(cancel, "watch_id")),
            None if self.awaits_the_future() || !self.overtaken.is_empty() => self.go_unanswered(&op.request),
            None => {
                self.send(&op.request)?;
                self.answered()
            }
        }
    }

    fn create(&mut self, op: &Op, create: &Tree) -> Outcome {
        let revision = self.number_in(create, "start_revision");
        self.catches_up |= revision != 0;
        let tombstones_dropped = if self.etcd == Etcd::V35 { self.compacted } else { 0 };
        let start = Start { revision, tombstones_dropped };
        self.send(&op.request)?;
        let found = self.answered()?;
        let mut names = self.sides[0].watched.lives.keys();
        if let Some(&newest) = names.find(|name| name.0 < LIVE && !self.starts.contains_key(*name)) {
            self.starts.insert(newest, start);
        }
        Ok(found)
    }

    /// Of an id that is not there nothing is told: the next probe comes instead. One that a compaction ended is there
    /// until it is cancelled.
    fn cancel(&mut self, request: &Tree, id: i64) -> Outcome {
        if self.overtaken.remove(&id) {
            self.send(request)?;
            return self.answered();
        }
        let lives = self.sides.iter().all(|side| side.watched.current(id).is_some());
        self.send(request)?;
        if lives {
            self.wait(PATIENCE, |sides| sides.iter().all(|side| side.watched.current(id).is_none()))?;
            return Ok(self.compare_lives());
        }
        self.settle()
    }

    /// While a watch waits for the future, or was ended by a compaction and not cancelled, nothing is told of progress.
    /// 3.5.1 is not asked: it answers.
    fn go_unanswered(&mut self, request: &Tree) -> Outcome {
        if self.etcd == Etcd::V35 {
            return Ok(Vec::new());
        }
        self.send(request)?;
        self.settle()
    }

    /// Whether a watch begins above the newest revision.
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
