//! What a watcher is told.

use bytes::Bytes;
use quorate_types::Revision;
use std::sync::Arc;

/// One message to the watcher `watch_id` of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whom it is for; [`Message::NO_WATCH`] if it is for no single one.
    pub watch_id: i64,
    /// For the header.
    pub revision: Revision,
    /// What it says.
    pub news: News,
}

impl Message {
    /// The id in a message that is for no watcher, or for all.
    pub const NO_WATCH: i64 = -1;
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The watch exists from now on (law WA6).
    Created,
    /// The watch was not created.
    Refused(Refusal),
    /// The watch has ended, as asked for.
    Cancelled,
    /// The watch has ended: what comes next for it was compacted at this revision.
    Compacted(Revision),
    /// Nothing but the revision: everything up to it was told before (law WA5).
    Progress,
    /// Things happened.
    Events {
        /// Encoded `mvccpb.Event`s.
        events: Arc<[Bytes]>,
        /// This is a fragment: the next message to this watcher goes on with the same revisions.
        more_follows: bool,
    },
}

/// Why a watch was not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id is taken.
    #[error("duplicate watch id on the stream")]
    DuplicateId,
    /// No key is in its range.
    #[error("the range is empty")]
    EmptyRange,
    /// The start is below zero.
    #[error("the start revision is negative")]
    NegativeStart,
}

/// The same news for one watcher, or for a crowd, on their way to a stream.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) ids: Ids,
    pub(crate) revision: Revision,
    pub(crate) first: News,
    /// The fragments after the first; empty but for those.
    pub(crate) rest: Vec<News>,
    /// What it takes of the stream's window.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) enum Ids {
    One(i64),
    Many(Arc<Vec<i64>>),
}

/// What a message is taken to weigh beside its events.
pub(crate) const MESSAGE_BYTES: usize = 64;

impl Item {
    /// One message to one watcher.
    pub(crate) fn to(watch_id: i64, revision: Revision, news: News) -> Self {
        Self { ids: Ids::One(watch_id), revision, first: news, rest: Vec::new(), bytes: MESSAGE_BYTES }
    }

    fn watchers(&self) -> &[i64] {
        match &self.ids {
            Ids::One(id) => std::slice::from_ref(id),
            Ids::Many(ids) => ids,
        }
    }
}

/// An item on its way from "the same for all of these" to one message each.
#[derive(Debug)]
pub(crate) struct Expansion {
    item: Item,
    watcher: usize,
    piece: usize,
}

impl Expansion {
    pub(crate) fn of(item: Item) -> Self {
        Self { item, watcher: 0, piece: 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.item.bytes
    }

    /// The next message. The fragments for one watcher come one behind the other.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let watch_id = *self.item.watchers().get(self.watcher)?;
        let news = match self.piece.checked_sub(1) {
            None => &self.item.first,
            Some(piece) => &self.item.rest[piece],
        };
        let message = Message { watch_id, revision: self.item.revision, news: news.clone() };
        if self.piece == self.item.rest.len() {
            self.piece = 0;
            self.watcher += 1;
        } else {
            self.piece += 1;
        }
        Some(message)
    }
}
