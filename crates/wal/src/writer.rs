//! The one who writes: takes all that waits, and pays one sync for it.

use crate::Error;
use crate::disk::Disk;
use crate::format::{
    ALIGN, BATCH_HEADER, BatchHeader, Kind, RECORD_HEADER, Record, Seal, SegmentHeader, put_record,
};
use crate::picture::{Placed, Shared};
use crate::request::{Completion, Request, Wish};
use crate::segment::{Layout, Segment};
use crate::state::{Change, Mark, Position, State};
use quorate_tasks::{Failure, Step};
use std::sync::Arc;

/// The [`Step`] that brings requests to disk. It has a thread to itself: a turn blocks on the disk.
///
/// A turn encodes all that waits into as few batches as `batch_bytes_max` allows. Each batch is one write and one
/// sync; then its completions are called, newest first, so that an owner who keeps a watermark moves it once.
pub struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    layout: Layout,
    batch_bytes_max: usize,
    sync: bool,
    segment: Segment,
    segment_is_new: bool,
    /// Number of the next batch.
    number: u64,
    batch: Batch,
}

/// What the next sync will cover.
struct Batch {
    /// Room for the header, then the records.
    bytes: Vec<u8>,
    /// What the records say; an entry's position is counted from the start of the batch.
    changes: Vec<Change>,
    /// The log after those changes.
    state: State,
    completions: Vec<Completion>,
    /// Ticket of the last request that is in here whole.
    ticket: u64,
}

/// Where a recovered log continues.
pub(crate) struct Resume {
    pub(crate) segment: Segment,
    pub(crate) segment_is_new: bool,
    pub(crate) number: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shape = formatter.debug_struct("Writer");
        shape.field("segment", &self.segment.id).field("batch", &self.number).finish_non_exhaustive()
    }
}

impl Step for Writer {
    type Input = Request;

    fn turn(&mut self, requests: &mut Vec<Request>) -> Result<(), Failure> {
        self.shared.picture.lock().check()?;
        for request in requests.drain(..) {
            self.encode(request)?;
        }
        Ok(self.flush()?)
    }

    /// Brings the last committed mark to disk, so that a clean restart replays less.
    fn finish(&mut self) -> Result<(), Failure> {
        let committed = self.news_of_commit();
        committed.into_iter().for_each(|mark| self.batch.commit(Seal::of_log(self.shared.nonce), mark));
        Ok(self.flush()?)
    }
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        options: &crate::Options,
        resume: Resume,
    ) -> Self {
        let Resume { segment, segment_is_new, number } = resume;
        let (bytes, state) = (vec![0; BATCH_HEADER], shared.picture.lock().stored.state.clone());
        Self {
            shared,
            disk,
            layout: options.layout(),
            batch_bytes_max: options.batch_bytes_max.min(crate::BATCH_BYTES_LIMIT),
            sync: options.sync,
            segment,
            segment_is_new,
            number,
            batch: Batch { bytes, changes: Vec::new(), state, completions: Vec::new(), ticket: 0 },
        }
    }

    /// Adds a request to the batch; writes the batch first when it is full.
    fn encode(&mut self, request: Request) -> Result<(), Arc<Error>> {
        let Request { ticket, wish, completion } = request;
        let seal = Seal::of_log(self.shared.nonce);
        match wish {
            Wish::Append(entries) => {
                for entry in entries {
                    self.make_room(entry.payload.len())?;
                    self.batch.append(seal, entry.index, &entry.payload);
                }
            }
            Wish::Truncate { last } => {
                self.make_room(0)?;
                self.batch.put(seal, Kind::Truncate, last, &[], Change::Truncate { last });
            }
            Wish::Clear => {
                self.make_room(0)?;
                self.batch.put(seal, Kind::Clear, 0, &[], Change::Clear);
            }
            Wish::Purge(mark) => {
                self.make_room(mark.payload.len())?;
                self.batch.put(seal, Kind::Purge, mark.index, &mark.payload, Change::Purge(mark.clone()));
            }
            Wish::Vote(vote) => {
                self.make_room(vote.len())?;
                self.batch.put(seal, Kind::Vote, 0, &vote, Change::Vote(vote.clone()));
            }
        }
        self.batch.ticket = ticket;
        self.batch.completions.extend(completion);
        Ok(())
    }

    fn make_room(&mut self, payload_bytes: usize) -> Result<(), Arc<Error>> {
        let record = (RECORD_HEADER + payload_bytes).next_multiple_of(ALIGN);
        if !self.batch.is_empty() && self.batch.bytes.len() + record > self.batch_bytes_max {
            self.flush()?;
        }
        Ok(())
    }

    /// Makes the batch durable and says so. A failure is known to everybody before any `Done` hears of it (W6).
    fn flush(&mut self) -> Result<(), Arc<Error>> {
        let outcome = self.write_batch();
        if let Err(error) = outcome {
            let error = Arc::new(error);
            self.shared.picture.lock().failure = Some(error.clone());
            while self.batch.completions.pop().is_some() {} // each is told by its drop (W7)
            return Err(error);
        }
        while let Some(completion) = self.batch.completions.pop() {
            completion.complete();
        }
        self.tidy().inspect_err(|error| self.shared.picture.lock().failure = Some(error.clone()))
    }

    fn write_batch(&mut self) -> Result<(), Error> {
        if self.batch.is_empty() {
            // Appends of nothing: all before them is durable.
            self.shared.picture.lock().written = self.batch.ticket;
            return Ok(());
        }
        let committed = self.news_of_commit();
        committed.into_iter().for_each(|mark| self.batch.commit(Seal::of_log(self.shared.nonce), mark));
        if !self.segment.has_room(self.batch.bytes.len(), self.segment_is_new, self.layout) {
            self.rotate()?;
        }
        let seal = Seal::of_segment(self.shared.nonce, self.segment.id);
        BatchHeader::put(&mut self.batch.bytes, seal, self.segment.id, self.number);
        let start = self.segment.position;
        self.segment.write(&self.batch.bytes)?;
        if self.sync {
            self.segment.sync()?;
        }
        self.segment_is_new = false;
        self.number += 1;
        self.publish(start);
        self.batch.clear(self.batch_bytes_max);
        Ok(())
    }

    /// The committed mark, if it moved and the very entry it names is written or in this batch (W9).
    fn news_of_commit(&self) -> Option<Mark> {
        let (committed, needs) = {
            let picture = self.shared.picture.lock();
            (picture.promised.committed.clone()?, picture.committed_needs)
        };
        let is_news = self.batch.state.committed.as_ref() != Some(&committed);
        (is_news && needs <= self.batch.ticket).then_some(committed)
    }

    /// Lets readers find what this batch, at `start` of the segment, added.
    fn publish(&mut self, start: u64) {
        let mut picture = self.shared.picture.lock();
        let placed = picture.segments.back_mut().expect("W4: the segment that is written is placed");
        placed.used = self.segment.position;
        let origin = placed.base + start;
        for change in self.batch.changes.drain(..) {
            picture.stored.apply(&change.moved(origin)).expect("W3: the promises were checked");
        }
        assert!(picture.stored.missing() == 0, "W4: every entry that was written has a position");
        picture.written = self.batch.ticket;
        picture.evict(self.shared.tail_bytes_max);
    }

    /// Begins the next segment. All batches of the last one are durable, or nobody asked for that.
    fn rotate(&mut self) -> Result<(), Error> {
        let state = self.shared.picture.lock().stored.state.clone();
        let id = self.segment.id.next();
        let header = SegmentHeader { nonce: self.shared.nonce, id, first_batch: self.number, state };
        self.segment = Segment::create(&*self.disk, &header, self.layout)?;
        self.segment_is_new = true;
        let mut picture = self.shared.picture.lock();
        let base = picture.segments.back().map_or(0, |last| last.base + last.used);
        picture.segments.push_back(Placed::of(&self.segment, base));
        Ok(())
    }

    /// What can wait until the completions were told: segments that nobody needs, zeros for later.
    fn tidy(&mut self) -> Result<(), Arc<Error>> {
        self.unlink()?;
        self.segment.zero_ahead(self.layout)?;
        Ok(())
    }

    /// Unlinks the segments before the first entry, oldest first, each durably: a gap never shows (W4).
    pub(crate) fn unlink(&mut self) -> Result<(), Error> {
        while let Some(oldest) = self.next_unneeded() {
            if !self.sync {
                self.segment.sync()?;
            }
            self.disk.remove(&oldest.id.name()).map_err(Error::io("remove segment", &oldest.path))?;
            self.disk.sync_names().map_err(Error::io("sync folder of segment", &oldest.path))?;
        }
        Ok(())
    }

    fn next_unneeded(&self) -> Option<Placed> {
        let mut picture = self.shared.picture.lock();
        let first_needed = picture.stored.positions.front().map(|position| position.at);
        let second = picture.segments.get(1)?;
        if first_needed.is_none_or(|needed| second.base <= needed) {
            return picture.segments.pop_front();
        }
        None
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn append(&mut self, seal: Seal, index: u64, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("W8: checked in append");
        let position = Position { at: self.bytes.len() as u64, length };
        self.put(seal, Kind::Entry, index, payload, Change::Entry { index, position });
    }

    fn commit(&mut self, seal: Seal, mark: Mark) {
        let payload = mark.payload.clone();
        self.put(seal, Kind::Committed, mark.index, &payload, Change::Committed(mark));
    }

    fn put(&mut self, seal: Seal, kind: Kind, index: u64, payload: &[u8], change: Change) {
        put_record(&mut self.bytes, seal, &Record { kind, index, payload });
        self.state.follow(&change).expect("W3: the promises were checked");
        self.changes.push(change);
    }

    /// Empties it for the next sync, and gives memory back after an unusually large entry.
    fn clear(&mut self, bytes_max: usize) {
        self.bytes.truncate(BATCH_HEADER);
        if self.bytes.capacity() > 2 * bytes_max {
            self.bytes.shrink_to(bytes_max);
        }
    }
}
