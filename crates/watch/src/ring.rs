//! The recent past, bounded in revisions and bytes.

use crate::page::{Fact, Page};
use quorate_types::Revision;
use std::collections::VecDeque;

/// The newest pages. Revisions between them that are not there are revisions in which nothing happened.
#[derive(Debug)]
pub(crate) struct Ring {
    pages: VecDeque<Page>,
    bytes: usize,
    bytes_max: usize,
    revisions_max: usize,
}

impl Ring {
    pub(crate) fn new(bytes_max: usize, revisions_max: usize) -> Self {
        Self { pages: VecDeque::new(), bytes: 0, bytes_max, revisions_max }
    }

    /// Adds what happened after the newest. The oldest make room.
    pub(crate) fn push(&mut self, page: Page) {
        if let Some(newest) = self.pages.back() {
            assert!(newest.revision < page.revision, "WA1: pages come in the order of revisions");
        }
        self.bytes += page.bytes;
        self.pages.push_back(page);
        while self.bytes > self.bytes_max || self.pages.len() > self.revisions_max {
            let Some(oldest) = self.pages.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// What was there before `compacted` is gone: the page of that revision shows it no more, as the history does not.
    pub(crate) fn compact(&mut self, compacted: Revision) {
        if let Ok(position) = self.pages.binary_search_by_key(&compacted, |page| page.revision) {
            self.pages[position].facts.iter_mut().for_each(Fact::forget_previous);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.bytes = 0;
    }

    pub(crate) fn oldest(&self) -> Option<Revision> {
        self.pages.front().map(|page| page.revision)
    }

    /// The pages from `revision` on; all if that is older than the oldest.
    pub(crate) fn from(&self, revision: Revision) -> impl Iterator<Item = &Page> {
        let position = self.pages.partition_point(|page| page.revision < revision);
        self.pages.range(position..)
    }
}
