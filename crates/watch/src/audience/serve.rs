//! Telling one stream of the past.

use super::Audience;
use super::client::Client;
use crate::crowd::{Crowd, CrowdId, Place, StreamId};
use crate::page::{Fact, Page};
use quorate_types::Revision;

/// A part of the past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// The first revision of the pages.
    pub(crate) from: Revision,
    /// The last.
    pub(crate) through: Revision,
    /// The last revision published.
    pub(crate) frontier: Revision,
}

/// How serving a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// All cursors that were within the span are behind it.
    Done,
    /// The stream's window is full; it will say when it is not.
    Full,
    /// It wants to see what was there before a change, and the page does not know.
    NeedsPrevious,
}

impl Audience {
    /// The lowest cursor of a stream that is not beyond `frontier`.
    pub(crate) fn lowest(&self, stream: StreamId, frontier: Revision) -> Option<Revision> {
        let client = self.clients.get(&stream)?;
        let own = client.crowds.iter().filter_map(|id| match self.crowds.get(*id).place {
            Place::Behind { next } => Some(next),
            Place::Live { .. } => None,
        });
        let lowest = own.chain(client.next).min()?;
        (lowest <= frontier && !client.crowds.is_empty()).then_some(lowest)
    }

    /// The ranges for which a stream wants to see what was there before.
    pub(crate) fn ranges_with_previous(&self, stream: StreamId) -> Vec<quorate_types::KeyRange> {
        let Some(client) = self.clients.get(&stream).filter(|client| client.with_previous > 0) else {
            return Vec::new();
        };
        let crowds = client.crowds.iter().map(|id| &self.crowds.get(*id).kind);
        crowds.filter(|kind| kind.form.with_previous).map(|kind| kind.range.clone()).collect()
    }

    /// Tells `stream` what `pages` say, from where its cursors are, and moves those that are within the span. The pages are
    /// those of the span from the lowest such cursor on, in order, without a gap.
    ///
    /// Cost: for each change one look-up and one comparison for each range that the stream watches.
    pub(crate) fn serve<'a>(
        &mut self,
        stream: StreamId,
        pages: impl Iterator<Item = &'a Page>,
        span: Span,
    ) -> Served {
        let (mut served, mut reached, mut gathered) = (Served::Done, span.through.next(), 0);
        for page in pages {
            let Some(client) = self.clients.get(&stream) else { return Served::Done };
            if client.outgoing.in_flight() + gathered >= self.settings.window_bytes {
                let outgoing = client.outgoing.clone();
                self.release(span.frontier);
                gathered = 0;
                if outgoing.is_full(self.settings.window_bytes) {
                    (served, reached) = (Served::Full, page.revision);
                    break;
                }
            }
            if !self.is_known(stream, page, span.from) {
                (served, reached) = (Served::NeedsPrevious, page.revision);
                break;
            }
            gathered += self.gather(stream, page, span);
        }
        self.release(span.frontier);
        self.advance(stream, span, reached);
        served
    }

    /// Whether all is known that the stream wants to see of `page`.
    fn is_known(&self, stream: StreamId, page: &Page, from: Revision) -> bool {
        let client = &self.clients[&stream];
        client.with_previous == 0
            || page.facts.iter().all(|fact| {
                let mut due = self.due(stream, client, fact, page.revision, from);
                due.all(|id| fact.is_known(self.crowds.get(id).kind.form))
            })
    }

    /// Gathers for each crowd that is due; returns how many bytes that are.
    fn gather(&mut self, stream: StreamId, page: &Page, span: Span) -> usize {
        let mut bytes = 0;
        for fact in &page.facts {
            let client = &self.clients[&stream];
            let due: Vec<CrowdId> = self.due(stream, client, fact, page.revision, span.from).collect();
            for id in due {
                let crowd = self.crowds.get_mut(id);
                let event = fact.event(crowd.kind.form).expect("it was looked up before");
                bytes += (event.len() + 8) * crowd.ids.len();
                if crowd.is_long(page.revision, &self.settings) {
                    self.release_crowd(id, span.frontier);
                }
                if self.crowds.get_mut(id).gather(page.revision, event) {
                    self.touched.push(id);
                }
            }
        }
        bytes
    }

    /// The crowds of a stream that are to be told `fact`, and have their cursor at or before it but within the span.
    fn due<'a>(
        &'a self,
        stream: StreamId,
        client: &'a Client,
        fact: &'a Fact,
        revision: Revision,
        from: Revision,
    ) -> impl Iterator<Item = CrowdId> + 'a {
        let key = &fact.change.key;
        let ranges = client.ranges.iter().copied();
        let ranges = ranges.filter(move |id| self.crowds.get(*id).kind.range.contains(key));
        self.index.exact(key, stream).chain(ranges).filter(move |id| {
            let crowd = self.crowds.get(*id);
            crowd.wants(fact.change.kind) && is_due(crowd, client.next, revision, from)
        })
    }

    /// Moves every cursor that was within the span and before `reached` to there.
    fn advance(&mut self, stream: StreamId, span: Span, reached: Revision) {
        let Some(client) = self.clients.get_mut(&stream) else { return };
        let moves = |next: Revision| span.from <= next && next < reached;
        if client.next.is_some_and(moves) {
            client.next = (reached <= span.frontier).then_some(reached);
        }
        let is_open = client.next.is_none();
        for id in client.crowds.clone() {
            let Some(crowd) = self.crowds.find(id) else { continue }; // it has joined another
            let Place::Behind { next } = crowd.place else { continue };
            let next = if moves(next) { reached } else { next };
            self.crowds.get_mut(id).place = Place::Behind { next };
            if is_open && next > span.frontier {
                self.join(id);
            }
        }
    }
}

/// Whether a crowd's cursor is within the span that begins at `from`, and `revision` is not before it.
fn is_due(crowd: &Crowd, stream_next: Option<Revision>, revision: Revision, from: Revision) -> bool {
    match (crowd.place, stream_next) {
        (Place::Behind { next }, _) => from <= next && next <= revision,
        (Place::Live { from: first }, Some(next)) => from <= next && first.max(next) <= revision,
        (Place::Live { .. }, None) => false,
    }
}
