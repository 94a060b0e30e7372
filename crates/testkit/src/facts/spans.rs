//! Stretches of revisions in which something is known to hold.

use crate::operation::Revision;
use crate::past::Source;

/// The revisions `after + 1 ..= upto`, and who saw what holds in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) after: Revision,
    pub(crate) upto: Revision,
    pub(crate) by: Source,
}

/// Stretches of revisions, disjoint and in order once they are sealed.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    pub(crate) fn add(&mut self, span: Span) {
        if span.after < span.upto {
            self.0.push(span);
        }
    }

    /// Makes them disjoint and sorts them.
    pub(crate) fn seal(&mut self) {
        self.0.sort_by_key(|span| (span.after, span.upto));
        let mut disjoint: Vec<Span> = Vec::with_capacity(self.0.len());
        for next in self.0.drain(..) {
            let covered = disjoint.last().map_or(next.after, |before| before.upto.max(next.after));
            if covered < next.upto {
                disjoint.push(Span { after: covered, ..next });
            }
        }
        self.0 = disjoint;
    }

    /// Who saw the span in which `revision` lies.
    pub(crate) fn find(&self, revision: Revision) -> Option<Source> {
        let before = self.0[..self.0.partition_point(|span| span.after < revision)].last();
        before.filter(|span| revision <= span.upto).map(|span| span.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(spans: &[(i64, i64)]) -> Spans {
        let mut sealed = Spans::default();
        for (at, (after, upto)) in spans.iter().enumerate() {
            sealed.add(Span { after: Revision(*after), upto: Revision(*upto), by: Source::Call(at) });
        }
        sealed.seal();
        sealed
    }

    #[test]
    fn every_revision_of_every_span_is_found_and_no_other() {
        for given in
            [&[][..], &[(2, 5)], &[(4, 9), (2, 5)], &[(2, 9), (3, 4), (8, 12)], &[(2, 4), (4, 6)], &[(5, 5)]]
        {
            let spans = spans(given);
            for revision in 0..15 {
                let holds = given.iter().any(|(after, upto)| *after < revision && revision <= *upto);
                assert_eq!(spans.find(Revision(revision)).is_some(), holds, "{revision} in {given:?}");
            }
        }
    }
}
