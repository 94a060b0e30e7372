//! Who leads an election, from now on.

use super::election::Proclaimed;
use super::{QueueError, keys};
use crate::call::Patience;
use crate::coordinator::Coordinator;
use crate::error::Error;
use crate::watch::{Create, Message, News, Stream};
use bytes::Bytes;
use prost::Message as _;
use quorate_proto::mvccpb::{Event, KeyValue, event::EventType};
use quorate_state_machine::Unavailable;
use quorate_types::{KeyRange, Revision};
use std::collections::VecDeque;
use std::sync::Arc;

/// What the leaders of one election say, one after the other: first what is said now, then each change. Not all that was
/// ever said comes, if leaders follow each other quickly, but always the newest.
pub struct Observation {
    door: Coordinator,
    patience: Patience,
    range: KeyRange,
    following: Following,
    untold: VecDeque<Proclaimed>,
}

/// What is watched.
enum Following {
    /// Nothing: it is not known who leads.
    Nobody,
    /// The queue, which was empty.
    Queue(Stream),
    /// The leader's key.
    Leader(Stream),
}

impl Coordinator {
    /// What the leaders of the election `name` say. Nothing is asked before the first [`Observation::next`].
    #[must_use]
    pub fn observe(&self, patience: Patience, name: &[u8]) -> Observation {
        Observation {
            door: self.clone(),
            patience,
            range: keys(name),
            following: Following::Nobody,
            untold: VecDeque::new(),
        }
    }
}

impl Observation {
    /// What is said next. Waits for as long as the caller does: law C3 is not for it.
    ///
    /// # Errors
    /// Who leads cannot be read, or the caller's deadline came.
    pub async fn next(&mut self) -> Result<Proclaimed, QueueError> {
        let (door, patience) = (self.door.clone(), self.patience.clone());
        door.patiently(&patience, async { Ok(self.go_on().await?) }).await
    }

    async fn go_on(&mut self) -> Result<Proclaimed, Error> {
        loop {
            if let Some(next) = self.untold.pop_front() {
                return Ok(next);
            }
            match &mut self.following {
                Following::Nobody => self.look().await?,
                Following::Queue(stream) => {
                    let message = stream.next().await;
                    self.elected(message)?;
                }
                Following::Leader(stream) => {
                    let message = stream.next().await;
                    self.said(message)?;
                }
            }
        }
    }

    /// Asks who leads, and watches that, or for somebody to come.
    async fn look(&mut self) -> Result<(), Error> {
        let (revision, leader) = self.door.first(&self.door.step(&self.patience), self.range.clone()).await?;
        match leader {
            Some(pair) => self.follow(Proclaimed { revision, pair })?,
            None => self.following = Following::Queue(self.watch(self.range.clone(), revision)?),
        }
        Ok(())
    }

    /// Tells what the leader says, and watches its key from there on.
    fn follow(&mut self, said: Proclaimed) -> Result<(), Error> {
        let key = KeyRange::Single(Bytes::copy_from_slice(&said.pair.key));
        self.following = Following::Leader(self.watch(key, said.revision)?);
        self.untold.push_back(said);
        Ok(())
    }

    fn watch(&self, range: KeyRange, after: Revision) -> Result<Stream, Error> {
        let stream = self.door.watch()?;
        stream.create(Create { start: after.next(), ..Create::of(range) });
        Ok(stream)
    }

    /// The first to come to an empty queue leads.
    fn elected(&mut self, message: Message) -> Result<(), Error> {
        let Some(events) = self.events(message.news)? else { return Ok(()) };
        if let Some(pair) = events.into_iter().find_map(Change::into_said) {
            self.follow(Proclaimed { revision: Revision(pair.mod_revision), pair })?;
        }
        Ok(())
    }

    /// The leader says something, or goes.
    fn said(&mut self, message: Message) -> Result<(), Error> {
        let revision = message.revision;
        for change in self.events(message.news)?.unwrap_or_default() {
            match change {
                Change::Said(pair) => self.untold.push_back(Proclaimed { revision, pair }),
                Change::Gone => {
                    self.following = Following::Nobody;
                    break;
                }
            }
        }
        Ok(())
    }

    /// The changes in `news`, if it has any. What was compacted is not told: who leads is asked again.
    fn events(&mut self, news: News) -> Result<Option<Vec<Change>>, Error> {
        match news {
            News::Created | News::Progress => Ok(None),
            News::Events { events, .. } => Change::all(&events).map(Some),
            News::Compacted(_) => {
                self.following = Following::Nobody;
                Ok(None)
            }
            News::Refused(_) | News::Cancelled => Err(Unavailable::Stopped.into()),
        }
    }
}

/// A change of a key in the queue.
enum Change {
    Said(KeyValue),
    Gone,
}

impl Change {
    fn all(events: &Arc<[Bytes]>) -> Result<Vec<Self>, Error> {
        events.iter().map(|event| Self::decode(event.clone())).collect()
    }

    fn decode(event: Bytes) -> Result<Self, Error> {
        let event = Event::decode(event).map_err(|_| Error::Unreadable)?;
        Ok(match event.r#type() {
            EventType::Put => Self::Said(event.kv.unwrap_or_default()),
            EventType::Delete => Self::Gone,
        })
    }

    fn into_said(self) -> Option<KeyValue> {
        match self {
            Self::Said(pair) => Some(pair),
            Self::Gone => None,
        }
    }
}
