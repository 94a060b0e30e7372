//! What both sides of the log look at: the handle's promises, what the writer stored, and the tail in memory.

use crate::Error;
use crate::disk::File;
use crate::format::{RECORD_HEADER, SegmentId};
use crate::segment::Segment;
use crate::state::{Entry, Mark, Position, Span, State, Stored};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Under one lock, held for as long as a few lines, never during a disk call.
pub(crate) struct Shared {
    pub(crate) picture: Mutex<Picture>,
    pub(crate) nonce: u64,
    pub(crate) tail_bytes_max: usize,
}

/// The log as it is promised and as it is stored.
///
/// W3: `promised` is `stored` after all requests between `written` and `asked`, in order.
/// W5: what is not written is in `tail`, which ends where the promised entries end.
pub(crate) struct Picture {
    pub(crate) promised: State,
    pub(crate) stored: Stored,
    /// Ticket of the last request that was accepted.
    pub(crate) asked: u64,
    /// Ticket of the last request whose changes are all in `stored`.
    pub(crate) written: u64,
    /// The request that must be written before the promised committed mark is true of the disk (W9).
    pub(crate) committed_needs: u64,
    /// Oldest first; the last one is being written.
    pub(crate) segments: VecDeque<Placed>,
    pub(crate) failure: Option<Arc<Error>>,
    tail: VecDeque<Cached>,
    tail_bytes: usize,
}

/// A segment, and where its first byte is in the count of [`Position::at`].
#[derive(Clone)]
pub(crate) struct Placed {
    pub(crate) base: u64,
    /// How many bytes of it are in use.
    pub(crate) used: u64,
    pub(crate) id: SegmentId,
    pub(crate) file: Arc<dyn File>,
    pub(crate) path: PathBuf,
}

struct Cached {
    payload: Bytes,
    ticket: u64,
}

/// How much log there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Entries between the purge and the end.
    pub entries: u64,
    /// Bytes in use in all segments, headers and superseded records included.
    pub disk_bytes: u64,
    /// Payload bytes held in memory: at most `Options::tail_bytes_max`, or what is not written yet.
    pub tail_bytes: usize,
}

/// What has to be fetched for one read.
pub(crate) struct Plan {
    /// Old entries, on disk.
    pub(crate) stored: Vec<Stretch>,
    /// The entries after those, in memory.
    pub(crate) cached: Vec<Entry>,
}

/// Entries of one segment that lie close enough to be read at once.
pub(crate) struct Stretch {
    pub(crate) segment: Placed,
    pub(crate) first: u64,
    pub(crate) positions: Vec<Position>,
}

/// Positions further apart than this are read apart: between neighbours lies a batch header at most.
const GAP_MAX: u64 = 4096;

impl Placed {
    pub(crate) fn of(segment: &Segment, base: u64) -> Self {
        let (file, path) = (segment.file.clone(), segment.path.clone());
        Self { base, used: segment.position, id: segment.id, file, path }
    }
}

impl Picture {
    pub(crate) fn new(stored: Stored, segments: VecDeque<Placed>) -> Self {
        Self {
            promised: stored.state.clone(),
            stored,
            asked: 0,
            written: 0,
            committed_needs: 0,
            segments,
            failure: None,
            tail: VecDeque::new(),
            tail_bytes: 0,
        }
    }

    /// Refuses once the writer has failed (W6).
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.failure.clone().map_or(Ok(()), |failure| Err(Error::Failed(failure)))
    }

    /// Keeps the payload of a promised entry at hand.
    pub(crate) fn cache(&mut self, payload: Bytes, ticket: u64) {
        self.tail_bytes += payload.len();
        self.tail.push_back(Cached { payload, ticket });
    }

    /// The request with which the entry `index`, as it is promised, reaches the disk; 0: it is there.
    ///
    /// The disk may still show another entry under that index, which a truncation on its way replaces.
    pub(crate) fn needs(&self, index: u64) -> u64 {
        let span = self.promised.span.unwrap_or(Span { first: 0, next: 0 });
        let tail_first = span.next - self.tail.len() as u64;
        if index >= span.next {
            return u64::MAX; // not asked for yet: the mark is carried when it is saved again
        }
        if index < span.first {
            return self.asked; // purged, maybe by a purge on its way
        }
        let behind = index.checked_sub(tail_first).and_then(|offset| self.tail.get(offset as usize));
        behind.map_or(0, |cached| cached.ticket)
    }

    /// Drops from the tail what is not promised any more, at either end; `next` is where the tail ended.
    pub(crate) fn trim(&mut self, next: u64) {
        let span = self.promised.span.unwrap_or(Span { first: 0, next: 0 });
        for _ in 0..next.saturating_sub(span.next).min(self.tail.len() as u64) {
            self.tail.pop_back().inspect(|cached| self.tail_bytes -= cached.payload.len());
        }
        while self.tail.len() as u64 > span.count() {
            self.tail.pop_front().inspect(|cached| self.tail_bytes -= cached.payload.len());
        }
    }

    /// Lets go of the oldest payloads beyond `bytes_max`, but never of one that is not written (W5).
    pub(crate) fn evict(&mut self, bytes_max: usize) {
        while self.tail_bytes > bytes_max {
            match self.tail.front() {
                Some(oldest) if oldest.ticket <= self.written => {
                    self.tail_bytes -= oldest.payload.len();
                    self.tail.pop_front();
                }
                _ => return,
            }
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let start = self.segments.front().map_or(0, |segment| segment.base);
        let end = self.segments.back().map_or(0, |segment| segment.base + segment.used);
        Usage {
            entries: self.promised.span.map_or(0, Span::count),
            disk_bytes: end - start,
            tail_bytes: self.tail_bytes,
        }
    }

    /// Bytes of log behind the stored entry `index`; what is not written yet does not count.
    pub(crate) fn bytes_after(&self, index: u64) -> u64 {
        let end = self.segments.back().map_or(0, |segment| segment.base + segment.used);
        match self.stored.position(index.saturating_add(1)) {
            Some(position) => end - position.at,
            None if self.stored.state.span.is_some_and(|span| index < span.first) => self.usage().disk_bytes,
            None => 0,
        }
    }

    /// The last stored entry with at least `bytes` of log behind it.
    pub(crate) fn leaving(&self, bytes: u64) -> Option<u64> {
        let end = self.segments.back().map_or(0, |segment| segment.base + segment.used);
        let span = self.stored.state.span?;
        let after = self.stored.positions.partition_point(|position| end - position.at >= bytes) as u64;
        // The entries below `after` begin early enough; the last of them is what must stay.
        after.checked_sub(2).map(|offset| span.first + offset)
    }

    /// What to fetch for the entries of `range` that exist, `bytes_max` of payload or one entry at least.
    pub(crate) fn plan(&self, range: &Range<u64>, bytes_max: usize) -> Plan {
        let mut plan = Plan { stored: Vec::new(), cached: Vec::new() };
        let span = self.promised.span.unwrap_or(Span { first: 0, next: 0 });
        let (start, end) = (range.start.max(span.first), range.end.min(span.next));
        let tail_first = span.next - self.tail.len() as u64;
        let mut budget = bytes_max;
        for index in start..end {
            let is_cached = index >= tail_first;
            let position = if is_cached { None } else { self.stored.position(index) };
            let cached = if is_cached { self.tail.get((index - tail_first) as usize) } else { None };
            let size = cached.map_or(0, |cached| cached.payload.len())
                + position.map_or(0, |position| position.length as usize);
            if index > start && size > budget {
                break;
            }
            budget = budget.saturating_sub(size);
            match (cached, position) {
                (Some(cached), _) => plan.cached.push(Entry { index, payload: cached.payload.clone() }),
                (None, Some(position)) => self.extend(&mut plan.stored, index, position),
                (None, None) => unreachable!("W5: what is not in the tail is stored"),
            }
        }
        plan
    }

    fn extend(&self, stretches: &mut Vec<Stretch>, index: u64, position: Position) {
        if let Some(stretch) = stretches.last_mut() {
            let last = stretch.positions.last().expect("a stretch begins with a position");
            let end = last.at + RECORD_HEADER as u64 + u64::from(last.length);
            let segment_end = stretch.segment.base + stretch.segment.used;
            if position.at < segment_end && position.at - end <= GAP_MAX {
                stretch.positions.push(position);
                return;
            }
        }
        let after = self.segments.partition_point(|segment| segment.base <= position.at);
        let segment = self.segments[after.checked_sub(1).expect("W4: a position is in a segment")].clone();
        stretches.push(Stretch { segment, first: index, positions: vec![position] });
    }

    /// The promised mark that `Purge` moves; here because both ends of the lock ask for it.
    pub(crate) fn purged(&self) -> Option<&Mark> {
        self.promised.purged.as_ref()
    }
}
