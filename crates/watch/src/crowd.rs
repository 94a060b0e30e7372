//! Watchers that are told the same: one range, one form, one stream, one place in time.

use crate::message::{Ids, Item, MESSAGE_BYTES, News};
use crate::settings::Settings;
use bytes::Bytes;
use quorate_types::{ChangeKind, KeyRange, Revision};
use std::sync::Arc;

/// A stream's number; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) u64);

/// A crowd's place in the audience's table. Used again when the crowd is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CrowdId(pub(crate) u32);

/// What watchers want to see of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    pub(crate) with_previous: bool,
    pub(crate) without_puts: bool,
    pub(crate) without_deletes: bool,
    /// May be told a revision in pieces.
    pub(crate) in_fragments: bool,
    /// Wants to hear from time to time that there is nothing to hear.
    pub(crate) with_progress: bool,
}

/// What makes two watchers of the same crowd.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) stream: StreamId,
    pub(crate) range: KeyRange,
    pub(crate) form: Form,
}

/// How far a crowd has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is told what is published, from this revision on; if its stream is behind, it is where that is.
    Live {
        /// Nothing below it is for this crowd.
        from: Revision,
    },
    /// It has a cursor of its own.
    Behind {
        /// The first revision it has not been told.
        next: Revision,
    },
}

/// Below every revision.
pub(crate) const ALWAYS: Revision = Revision(0);

/// So that removing one watcher of many stays cheap.
pub(crate) const CROWD_MAX: usize = 1024;

#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) kind: Kind,
    pub(crate) ids: Arc<Vec<i64>>,
    pub(crate) place: Place,
    /// No event since the last progress message was due.
    pub(crate) is_quiet: bool,
    gathered: Gathered,
}

/// Events for the next message.
#[derive(Debug, Default)]
struct Gathered {
    events: Vec<Bytes>,
    bytes: usize,
    revisions: usize,
    newest: Option<Revision>,
}

impl Crowd {
    pub(crate) fn new(kind: Kind, watch_id: i64, place: Place) -> Self {
        let ids = Arc::new(vec![watch_id]);
        Self { kind, ids, place, is_quiet: true, gathered: Gathered::default() }
    }

    pub(crate) fn wants(&self, kind: ChangeKind) -> bool {
        match kind {
            ChangeKind::Put => !self.kind.form.without_puts,
            ChangeKind::Delete => !self.kind.form.without_deletes,
        }
    }

    /// Adds an event of `revision` to the next message. True if it is the first.
    pub(crate) fn gather(&mut self, revision: Revision, event: Bytes) -> bool {
        let gathered = &mut self.gathered;
        if gathered.newest != Some(revision) {
            assert!(gathered.newest < Some(revision), "WA1: events come in the order of revisions");
            gathered.newest = Some(revision);
            gathered.revisions += 1;
        }
        gathered.bytes += event.len() + 8;
        gathered.events.push(event);
        gathered.events.len() == 1
    }

    /// Whether the next message is long enough to end before `revision`.
    pub(crate) fn is_long(&self, revision: Revision, settings: &Settings) -> bool {
        let gathered = &self.gathered;
        let is_long =
            gathered.bytes >= settings.message_bytes || gathered.revisions >= settings.chunk_revisions_max;
        is_long && gathered.newest != Some(revision) // WA4
    }

    /// The message with what was gathered, if anything was.
    pub(crate) fn release(&mut self, revision: Revision, fragment_bytes: usize) -> Option<Item> {
        let Gathered { events, bytes, .. } = std::mem::take(&mut self.gathered);
        if events.is_empty() {
            return None;
        }
        self.is_quiet = false;
        let is_split =
            self.kind.form.in_fragments && events.len() > 1 && bytes + MESSAGE_BYTES >= fragment_bytes;
        let (first, rest) =
            if is_split { fragments(&events, fragment_bytes) } else { (whole(events), Vec::new()) };
        let ids = match self.ids.as_slice() {
            [only] => Ids::One(*only),
            _ => Ids::Many(self.ids.clone()),
        };
        Some(Item { ids, revision, first, rest, bytes: (bytes + MESSAGE_BYTES) * self.ids.len() })
    }
}

fn whole(events: Vec<Bytes>) -> News {
    News::Events { events: events.into(), more_follows: false }
}

/// As many events in each piece as stay below the limit, at least one.
fn fragments(events: &[Bytes], fragment_bytes: usize) -> (News, Vec<News>) {
    let mut pieces: Vec<&[Bytes]> = Vec::new();
    let (mut begin, mut bytes) = (0, MESSAGE_BYTES);
    for (position, event) in events.iter().enumerate() {
        let next = bytes + event.len() + 8;
        if position > begin && next >= fragment_bytes {
            pieces.push(&events[begin..position]);
            (begin, bytes) = (position, MESSAGE_BYTES + event.len() + 8);
        } else {
            bytes = next;
        }
    }
    pieces.push(&events[begin..]);
    let last = pieces.len() - 1;
    let mut news = pieces
        .iter()
        .enumerate()
        .map(|(position, piece)| News::Events { events: (*piece).into(), more_follows: position < last });
    let first = news.next().expect("there is at least one event");
    (first, news.collect())
}
