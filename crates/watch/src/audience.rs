//! Who watches what, and how far each has been told.
//!
//! A crowd is told by [`Audience::publish`] while it is live and its stream has room. When a stream's window is full the
//! stream gets one cursor for all its live crowds. A watcher that begins in the past is a crowd of its own, with its own
//! cursor, until it has caught up; then it joins the live crowd of its kind. [`Audience::serve`] moves the cursors of one
//! stream over pages that are given to it, from wherever.

mod client;
mod publish;
mod serve;

use crate::crowd::{ALWAYS, CROWD_MAX, Crowd, CrowdId, Kind, Place, StreamId};
use crate::feed::Interest;
use crate::index::Index;
use crate::mailbox::{Mailbox, Parcel};
use crate::message::{Ids, Item, MESSAGE_BYTES, Message, News};
use crate::request::{Create, Input, Open, Seen};
use crate::settings::Settings;
use client::{Client, Watcher};
use quorate_tasks::Moment;
use quorate_tasks::inbox::Sender;
use quorate_types::{KeyRange, Revision};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(crate) use serve::{Served, Span};

/// All watchers.
pub(crate) struct Audience {
    settings: Settings,
    index: Index,
    crowds: Crowds,
    /// The crowd that a live watcher of a kind joins. Never iterated.
    live: HashMap<Kind, CrowdId, foldhash::fast::RandomState>,
    /// Live crowds that begin later than the next revision.
    early: BTreeMap<Revision, Vec<CrowdId>>,
    /// Iterated: the hash is the same in every run.
    clients: HashMap<StreamId, Client, foldhash::fast::FixedState>,
    /// Streams that have something in their outbox.
    dirty: Vec<StreamId>,
    /// Crowds that have gathered something.
    touched: Vec<CrowdId>,
    watchers: usize,
    /// Crowds that want to see what was there before.
    with_previous: usize,
}

/// Crowds by number.
#[derive(Debug, Default)]
struct Crowds {
    all: Vec<Option<Crowd>>,
    free: Vec<CrowdId>,
}

impl Crowds {
    fn add(&mut self, crowd: Crowd) -> CrowdId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            CrowdId(u32::try_from(self.all.len() - 1).expect("fewer crowds than fit memory"))
        });
        self.all[id.0 as usize] = Some(crowd);
        id
    }

    fn remove(&mut self, id: CrowdId) -> Crowd {
        self.free.push(id);
        self.all[id.0 as usize].take().expect("a crowd is removed once")
    }

    fn get(&self, id: CrowdId) -> &Crowd {
        self.all[id.0 as usize].as_ref().expect("the index names only crowds that exist")
    }

    fn get_mut(&mut self, id: CrowdId) -> &mut Crowd {
        self.all[id.0 as usize].as_mut().expect("the index names only crowds that exist")
    }

    fn find(&self, id: CrowdId) -> Option<&Crowd> {
        self.all.get(id.0 as usize)?.as_ref()
    }
}

impl Audience {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            index: Index::default(),
            crowds: Crowds::default(),
            live: HashMap::default(),
            early: BTreeMap::new(),
            clients: HashMap::default(),
            dirty: Vec::new(),
            touched: Vec::new(),
            watchers: 0,
            with_previous: 0,
        }
    }

    /// Whether nobody watches anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.watchers == 0
    }

    pub(crate) fn streams(&self) -> Vec<StreamId> {
        self.clients.keys().copied().collect()
    }

    /// The hub's own door, as long as anybody may watch.
    pub(crate) fn door(&self) -> Option<Sender<Input>> {
        self.clients.values().next().map(|client| client.door.clone())
    }

    pub(crate) fn open(&mut self, open: Open) {
        let id = open.id;
        let client = Client::new(open, &self.settings);
        let previous = self.clients.insert(id, client);
        assert!(previous.is_none(), "a stream's number is used once");
    }

    pub(crate) fn close(&mut self, stream: StreamId) {
        let Some(client) = self.clients.remove(&stream) else { return };
        self.watchers -= client.watchers.len();
        for crowd in client.crowds {
            self.forget(crowd);
        }
    }

    /// One request of the stream has been seen.
    pub(crate) fn note_request(&mut self, stream: StreamId) {
        if let Some(client) = self.clients.get(&stream)
            && client.note_request()
        {
            self.dirty.push(stream); // an empty parcel wakes its reader too
        }
    }

    /// A stream with nobody live who has missed anything is not behind: its cursor says nothing any more.
    pub(crate) fn reopen(&mut self, stream: StreamId, frontier: Revision) {
        if let Some(client) = self.clients.get_mut(&stream)
            // A cursor in the future is left by a compaction: who is still live begins there, or later.
            && (client.crowds.is_empty() || client.next.is_some_and(|next| next > frontier))
        {
            client.next = None;
        }
    }

    /// Answers `create`. `frontier` is the last revision published. True if the watch has a past to be told.
    pub(crate) fn create(
        &mut self,
        stream: StreamId,
        seen: Seen,
        create: &Create,
        interest: Interest,
        frontier: Revision,
    ) -> bool {
        self.reopen(stream, frontier);
        let Some(client) = self.clients.get_mut(&stream) else { return false };
        let watch_id = match client.admit(create) {
            Ok(watch_id) => watch_id,
            Err(refusal) => {
                self.say(stream, Item::to(Message::NO_WATCH, seen.newest, News::Refused(refusal)));
                return false;
            }
        };
        let stream_is_open = client.next.is_none();
        self.say(stream, Item::to(watch_id, seen.newest, News::Created)); // WA6
        if let Some(compacted) =
            seen.compacted.filter(|compacted| ALWAYS < create.start && create.start < *compacted)
        {
            self.say(stream, Item::to(watch_id, ALWAYS, News::Compacted(compacted)));
            self.clients.get_mut(&stream).expect("it was found above").ended.insert(watch_id);
            return false;
        }
        let next = if create.start == ALWAYS { seen.newest.next() } else { create.start };
        let place = if next <= frontier {
            Place::Behind { next }
        } else if next == frontier.next() && stream_is_open {
            Place::Live { from: ALWAYS }
        } else {
            Place::Live { from: next }
        };
        let kind = Kind { stream, range: create.range.clone(), form: create.form() };
        let crowd = self.seat(kind, watch_id, place);
        let client = self.clients.get_mut(&stream).expect("it was found above");
        client.watchers.insert(watch_id, Watcher { crowd, start: create.start, _interest: interest });
        self.watchers += 1;
        matches!(place, Place::Behind { .. })
    }

    pub(crate) fn cancel(&mut self, stream: StreamId, seen: Seen, watch_id: i64) {
        let Some(client) = self.clients.get_mut(&stream) else { return };
        if client.ended.remove(&watch_id) {
            return self.say(stream, Item::to(watch_id, seen.newest, News::Cancelled));
        }
        let Some(watcher) = client.watchers.remove(&watch_id) else { return };
        self.watchers -= 1;
        let ids = Arc::make_mut(&mut self.crowds.get_mut(watcher.crowd).ids);
        let position = ids.iter().position(|id| *id == watch_id);
        ids.swap_remove(position.expect("a watcher is in the crowd that it knows"));
        if ids.is_empty() {
            self.dismiss(watcher.crowd);
        }
        self.say(stream, Item::to(watch_id, seen.newest, News::Cancelled));
    }

    /// Ends what should be told a revision that was compacted (law WA3). What is told what is published is at
    /// `live_next`.
    pub(crate) fn cancel_below(&mut self, stream: StreamId, compacted: Revision, live_next: Revision) {
        let Some(client) = self.clients.get_mut(&stream) else { return };
        let stream_next = client.next.unwrap_or(live_next);
        let next = |place: Place| match place {
            Place::Live { from } => from.max(stream_next),
            Place::Behind { next } => next,
        };
        let is_doomed = |id: &CrowdId| next(self.crowds.get(*id).place) < compacted;
        let doomed: Vec<CrowdId> = client.crowds.iter().copied().filter(is_doomed).collect();
        client.next = client.next.map(|next| next.max(compacted));
        for id in doomed {
            let ids = self.crowds.get(id).ids.clone();
            let client = self.clients.get_mut(&stream).expect("it was found above");
            ids.iter().for_each(|watch_id| drop(client.watchers.remove(watch_id)));
            client.ended.extend(ids.iter());
            self.watchers -= ids.len();
            self.dismiss(id);
            let bytes = MESSAGE_BYTES * ids.len();
            let first = News::Compacted(compacted);
            self.say(stream, Item { ids: Ids::Many(ids), revision: ALWAYS, first, rest: Vec::new(), bytes });
        }
    }

    /// Lets those join the live crowds whose time has come.
    pub(crate) fn promote(&mut self, frontier: Revision) {
        while let Some(entry) = self.early.first_entry() {
            let from = *entry.key();
            if from > frontier.next() {
                break;
            }
            for id in entry.remove() {
                let Some(crowd) = self.crowds.find(id) else { continue }; // it went away
                let is_open =
                    self.clients.get(&crowd.kind.stream).is_some_and(|client| client.next.is_none());
                if crowd.place == (Place::Live { from }) && is_open {
                    self.join(id);
                }
            }
        }
    }

    /// Tells the stream that it has been told everything up to `frontier`, if it has (law WA5).
    pub(crate) fn report(&mut self, stream: StreamId, frontier: Revision) {
        let is_synced = |client: &Client| {
            let crowds = client.crowds.iter().map(|id| self.crowds.get(*id));
            client.next.is_none()
                && !client.watchers.is_empty()
                && client.ended.is_empty()
                && crowds.into_iter().all(|crowd| is_synced(crowd, frontier))
                && client.watchers.values().all(|watcher| watcher.start <= frontier)
        };
        if self.clients.get(&stream).is_some_and(is_synced) {
            self.say(stream, Item::to(Message::NO_WATCH, frontier, News::Progress));
        }
    }

    /// Tells the quiet watchers that want to hear of progress, on the streams where it is time.
    pub(crate) fn report_quiet(&mut self, now: Moment, frontier: Revision) {
        let due: Vec<StreamId> = self
            .clients
            .iter_mut()
            .filter_map(|(id, client)| client.is_due(now, &self.settings).then_some(*id))
            .collect();
        for stream in due {
            let client = &self.clients[&stream];
            let is_open = client.next.is_none();
            for id in client.crowds.clone() {
                let crowd = self.crowds.get_mut(id);
                if !crowd.kind.form.with_progress {
                    continue;
                }
                let was_quiet = std::mem::replace(&mut crowd.is_quiet, true);
                if was_quiet && is_open && is_synced(crowd, frontier) {
                    let watchers = &self.clients[&stream].watchers;
                    let begun = crowd.ids.iter().copied().filter(|id| watchers[id].start <= frontier);
                    for watch_id in begun.collect::<Vec<_>>() {
                        let item = Item::to(watch_id, frontier, News::Progress);
                        say(&mut self.clients, &mut self.dirty, stream, item);
                    }
                }
            }
        }
    }

    /// Hands over everything that was said: one parcel a stream, one wake-up a mailbox.
    pub(crate) fn dispatch(&mut self) {
        let mut mail: Vec<(Mailbox, Vec<Parcel>)> = Vec::new();
        for stream in self.dirty.drain(..) {
            let Some(client) = self.clients.get_mut(&stream) else { continue };
            let parcel = (client.outgoing.clone(), std::mem::take(&mut client.outbox));
            match mail.iter_mut().find(|(mailbox, _)| mailbox.is_same(&client.mailbox)) {
                Some((_, parcels)) => parcels.push(parcel),
                None => mail.push((client.mailbox.clone(), vec![parcel])),
            }
        }
        for (mailbox, mut parcels) in mail {
            mailbox.deliver(&mut parcels);
        }
    }

    fn say(&mut self, stream: StreamId, item: Item) {
        say(&mut self.clients, &mut self.dirty, stream, item);
    }

    /// Finds a crowd for a new watcher.
    fn seat(&mut self, kind: Kind, watch_id: i64, place: Place) -> CrowdId {
        let host = self.live.get(&kind).copied().filter(|_| place == Place::Live { from: ALWAYS });
        if let Some(host) = host
            && self.crowds.get(host).ids.len() < CROWD_MAX
        {
            Arc::make_mut(&mut self.crowds.get_mut(host).ids).push(watch_id);
            return host;
        }
        let id = self.crowds.add(Crowd::new(kind.clone(), watch_id, place));
        self.index.insert(&kind.range, kind.stream, id);
        let client = self.clients.get_mut(&kind.stream).expect("only open streams have watchers");
        client.crowds.insert(id);
        if !matches!(kind.range, KeyRange::Single(_)) {
            client.ranges.insert(id);
        }
        let counts = usize::from(kind.form.with_previous);
        client.with_previous += counts;
        self.with_previous += counts;
        match place {
            Place::Live { from: ALWAYS } => drop(self.live.insert(kind, id)),
            Place::Live { from } => self.early.entry(from).or_default().push(id),
            Place::Behind { .. } => {}
        }
        id
    }

    /// A crowd that has been told everything becomes a live one, or a part of one. Its stream is not behind.
    fn join(&mut self, id: CrowdId) {
        let kind = self.crowds.get(id).kind.clone();
        let joining = self.crowds.get(id).ids.clone();
        let host = self.live.get(&kind).copied().filter(|host| *host != id);
        let Some(host) = host.filter(|host| self.crowds.get(*host).ids.len() + joining.len() <= CROWD_MAX)
        else {
            self.crowds.get_mut(id).place = Place::Live { from: ALWAYS };
            self.live.insert(kind, id);
            return;
        };
        Arc::make_mut(&mut self.crowds.get_mut(host).ids).extend_from_slice(&joining);
        let client = self.clients.get_mut(&kind.stream).expect("only open streams have crowds");
        for watch_id in joining.iter() {
            client.watchers.get_mut(watch_id).expect("who is in a crowd watches").crowd = host;
        }
        self.dismiss(id);
    }

    /// Removes a crowd of an open stream.
    fn dismiss(&mut self, id: CrowdId) {
        let crowd = self.forget(id);
        if let Some(client) = self.clients.get_mut(&crowd.kind.stream) {
            client.crowds.remove(&id);
            client.ranges.remove(&id);
            client.with_previous -= usize::from(crowd.kind.form.with_previous);
        }
    }

    /// Removes a crowd from everywhere but its stream.
    fn forget(&mut self, id: CrowdId) -> Crowd {
        let crowd = self.crowds.remove(id);
        self.index.remove(&crowd.kind.range, crowd.kind.stream, id);
        if self.live.get(&crowd.kind) == Some(&id) {
            self.live.remove(&crowd.kind);
        }
        self.with_previous -= usize::from(crowd.kind.form.with_previous);
        crowd
    }
}

/// Whether a crowd of an open stream has been told everything up to `frontier`.
fn is_synced(crowd: &Crowd, frontier: Revision) -> bool {
    matches!(crowd.place, Place::Live { from } if from <= frontier.next())
}

/// For where the rest of the audience is borrowed.
fn say(
    clients: &mut HashMap<StreamId, Client, foldhash::fast::FixedState>,
    dirty: &mut Vec<StreamId>,
    stream: StreamId,
    item: Item,
) {
    let Some(client) = clients.get_mut(&stream) else { return };
    if client.outbox.is_empty() {
        dirty.push(stream);
    }
    client.outgoing.add(item.bytes);
    client.outbox.push(item);
}
