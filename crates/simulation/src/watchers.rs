//! Clients that watch: at any member, and at another one from where they had come, once that is gone.

use crate::machine::Machine;
use crate::tally::Event;
use crate::wording;
use crate::world::World;
use futures::future::{Either, select};
use quorate_coordinator::watch::{Create, Message, News};
use quorate_tasks::watch;
use quorate_testkit::{Id, Range, Revision, Told};
use quorate_types::KeyRange;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;

/// Messages that may be under way to a client.
const MESSAGES_MAX: usize = 4;
/// How long a client waits before it tries another member.
const REST_MS: usize = 300;
/// How often a client that waits for a revision asks how far its watch is.
const ASK_PERIOD: Duration = Duration::from_millis(200);

/// One client with one watch.
pub(crate) struct Watcher {
    world: Arc<World>,
    range: Range,
    /// Its revision: from there on it has yet to be told.
    next: Option<Revision>,
    /// The revision to come to before it ends, once somebody knows it.
    goal: watch::Receiver<Option<Revision>>,
}

/// A stream as its client has it.
struct Connection {
    messages: mpsc::Receiver<Message>,
    /// Asks for progress.
    questions: mpsc::Sender<()>,
}

/// What the client makes of the fragments of a message, until the last has come.
#[derive(Default)]
struct Pieces(Vec<quorate_testkit::Event>);

/// Why a client reads no more of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was told everything up to its goal.
    Reached,
    /// The stream broke, or the watch was cancelled.
    Broken,
}

impl Watcher {
    pub(crate) fn new(world: Arc<World>, range: Range, goal: watch::Receiver<Option<Revision>>) -> Self {
        Self { world, range, next: None, goal }
    }

    pub(crate) async fn run(mut self) {
        loop {
            if let Some(connection) = self.connect().await
                && self.follow(connection).await == End::Reached
            {
                return;
            }
            self.world.linger(REST_MS).await;
            self.world.tally.count(Event::WatchResumed);
        }
    }

    async fn connect(&self) -> Option<Connection> {
        self.world.linger(5).await;
        let (machine, fragments) = (self.world.any(), self.world.chances(500));
        let with_previous = self.world.chances(300);
        self.open(
            &machine,
            Create {
                start: quorate_types::Revision(self.next.map_or(0, |next| next.0)),
                with_previous,
                in_fragments: fragments,
                with_progress: self.world.chances(500),
                ..Create::of(KeyRange::from_wire(
                    self.range.key.clone().into(),
                    self.range.range_end.clone().into(),
                ))
            },
        )
    }

    /// A stream with this one watch, served by a task of the member.
    fn open(&self, machine: &Machine, create: Create) -> Option<Connection> {
        let life = machine.life()?;
        let (told, messages) = mpsc::channel(MESSAGES_MAX);
        let (questions, mut asked) = mpsc::channel(1);
        let door = life.door.clone();
        life.group.task("watch-stream", async move {
            let mut stream = door.watch()?;
            stream.create(create);
            loop {
                let next = std::future::poll_fn(|context| match asked.poll_recv(context) {
                    Poll::Ready(question) => Poll::Ready(Either::Left(question)),
                    Poll::Pending => stream.poll_next(context).map(Either::Right),
                });
                match next.await {
                    Either::Left(Some(())) => stream.ask_progress(),
                    Either::Left(None) => return Ok(()), // the client has gone
                    Either::Right(message) => {
                        if told.send(message).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
        });
        Some(Connection { messages, questions })
    }

    /// Reads the stream to its end.
    async fn follow(&mut self, mut connection: Connection) -> End {
        let world = self.world.clone();
        let watch = world.notes.watch(self.range.clone(), self.next);
        let mut pieces = Pieces::default();
        let breaks_at = world.clock.now() + Duration::from_millis(500 + world.below(15_000) as u64);
        loop {
            let goal = *self.goal.borrow();
            if goal.is_some_and(|goal| self.next.is_some_and(|next| goal < next)) {
                return End::Reached;
            }
            if goal.is_some() {
                let _ = connection.questions.try_send(()); // one that was put before is as good
            } else if world.clock.now() >= breaks_at {
                return End::Broken; // this client's own connection
            }
            let waiting = pin!(world.pause(ASK_PERIOD));
            let message = match select(pin!(connection.messages.recv()), waiting).await {
                Either::Left((Some(message), _)) => message,
                Either::Left((None, _)) => return End::Broken,
                Either::Right(_) => continue,
            };
            if world.chances(50) {
                world.linger(1000).await; // a client that is slow
            }
            if !self.hear(watch, message, &mut pieces) {
                return End::Broken;
            }
        }
    }

    /// Takes up one message; whether the watch goes on.
    fn hear(&mut self, watch: Id, message: Message, pieces: &mut Pieces) -> bool {
        let notes = &self.world.notes;
        let header = Revision(message.revision.0);
        match message.news {
            News::Created => {
                notes.tell(watch, header, Told::Created);
                self.next.get_or_insert(Revision(header.0 + 1));
            }
            News::Progress => {
                notes.tell(watch, header, Told::Progress);
                self.advance(header);
            }
            News::Events { events, more_follows } => {
                self.world.tally.add(Event::WatchEvent, events.len());
                pieces.0.extend(events.iter().map(wording::event));
                if more_follows {
                    return true;
                }
                let events = std::mem::take(&mut pieces.0);
                let last = events.last().map(|event| event.revision);
                notes.tell(watch, header, Told::Events(events));
                last.into_iter().for_each(|last| self.advance(last));
            }
            News::Compacted(revision) => {
                self.world.tally.count(Event::WatchCompacted);
                notes.tell(watch, header, Told::Canceled);
                self.next = Some(Revision(revision.0));
                return false;
            }
            News::Cancelled | News::Refused(_) => {
                notes.tell(watch, header, Told::Canceled);
                return false;
            }
        }
        true
    }

    fn advance(&mut self, told: Revision) {
        let next = Revision(told.0 + 1);
        self.next = Some(self.next.map_or(next, |known| known.max(next)));
    }
}
