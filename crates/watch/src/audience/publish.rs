//! Telling the live crowds of the newest revision.

use super::{Audience, say};
use crate::crowd::{CrowdId, Place};
use crate::page::{Page, Previous};

impl Audience {
    /// Tells everybody live whose stream has room of `page`, in one message each (law WA4).
    ///
    /// Cost: a look-up for each change, and so much for each crowd that watches it; nothing for each watcher.
    ///
    /// # Panics
    /// If something is not known that [`Audience::unknown`] would have named.
    pub(crate) fn publish(&mut self, page: &Page) {
        let Self { index, crowds, clients, touched, settings, .. } = self;
        for fact in &page.facts {
            index.visit(&fact.change.key, |id| {
                let crowd = crowds.get_mut(id);
                let is_live = matches!(crowd.place, Place::Live { from } if from <= page.revision);
                if !is_live || !crowd.wants(fact.change.kind) {
                    return;
                }
                let client = clients.get_mut(&crowd.kind.stream).expect("only open streams have crowds");
                if !client.takes(page.revision, settings.window_bytes) {
                    return;
                }
                let event = fact.event(crowd.kind.form).expect("what is missing was asked for before");
                if crowd.gather(page.revision, event) {
                    touched.push(id);
                }
            });
        }
        self.release(page.revision);
    }

    /// Adds to `missing` the position of each change in `page` that somebody wants to see together with what was there
    /// before, while that is not known.
    pub(crate) fn unknown(&self, page: &Page, mut missing: impl FnMut(usize)) {
        if self.with_previous == 0 {
            return;
        }
        for (position, fact) in page.facts.iter().enumerate() {
            if fact.previous != Previous::Unasked {
                continue;
            }
            let mut is_wanted = false;
            self.index.visit(&fact.change.key, |id| {
                let crowd = self.crowds.get(id);
                is_wanted |= crowd.kind.form.with_previous && crowd.wants(fact.change.kind);
            });
            if is_wanted {
                missing(position);
            }
        }
    }

    /// Says what the touched crowds have gathered, under `revision`.
    pub(super) fn release(&mut self, revision: quorate_types::Revision) {
        let mut touched = std::mem::take(&mut self.touched);
        for id in touched.drain(..) {
            self.release_crowd(id, revision);
        }
        self.touched = touched;
    }

    pub(super) fn release_crowd(&mut self, id: CrowdId, revision: quorate_types::Revision) {
        let crowd = self.crowds.get_mut(id);
        let stream = crowd.kind.stream;
        if let Some(item) = crowd.release(revision, self.settings.fragment_bytes) {
            say(&mut self.clients, &mut self.dirty, stream, item);
        }
    }
}
