//! A stream as the hub sees it.

use crate::crowd::{ALWAYS, CrowdId};
use crate::feed::Interest;
use crate::index::mixed;
use crate::mailbox::{Mailbox, Outgoing, next_report};
use crate::message::{Item, Refusal};
use crate::request::{Create, Input, Open};
use crate::settings::Settings;
use crate::stream::is_last_of_many;
use quorate_tasks::Moment;
use quorate_tasks::inbox::Sender;
use quorate_types::Revision;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) struct Client {
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) mailbox: Mailbox,
    pub(super) door: Sender<Input>,
    pub(super) watchers: BTreeMap<i64, Watcher>,
    /// Ids of watches that a compaction ended. They are in use, and nothing is told of progress, until they are cancelled.
    pub(super) ended: BTreeSet<i64>,
    pub(super) crowds: BTreeSet<CrowdId>,
    /// Those that watch no single key.
    pub(super) ranges: BTreeSet<CrowdId>,
    /// Crowds that want to see what was there before.
    pub(super) with_previous: usize,
    /// The first revision that its live crowds have not been told; none if they are told what is published.
    pub(super) next: Option<Revision>,
    /// What is to be handed over when the turn ends.
    pub(super) outbox: Vec<Item>,
    /// The last revision at which it was looked whether there is room.
    looked_at: Revision,
    next_id: i64,
    report: Moment,
    chance: u64,
}

pub(super) struct Watcher {
    pub(super) crowd: CrowdId,
    pub(super) start: Revision,
    pub(super) _interest: Interest,
}

impl Client {
    pub(super) fn new(open: Open, settings: &Settings) -> Self {
        let Open { id, at, outgoing, mailbox, door } = open;
        let chance = mixed(settings.seed ^ mixed(id.0));
        Self {
            outgoing,
            mailbox,
            door,
            watchers: BTreeMap::new(),
            ended: BTreeSet::new(),
            crowds: BTreeSet::new(),
            ranges: BTreeSet::new(),
            with_previous: 0,
            next: None,
            outbox: Vec::new(),
            looked_at: ALWAYS,
            next_id: 0,
            report: next_report(at, settings.progress_interval, chance),
            chance,
        }
    }

    /// The id of the watch to be created.
    pub(super) fn admit(&mut self, create: &Create) -> Result<i64, Refusal> {
        if create.start < ALWAYS {
            return Err(Refusal::NegativeStart);
        }
        if create.range.is_empty() {
            return Err(Refusal::EmptyRange);
        }
        match create.watch_id.filter(|id| *id != 0) {
            Some(id) if self.is_used(id) => Err(Refusal::DuplicateId),
            Some(id) => Ok(id),
            None => Ok(self.choose_id()),
        }
    }

    fn is_used(&self, id: i64) -> bool {
        self.watchers.contains_key(&id) || self.ended.contains(&id)
    }

    fn choose_id(&mut self) -> i64 {
        while self.is_used(self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    /// Whether live crowds are told `revision` now; if not, the stream is behind from here on. Decided once a revision, so
    /// that none is told in part (law WA4).
    pub(super) fn takes(&mut self, revision: Revision, window: usize) -> bool {
        if self.next.is_some() {
            return false;
        }
        if self.looked_at != revision {
            self.looked_at = revision;
            if self.outgoing.is_full(window) {
                self.next = Some(revision);
                return false;
            }
        }
        true
    }

    /// The hub has seen a request. True if the stream's reader was held up by their number.
    pub(super) fn note_request(&self) -> bool {
        is_last_of_many(self.outgoing.requests.fetch_sub(1, Ordering::Relaxed))
    }

    /// Whether it is time to report to quiet watchers; the next time is set then.
    pub(super) fn is_due(&mut self, now: Moment, settings: &Settings) -> bool {
        if now < self.report {
            return false;
        }
        self.report = next_report(now, settings.progress_interval, self.chance);
        true
    }
}
