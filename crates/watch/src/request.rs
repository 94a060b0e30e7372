//! What the hub is asked.

use crate::crowd::{Form, StreamId};
use crate::feed::Interest;
use crate::mailbox::{Mailbox, Outgoing};
use crate::past::Answer;
use quorate_tasks::Moment;
use quorate_tasks::inbox::Sender;
use quorate_types::{KeyRange, Revision};
use std::sync::Arc;

/// A watch to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The id asked for; none or 0 lets the hub choose: 0, 1, 2 and so on, passing over those in use.
    pub watch_id: Option<i64>,
    /// Which keys.
    pub range: KeyRange,
    /// The first revision to be told; 0 is the one after the newest.
    pub start: Revision,
    /// Show what was there before each event.
    pub with_previous: bool,
    /// Leave out puts.
    pub without_puts: bool,
    /// Leave out deletes.
    pub without_deletes: bool,
    /// Accept one revision in several messages if it is very long.
    pub in_fragments: bool,
    /// Be told from time to time that there is nothing to tell.
    pub with_progress: bool,
}

impl Create {
    /// A watch of `range` from now on, with nothing special about it.
    #[must_use]
    pub fn of(range: KeyRange) -> Self {
        Self {
            watch_id: None,
            range,
            start: Revision(0),
            with_previous: false,
            without_puts: false,
            without_deletes: false,
            in_fragments: false,
            with_progress: false,
        }
    }

    pub(crate) fn form(&self) -> Form {
        Form {
            with_previous: self.with_previous,
            without_puts: self.without_puts,
            without_deletes: self.without_deletes,
            in_fragments: self.in_fragments,
            with_progress: self.with_progress,
        }
    }
}

/// The state as a request found it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) newest: Revision,
    pub(crate) compacted: Option<Revision>,
}

/// What goes into the hub's inbox. The inbox itself has no bound, because each kind has one of its own: one `Fed` until
/// the hub looks, one `Drained` until it fills the stream's window again, so many requests a stream, one `Open` and one
/// `Close` a stream, a `Tick` a mailbox and moment, two answers.
#[derive(Debug)]
pub(crate) enum Input {
    /// Changes wait.
    Fed,
    Open(Open),
    Request(StreamId, Seen, Request),
    /// The stream's transport has taken most of what was given it.
    Drained(StreamId),
    Close(StreamId),
    Tick(Moment),
    /// The past that was asked for.
    Answer(Answer),
}

/// A new stream.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) id: StreamId,
    pub(crate) at: Moment,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) mailbox: Mailbox,
    /// The hub's own door, for its readers of the past to answer at. It goes with the stream, so that a hub
    /// without streams does not keep itself alive.
    pub(crate) door: Sender<Input>,
}

#[derive(Debug)]
pub(crate) enum Request {
    Create(Create, Interest),
    Cancel(i64),
    Progress,
}
