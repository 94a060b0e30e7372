//! Reading the past, on threads of its own: it may have to wait for the disk.

use crate::history::{History, HistoryError};
use crate::page::{Page, Previous};
use crate::request::Input;
use bytes::Bytes;
use quorate_tasks::inbox::Sender;
use quorate_tasks::{Failure, Step};
use quorate_types::{KeyRange, Revision};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Something to read, and where to answer.
#[derive(Debug)]
pub(crate) struct Job {
    /// Comes back with the answer.
    pub(crate) number: u64,
    pub(crate) read: Read,
    pub(crate) door: Sender<Input>,
}

#[derive(Debug)]
pub(crate) enum Read {
    /// Revisions; the answer may be a first part of them.
    Pages(Pages),
    /// What was under each key just before the revision.
    Previous(Vec<(Bytes, Revision)>),
}

#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) from: Revision,
    pub(crate) through: Revision,
    pub(crate) bytes_max: usize,
    /// Whose events show what was there before.
    pub(crate) with_previous: Vec<KeyRange>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) number: u64,
    pub(crate) told: Result<Told, HistoryError>,
}

#[derive(Debug)]
pub(crate) enum Told {
    Pages(Part),
    Previous(Vec<Option<Bytes>>),
}

/// A part of the past.
#[derive(Debug)]
pub(crate) struct Part {
    /// In the order of revisions. Those in which nothing happened are left out.
    pub(crate) pages: Vec<Page>,
    /// The last revision of the part.
    pub(crate) through: Revision,
}

/// Reads the past.
pub(crate) struct Reader {
    history: Arc<dyn History>,
}

impl Reader {
    pub(crate) fn new(history: Arc<dyn History>) -> Self {
        Self { history }
    }

    fn read(&self, read: Read) -> Result<Told, HistoryError> {
        match read {
            Read::Pages(pages) => self.pages(&pages).map(Told::Pages),
            Read::Previous(places) => places
                .iter()
                .map(|(key, revision)| self.record_before(key, *revision))
                .collect::<Result<_, _>>()
                .map(Told::Previous),
        }
    }

    fn pages(&self, wanted: &Pages) -> Result<Part, HistoryError> {
        let (mut pages, mut bytes, mut through) = (Vec::<Page>::new(), 0, wanted.through);
        self.history.changes(wanted.from, wanted.through, &mut |changes| {
            let page = Page::from(changes);
            let earliest = pages.last().map_or(wanted.from, |page| page.revision.next());
            assert!(
                (earliest..=wanted.through).contains(&page.revision),
                "WA1: the history is told in order"
            );
            bytes += page.bytes;
            if bytes < wanted.bytes_max {
                pages.push(page);
                return ControlFlow::Continue(());
            }
            through = page.revision;
            pages.push(page);
            ControlFlow::Break(())
        })?;
        for page in &mut pages {
            let revision = page.revision;
            for fact in &mut page.facts {
                let key = &fact.change.key;
                let is_unasked = fact.previous == Previous::Unasked;
                if is_unasked && wanted.with_previous.iter().any(|range| range.contains(key)) {
                    fact.previous = Previous::Known(self.record_before(key, revision)?);
                }
            }
        }
        Ok(Part { pages, through })
    }

    /// etcd: what a compaction has removed is left out of an event.
    fn record_before(&self, key: &[u8], revision: Revision) -> Result<Option<Bytes>, HistoryError> {
        match self.history.record_before(key, revision) {
            Err(HistoryError::Compacted(_)) => Ok(None),
            outcome => outcome,
        }
    }
}

impl Step for Reader {
    type Input = Job;

    fn turn(&mut self, batch: &mut Vec<Job>) -> Result<(), Failure> {
        for Job { number, read, door } in batch.drain(..) {
            let told = self.read(read);
            drop(door.push(Input::Answer(Answer { number, told }))); // the hub may have gone
        }
        Ok(())
    }
}
