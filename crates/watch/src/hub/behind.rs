//! Serving the streams that are behind: from the ring, or from the history, in turns.

use super::{Contradiction, Hub, part};
use crate::audience::{Served, Span};
use crate::crowd::StreamId;
use crate::history::HistoryError;
use crate::past::{Pages, Part, Read, Told};
use quorate_tasks::Failure;
use quorate_types::{KeyRange, Revision};
use std::collections::VecDeque;

/// More ranges than this are not looked at one by one for what was there before: all of the past is read with it.
const RANGES_MAX: usize = 64;

/// Those who are behind.
#[derive(Default)]
pub(super) struct Behind {
    /// Streams to be served in this turn: they have a new watch with a past, or room again.
    pub(super) ready: Vec<StreamId>,
    /// Streams that need what only the history has, each once, in the order of their turns.
    queue: VecDeque<StreamId>,
    /// For the first of them the history is read.
    reading: Option<Reading>,
}

struct Reading {
    number: u64,
    stream: StreamId,
    from: Revision,
}

impl Behind {
    pub(super) fn waits_for(&self, number: u64) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.number == number)
    }
}

impl Hub {
    /// Serves who is ready, then has the history read for the next in turn.
    pub(super) fn serve_behind(&mut self) {
        let mut ready = std::mem::take(&mut self.behind.ready);
        for stream in ready.drain(..) {
            self.serve_from_ring(stream);
        }
        self.behind.ready = ready;
        self.read_on();
    }

    /// Tells a stream what the ring has for it. If that is not all, the stream queues for the history.
    fn serve_from_ring(&mut self, stream: StreamId) {
        let frontier = self.line.frontier;
        self.audience.reopen(stream, frontier);
        let oldest = self.ring.oldest().unwrap_or(frontier.next());
        let Some(lowest) = self.audience.lowest(stream, frontier) else { return };
        let pages = self.ring.from(lowest);
        let served = self.audience.serve(stream, pages, Span { from: oldest, through: frontier, frontier });
        if served != Served::Full && self.audience.lowest(stream, frontier).is_some() {
            self.queue(stream);
        }
    }

    fn queue(&mut self, stream: StreamId) {
        let is_read_for = self.behind.reading.as_ref().is_some_and(|reading| reading.stream == stream);
        if !is_read_for && !self.behind.queue.contains(&stream) {
            self.behind.queue.push_back(stream);
        }
    }

    /// Has the history read from the lowest cursor of the stream whose turn it is.
    fn read_on(&mut self) {
        let frontier = self.line.frontier;
        while self.behind.reading.is_none() {
            let Some(stream) = self.behind.queue.pop_front() else { return };
            let Some(from) = self.audience.lowest(stream, frontier) else { continue };
            let Some(door) = self.audience.door() else { return };
            let through = frontier.min(Revision(from.0 + self.chunk() - 1));
            let read = Read::Pages(Pages {
                from,
                through,
                bytes_max: self.settings.chunk_bytes_max,
                with_previous: self.ranges_with_previous(stream),
            });
            let number = self.readers.ask(read, door);
            self.behind.reading = Some(Reading { number, stream, from });
        }
    }

    /// For which keys the reader should look for what was there before: for all who will be served.
    fn ranges_with_previous(&self, stream: StreamId) -> Vec<KeyRange> {
        let streams = [stream].into_iter().chain(self.behind.queue.iter().copied());
        let ranges: Vec<KeyRange> = streams
            .flat_map(|stream| self.audience.ranges_with_previous(stream))
            .take(RANGES_MAX + 1)
            .collect();
        if ranges.len() > RANGES_MAX { vec![KeyRange::From(bytes::Bytes::new())] } else { ranges }
    }

    /// A part of the history has been read for one stream; all who wait are served from it, wherever their cursors are.
    pub(super) fn go_on_behind(&mut self, told: Result<Told, HistoryError>) -> Result<(), Failure> {
        let Some(Reading { stream, from, .. }) = self.behind.reading.take() else { return Ok(()) };
        let mut streams = vec![stream];
        streams.extend(self.behind.queue.drain(..));
        match told {
            Ok(told) => self.serve_part(&part(told), from, streams),
            Err(HistoryError::Compacted(compacted)) if compacted > from => {
                for stream in streams {
                    // Who is told what is published needs no history.
                    self.audience.cancel_below(stream, compacted, Revision(i64::MAX));
                    self.behind.ready.push(stream);
                }
            }
            Err(_) => return Err(Contradiction(from).into()),
        }
        Ok(())
    }

    fn serve_part(&mut self, part: &Part, from: Revision, streams: Vec<StreamId>) {
        let frontier = self.line.frontier;
        let Part { pages, through } = part;
        for stream in streams {
            let Some(lowest) = self.audience.lowest(stream, frontier) else { continue };
            let position = pages.partition_point(|page| page.revision < lowest);
            let span = Span { from, through: *through, frontier };
            if self.audience.serve(stream, pages[position..].iter(), span) != Served::Full {
                self.behind.ready.push(stream);
            }
        }
    }
}
