//! The handle: everything the owner of the log asks for, without waiting for the disk.

use crate::Error;
use crate::format::{PAYLOAD_MAX, RECORD_HEADER, Record, STATE_PAYLOAD_MAX, Seal};
use crate::picture::{Picture, Plan, Shared, Stretch, Usage};
use crate::request::{Completion, Done, Request, Wish};
use crate::state::{Entry, Mark};
use bytes::Bytes;
use parking_lot::MutexGuard;
use quorate_tasks::inbox::{Refused, Sender};
use std::ops::Range;
use std::sync::Arc;

/// The log, from any thread. When the last clone is dropped, the writer's inbox is closed.
///
/// Changes are visible to the handle at once and reach the disk in the order of the calls. Nothing here
/// waits for the disk, except [`Log::read`] of entries that memory no longer holds.
///
/// Errors, for every method that returns one: `Failed` after the writer failed, `Closed` after it ended,
/// `Overloaded` when the inbox is full. A call that returns an error has changed nothing, and its `Done`
/// is dropped unheard.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    inbox: Sender<Request>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Log").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

/// How a request gets into the inbox: with a wake-up or without.
type Push = fn(&Sender<Request>, Request) -> Result<(), Refused<Request>>;

impl Log {
    pub(crate) fn new(shared: Arc<Shared>, inbox: Sender<Request>) -> Self {
        Self { shared, inbox }
    }

    /// Adds `entries` at the end; `done` hears when all of them are durable.
    ///
    /// An empty log that was never purged begins wherever its first entry says.
    ///
    /// # Errors
    /// See [`Log`]; `TooLarge` for a payload of 256 MiB or more.
    ///
    /// # Panics
    /// If the entries do not continue the log, one by one.
    pub fn append(&self, entries: Vec<Entry>, done: Done) -> Result<(), Error> {
        self.add(entries, done, Sender::push)
    }

    /// As [`Log::append`], but does not wake the writer: whoever calls it gives the writer's stage its turn.
    ///
    /// # Errors
    /// As for [`Log::append`].
    ///
    /// # Panics
    /// As [`Log::append`].
    pub fn lay(&self, entries: Vec<Entry>, done: Done) -> Result<(), Error> {
        self.add(entries, done, Sender::lay)
    }

    fn add(&self, entries: Vec<Entry>, done: Done, push: Push) -> Result<(), Error> {
        entries.iter().try_for_each(|entry| check_size(&entry.payload, PAYLOAD_MAX))?;
        let tail = entries.clone(); // before the lock; payloads are shared, not copied
        let mut picture = self.shared.picture.lock();
        let mut next = picture.promised.span.map(|span| span.next);
        for entry in &entries {
            assert!(next.is_none_or(|next| entry.index == next), "W3: entries are appended without a gap");
            next = Some(entry.index.checked_add(1).expect("W3: the last index there is stays free"));
        }
        self.ask_by(push, &mut picture, Wish::Append(entries), Some(done))?;
        let ticket = picture.asked;
        for Entry { index, payload } in tail {
            picture.promised.push(index).expect("W3: checked above");
            picture.cache(payload, ticket);
        }
        picture.evict(self.shared.tail_bytes_max);
        Ok(())
    }

    /// Drops all entries after `last`, or all there are. Ordered with appends. What was purged stays purged.
    ///
    /// # Errors
    /// See [`Log`].
    pub fn truncate_after(&self, last: Option<u64>) -> Result<(), Error> {
        let mut picture = self.shared.picture.lock();
        let Some(span) = picture.promised.span.filter(|span| !span.is_empty()) else {
            return picture.check();
        };
        match last {
            Some(last) if last >= span.next - 1 => return picture.check(),
            Some(last) if span.contains(last) => {
                self.ask(&mut picture, Wish::Truncate { last }, None)?;
                picture.promised.truncate(last).expect("W3: checked above");
            }
            _ => {
                self.ask(&mut picture, Wish::Clear, None)?;
                picture.promised.clear();
            }
        }
        picture.trim(span.next);
        Ok(())
    }

    /// Drops all entries up to `through`, which may lie ahead of the last: the log then continues after it.
    ///
    /// A mark at or below the last purge, or below the first entry, changes nothing. Segments are unlinked
    /// once the purge is durable (W4).
    ///
    /// # Errors
    /// See [`Log`]; `TooLarge` for a mark above 64 KiB.
    ///
    /// # Panics
    /// If the mark has the last index there is.
    pub fn purge(&self, through: Mark) -> Result<(), Error> {
        check_size(&through.payload, STATE_PAYLOAD_MAX)?;
        assert!(through.index < u64::MAX, "W3: the last index there is stays free");
        let mut picture = self.shared.picture.lock();
        let is_news = picture.purged().is_none_or(|purged| purged.index < through.index);
        let (first, next) = picture.promised.span.map_or((0, 0), |span| (span.first, span.next));
        if !is_news || through.index + 1 < first {
            return picture.check();
        }
        self.ask(&mut picture, Wish::Purge(through.clone()), None)?;
        picture.promised.purge(through).expect("W3: checked above");
        picture.trim(next);
        Ok(())
    }

    /// Replaces the vote; `done` hears when it is durable. Ordered with appends.
    ///
    /// # Errors
    /// See [`Log`]; `TooLarge` for a vote above 64 KiB.
    pub fn save_vote(&self, vote: Bytes, done: Done) -> Result<(), Error> {
        check_size(&vote, STATE_PAYLOAD_MAX)?;
        let mut picture = self.shared.picture.lock();
        self.ask(&mut picture, Wish::Vote(vote.clone()), Some(done))?;
        picture.promised.vote = Some(vote);
        Ok(())
    }

    /// Notes what is committed. Queues nothing: the next batch that reaches the entry carries it.
    ///
    /// After a crash the mark may be older than what was last noted, never ahead of the entries (W9). A mark ahead of the
    /// last entry is shown, but stays off the disk.
    ///
    /// # Errors
    /// See [`Log`]; `TooLarge` for a mark above 64 KiB.
    pub fn save_committed(&self, committed: Mark) -> Result<(), Error> {
        check_size(&committed.payload, STATE_PAYLOAD_MAX)?;
        let mut picture = self.shared.picture.lock();
        picture.check()?;
        picture.committed_needs = picture.needs(committed.index);
        picture.promised.committed = Some(committed);
        Ok(())
    }

    /// The index of the last entry; `None` if the log has none, purged or not.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.shared.picture.lock().promised.last()
    }

    /// The index of the first entry that is still here; `None` if the log has none.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        let picture = self.shared.picture.lock();
        picture.promised.span.filter(|span| !span.is_empty()).map(|span| span.first)
    }

    /// The last purge.
    #[must_use]
    pub fn purged(&self) -> Option<Mark> {
        self.shared.picture.lock().promised.purged.clone()
    }

    /// The last vote.
    #[must_use]
    pub fn vote(&self) -> Option<Bytes> {
        self.shared.picture.lock().promised.vote.clone()
    }

    /// What was last noted as committed.
    #[must_use]
    pub fn committed(&self) -> Option<Mark> {
        self.shared.picture.lock().promised.committed.clone()
    }

    /// How much log there is, on disk and in memory.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.picture.lock().usage()
    }

    /// Bytes of log on disk after the entry `index`: what is read again if a replay starts there. Constant cost.
    #[must_use]
    pub fn bytes_after(&self, index: u64) -> u64 {
        self.shared.picture.lock().bytes_after(index)
    }

    /// The last entry with at least `bytes` of log on disk after it: purging through it leaves that much.
    ///
    /// `None` if there is less. Cost: a binary search.
    #[must_use]
    pub fn leaving(&self, bytes: u64) -> Option<u64> {
        self.shared.picture.lock().leaving(bytes)
    }

    /// The entries of `range` that exist, from its start on, in order, up to `bytes_max` of payload.
    ///
    /// One entry at least, however large. Entries before the purge or after the end are left out. Recent entries
    /// are clones of what was appended; older ones are read from disk, blocking, and verified.
    ///
    /// # Errors
    /// `Corrupt` or `Io` from the disk, `Failed` after the writer failed.
    pub fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, Error> {
        let Plan { stored, cached } = {
            let picture = self.shared.picture.lock();
            picture.check()?;
            picture.plan(&range, bytes_max)
        };
        if stored.is_empty() {
            return Ok(cached);
        }
        let mut entries = Vec::new();
        for stretch in &stored {
            fetch(stretch, Seal::of_log(self.shared.nonce), &mut entries)?;
        }
        entries.extend(cached);
        Ok(entries)
    }

    /// Puts a request behind all others, under the lock that orders the promises (W3).
    fn ask(
        &self,
        picture: &mut MutexGuard<'_, Picture>,
        wish: Wish,
        done: Option<Done>,
    ) -> Result<(), Error> {
        self.ask_by(Sender::push, picture, wish, done)
    }

    fn ask_by(
        &self,
        push: Push,
        picture: &mut MutexGuard<'_, Picture>,
        wish: Wish,
        done: Option<Done>,
    ) -> Result<(), Error> {
        picture.check()?;
        let completion = done.map(|done| Completion::new(done, self.shared.clone()));
        let request = Request { ticket: picture.asked + 1, wish, completion };
        let (error, request) = match push(&self.inbox, request) {
            Ok(()) => {
                picture.asked += 1;
                return Ok(());
            }
            Err(Refused::Full(request)) => (Error::Overloaded, request),
            Err(Refused::Closed(request)) => (Error::Closed, request),
        };
        // Its drop would ask for the lock that is held here.
        request.completion.into_iter().for_each(Completion::cancel);
        Err(error)
    }
}

fn check_size(payload: &Bytes, bytes_max: usize) -> Result<(), Error> {
    if payload.len() > bytes_max {
        return Err(Error::TooLarge { bytes: payload.len(), bytes_max });
    }
    Ok(())
}

/// Reads a stretch at once; its payloads share that buffer.
fn fetch(stretch: &Stretch, seal: Seal, entries: &mut Vec<Entry>) -> Result<(), Error> {
    let Stretch { segment, first, positions } = stretch;
    let (start, last) = match positions.as_slice() {
        [] => return Ok(()),
        [only] => (only.at, only),
        [start, .., last] => (start.at, last),
    };
    let end = last.at + RECORD_HEADER as u64 + u64::from(last.length);
    let mut bytes = vec![0; usize::try_from(end - start).expect("a stretch fits memory")];
    let in_file = start - segment.base;
    segment.file.read_at(&mut bytes, in_file).map_err(Error::io("read segment", &segment.path))?;
    let bytes = Bytes::from(bytes);
    for (index, position) in (*first..).zip(positions) {
        let at = usize::try_from(position.at - start).expect("within the stretch");
        let corrupt = |what| {
            let offset = position.at - segment.base;
            Error::Corrupt { file: segment.path.clone(), offset, what }
        };
        let record = Record::read(&bytes[at..], seal).map_err(corrupt)?;
        if record.index != index || record.payload.len() != position.length as usize {
            return Err(corrupt("another entry is where this one was written"));
        }
        let payload = bytes.slice(at + RECORD_HEADER..at + RECORD_HEADER + record.payload.len());
        entries.push(Entry { index, payload });
    }
    Ok(())
}
