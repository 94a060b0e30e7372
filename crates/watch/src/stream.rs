//! A stream of watches as its front thread holds it.

use crate::crowd::StreamId;
use crate::feed::Interests;
use crate::history::History;
use crate::mailbox::{Mailbox, Outgoing};
use crate::message::{Expansion, Item, Message};
use crate::request::{Create, Input, Open, Request, Seen};
use quorate_tasks::Moment;
use quorate_tasks::inbox::Sender;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// Requests of one stream that the hub may not have seen yet.
const REQUESTS_MAX: usize = 256;

/// Many watches that are told over one stream. Dropping it ends them all.
#[derive(Debug)]
pub struct Stream {
    id: StreamId,
    door: Sender<Input>,
    mailbox: Mailbox,
    outgoing: Arc<Outgoing>,
    interests: Interests,
    history: SharedHistory,
    window: usize,
    arrived: VecDeque<Item>,
    /// The last batch's allocation, for the next.
    spare: Vec<Item>,
    current: Option<Expansion>,
}

#[derive(Clone)]
pub(crate) struct SharedHistory(pub(crate) Arc<dyn History>);

impl std::fmt::Debug for SharedHistory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("History").field(&self.0.newest()).finish()
    }
}

/// What all streams of a hub share.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) door: Sender<Input>,
    pub(crate) interests: Interests,
    pub(crate) history: SharedHistory,
    pub(crate) window: usize,
}

impl Stream {
    pub(crate) fn open(id: StreamId, at: Moment, mailbox: &Mailbox, surroundings: Surroundings) -> Self {
        let Surroundings { door, interests, history, window } = surroundings;
        let outgoing = Arc::new(Outgoing::default());
        let open = Open { id, at, outgoing: outgoing.clone(), mailbox: mailbox.clone(), door: door.clone() };
        let stream = Self {
            id,
            door,
            mailbox: mailbox.clone(),
            outgoing,
            interests,
            history,
            window,
            arrived: VecDeque::new(),
            spare: Vec::new(),
            current: None,
        };
        stream.mailbox.opened();
        stream.tell(Input::Open(open));
        stream
    }

    /// Asks for a watch. What came of it is told by a message: `Created` or `Refused`.
    pub fn create(&self, create: Create) {
        // Counted before the newest revision is read: see `Feed::push`.
        let interest = self.interests.enter();
        self.request(Request::Create(create, interest));
    }

    /// Asks for the end of a watch. One that does not exist ends without a word.
    pub fn cancel(&self, watch_id: i64) {
        self.request(Request::Cancel(watch_id));
    }

    /// Asks for a progress message, which comes if every watch of the stream has been told everything.
    pub fn ask_progress(&self) {
        self.request(Request::Progress);
    }

    /// Whether the hub should be asked more: not while many requests wait for it, nor while the transport has not taken
    /// what it was given. When that changes, the stream's reader is woken.
    #[must_use]
    pub fn takes_requests(&self) -> bool {
        self.outgoing.requests.load(Ordering::Relaxed) < REQUESTS_MAX
            && self.outgoing.in_flight() < self.window
    }

    /// Bytes of messages that wait here, or are on their way.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.outgoing.in_flight()
    }

    /// The next message. It counts as taken by the transport.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Message> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(message) = current.next() {
                    return Poll::Ready(message);
                }
                let bytes = current.bytes();
                self.current = None;
                if self.outgoing.take_off(bytes, self.window) {
                    self.tell(Input::Drained(self.id));
                }
            }
            let Some(item) = self.arrived.pop_front() else {
                self.outgoing.take(&mut self.spare, context.waker());
                if self.spare.is_empty() {
                    return Poll::Pending;
                }
                self.arrived.extend(self.spare.drain(..));
                continue;
            };
            self.current = Some(Expansion::of(item));
        }
    }

    /// As [`Stream::poll_next`], awaited.
    pub async fn next(&mut self) -> Message {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    fn request(&self, request: Request) {
        let history = &self.history.0;
        let compacted = history.compacted();
        let seen = Seen { newest: history.newest(), compacted };
        self.outgoing.requests.fetch_add(1, Ordering::Relaxed);
        self.tell(Input::Request(self.id, seen, request));
    }

    /// A hub that has failed has ended its node: there is nobody to complain to.
    fn tell(&self, input: Input) {
        drop(self.door.push(input));
    }
}

/// Whether the hub, having seen one more request, should wake a reader that was held up.
pub(crate) fn is_last_of_many(waiting_before: usize) -> bool {
    waiting_before == REQUESTS_MAX
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.outgoing.close();
        self.mailbox.closed();
        self.tell(Input::Close(self.id));
    }
}
