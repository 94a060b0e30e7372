//! The step that brings changes and watchers together.
//!
//! A turn takes what was asked, then moves the line of new revisions on as far as it can, then serves those who are behind,
//! then hands over all that was said. The line waits for one thing at a time: for revisions that the feed had no room
//! for, or for what was there before some change. While it waits, what comes stays with the feed, within its bound.

mod behind;
mod line;

use crate::audience::Audience;
use crate::crowd::StreamId;
use crate::feed::Trough;
use crate::history::HistoryError;
use crate::past::{Answer, Job, Part, Read, Told};
use crate::request::{Input, Request, Seen};
use crate::ring::Ring;
use crate::settings::Settings;
use behind::Behind;
use line::Line;
use quorate_tasks::inbox::{Refused, Sender};
use quorate_tasks::{Failure, Step};
use quorate_types::Revision;

pub(crate) struct Hub {
    settings: Settings,
    audience: Audience,
    ring: Ring,
    line: Line,
    behind: Behind,
    /// Who asked for progress, and the newest revision then.
    asking: Vec<(StreamId, Revision)>,
    readers: Readers,
}

/// The readers of the past.
struct Readers {
    pages: Sender<Job>,
    previous: Sender<Job>,
    /// The number of the last job.
    last: u64,
}

/// The history's implementation is at fault.
#[derive(Debug, thiserror::Error)]
#[error("the history of keys says that revision {0} is compacted, and that it is not")]
struct Contradiction(Revision);

impl Hub {
    pub(crate) fn new(settings: Settings, trough: Trough, pages: Sender<Job>, previous: Sender<Job>) -> Self {
        Self {
            audience: Audience::new(settings.clone()),
            ring: Ring::new(settings.ring_bytes_max, settings.ring_revisions_max),
            line: Line::new(trough),
            behind: Behind::default(),
            asking: Vec::new(),
            readers: Readers { pages, previous, last: 0 },
            settings,
        }
    }

    fn take(&mut self, input: Input) -> Result<(), Failure> {
        match input {
            Input::Fed => {} // the line looks for itself
            Input::Open(open) => self.audience.open(open),
            Input::Request(stream, seen, request) => {
                self.audience.note_request(stream);
                self.request(stream, seen, request);
            }
            Input::Drained(stream) => self.behind.ready.push(stream),
            Input::Close(stream) => self.audience.close(stream),
            Input::Tick(now) => self.audience.report_quiet(now, self.line.frontier),
            Input::Answer(answer) => self.answer(answer)?,
        }
        Ok(())
    }

    fn request(&mut self, stream: StreamId, seen: Seen, request: Request) {
        match request {
            Request::Create(create, interest) => {
                if self.audience.is_empty() {
                    // While nobody watched nothing was fed: this watch begins a new line (see `Feed::push`).
                    self.line.restart(seen.newest, &mut self.ring);
                }
                if let Some(compacted) = seen.compacted {
                    self.ring.compact(compacted); // the oldest revision that this watch may begin at
                }
                if self.audience.create(stream, seen, &create, interest, self.line.frontier) {
                    self.behind.ready.push(stream);
                }
            }
            Request::Cancel(watch_id) => self.audience.cancel(stream, seen, watch_id),
            Request::Progress => match self.asking.iter_mut().find(|(asker, _)| *asker == stream) {
                Some((_, newest)) => *newest = seen.newest.max(*newest),
                None => self.asking.push((stream, seen.newest)),
            },
        }
    }

    fn answer(&mut self, answer: Answer) -> Result<(), Failure> {
        let Answer { number, told } = answer;
        let told = match told {
            Err(HistoryError::Failed(failure)) => return Err(failure),
            told => told,
        };
        if self.line.waits_for(number) {
            self.advance_line(told)
        } else if self.behind.waits_for(number) {
            self.go_on_behind(told)
        } else {
            unreachable!("every job is waited for")
        }
    }

    /// Tells those who asked, once all is told that they could have seen then (law WA5).
    fn report(&mut self) {
        let frontier = self.line.frontier;
        let audience = &mut self.audience;
        self.asking.retain(|(stream, newest)| {
            let is_due = *newest <= frontier;
            if is_due {
                audience.report(*stream, frontier);
            }
            !is_due && !audience.is_empty()
        });
    }
}

impl Step for Hub {
    type Input = Input;

    fn turn(&mut self, batch: &mut Vec<Input>) -> Result<(), Failure> {
        for input in batch.drain(..) {
            self.take(input)?;
        }
        self.move_line();
        self.serve_behind();
        self.report();
        self.audience.dispatch();
        Ok(())
    }
}

impl Readers {
    /// Asks for a part of the past; returns the job's number. `door` is where to answer.
    fn ask(&mut self, read: Read, door: Sender<Input>) -> u64 {
        self.last += 1;
        let reader = match read {
            Read::Pages(_) => &self.pages,
            Read::Previous(_) => &self.previous,
        };
        let job = Job { number: self.last, read, door };
        let refused = reader.push(job).err(); // a reader that has gone has ended the node
        assert!(!matches!(refused, Some(Refused::Full(_))), "one job for the line and one for those behind");
        self.last
    }
}

fn part(told: Told) -> Part {
    match told {
        Told::Pages(part) => part,
        Told::Previous(_) => unreachable!("pages were asked for"),
    }
}

#[cfg(test)]
mod tests;
