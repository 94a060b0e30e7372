//! The line of new revisions: in order, without a gap, each complete before it is published.

use super::{Contradiction, Hub, part};
use crate::feed::Trough;
use crate::history::HistoryError;
use crate::page::{Page, Previous};
use crate::past::{Pages, Part, Read, Told};
use crate::ring::Ring;
use quorate_tasks::Failure;
use quorate_types::{Changes, Revision};
use std::collections::VecDeque;

/// What is about to be published.
pub(super) struct Line {
    /// The last revision published; everything up to it is in the ring or in the history.
    pub(super) frontier: Revision,
    trough: Trough,
    /// The last revision there was to be told.
    promised: Revision,
    incoming: VecDeque<Changes>,
    /// The next revisions, without a gap.
    staged: VecDeque<Page>,
    waiting: Option<Waiting>,
}

struct Waiting {
    number: u64,
    /// Where in `staged` the answers belong: page and change.
    places: Vec<(usize, usize)>,
    /// The line was begun anew meanwhile: the answer is waited for, so that a reader never has more than one thing to do
    /// for the line, and then passed over.
    is_void: bool,
}

impl Line {
    pub(super) fn new(trough: Trough) -> Self {
        Self {
            frontier: Revision(0),
            trough,
            promised: Revision(0),
            incoming: VecDeque::new(),
            staged: VecDeque::new(),
            waiting: None,
        }
    }

    pub(super) fn waits_for(&self, number: u64) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.number == number)
    }

    /// Begins again after `newest`, for nobody watches what is left out.
    pub(super) fn restart(&mut self, newest: Revision, ring: &mut Ring) {
        if let Some(waiting) = &mut self.waiting {
            waiting.is_void = true;
        }
        self.staged.clear();
        if newest > self.frontier {
            self.frontier = newest;
            ring.clear();
        }
    }

    /// Forgets what waits: nobody watches.
    fn pass_by(&mut self, ring: &mut Ring) {
        self.incoming.clear();
        self.promised = self.promised.max(self.trough.take(&mut self.incoming));
        self.incoming.clear();
        self.restart(self.promised, ring);
    }

    fn pass_over_known(&mut self) {
        let frontier = self.frontier;
        while self.incoming.pop_front_if(|changes| changes.revision <= frontier).is_some() {}
    }

    /// Stages what comes next. What is missing before that, if anything is, as the first and the last revision.
    fn stage(&mut self) -> Option<(Revision, Revision)> {
        self.pass_over_known();
        if self.incoming.is_empty() {
            // Only a trough that was found empty rings again.
            self.promised = self.promised.max(self.trough.take(&mut self.incoming));
            self.pass_over_known();
        }
        let mut next = self.frontier.next();
        while let Some(changes) = self.incoming.pop_front_if(|changes| changes.revision == next) {
            self.staged.push_back(changes.into());
            next = next.next();
        }
        let until = self.incoming.front().map_or(self.promised, |changes| Revision(changes.revision.0 - 1));
        (self.staged.is_empty() && next <= until).then_some((next, until))
    }
}

impl Hub {
    /// Publishes all that can be.
    pub(super) fn move_line(&mut self) {
        while self.line.waiting.is_none() {
            let Some(door) = self.audience.door().filter(|_| !self.audience.is_empty()) else {
                self.line.pass_by(&mut self.ring);
                return;
            };
            if self.line.staged.is_empty() {
                let missing = self.line.stage();
                if let Some((from, through)) = missing {
                    let through = through.min(Revision(from.0 + self.chunk() - 1));
                    let bytes_max = self.settings.chunk_bytes_max;
                    let read = Read::Pages(Pages { from, through, bytes_max, with_previous: Vec::new() });
                    let number = self.readers.ask(read, door);
                    self.line.waiting = Some(Waiting { number, places: Vec::new(), is_void: false });
                    return;
                }
                if self.line.staged.is_empty() {
                    return;
                }
            }
            let (places, keys) = self.unknown();
            if !places.is_empty() {
                let number = self.readers.ask(Read::Previous(keys), door);
                self.line.waiting = Some(Waiting { number, places, is_void: false });
                return;
            }
            self.publish_staged();
        }
    }

    pub(super) fn chunk(&self) -> i64 {
        i64::try_from(self.settings.chunk_revisions_max).unwrap_or(i64::MAX)
    }

    /// The changes in line of which somebody wants to see what was there before, and that is not known.
    #[expect(clippy::type_complexity, reason = "two lists that go two ways at once")]
    fn unknown(&self) -> (Vec<(usize, usize)>, Vec<(bytes::Bytes, Revision)>) {
        let (mut places, mut keys) = (Vec::new(), Vec::new());
        for (number, page) in self.line.staged.iter().enumerate() {
            self.audience.unknown(page, |position| {
                places.push((number, position));
                keys.push((page.facts[position].change.key.clone(), page.revision));
            });
        }
        (places, keys)
    }

    fn publish_staged(&mut self) {
        while let Some(page) = self.line.staged.pop_front() {
            assert!(self.line.frontier < page.revision, "WA1: revisions are published in order, each once");
            self.line.frontier = page.revision;
            self.audience.publish(&page);
            self.ring.push(page);
            self.audience.promote(self.line.frontier);
        }
    }

    /// The line goes on with what it waited for.
    pub(super) fn advance_line(&mut self, told: Result<Told, HistoryError>) -> Result<(), Failure> {
        let Some(Waiting { places, is_void: false, .. }) = self.line.waiting.take() else { return Ok(()) };
        let next = self.line.frontier.next();
        match told {
            Ok(Told::Previous(records)) => {
                for ((page, position), record) in places.into_iter().zip(records) {
                    self.line.staged[page].facts[position].previous = Previous::Known(record);
                }
            }
            Ok(told) => {
                let Part { pages, through } = part(told);
                let is_blank = pages.last().is_none_or(|page| page.revision < through);
                self.line.staged.extend(pages);
                self.line.staged.extend(is_blank.then(|| Page::blank(through)));
            }
            Err(HistoryError::Compacted(compacted)) if compacted > next => {
                for stream in self.audience.streams() {
                    self.audience.cancel_below(stream, compacted, next);
                    self.behind.ready.push(stream);
                }
                self.line.frontier = Revision(compacted.0 - 1);
                self.ring.clear();
            }
            Err(_) => return Err(Contradiction(next).into()),
        }
        Ok(())
    }
}
