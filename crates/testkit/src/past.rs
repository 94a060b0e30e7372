//! Places in the order of a history, and what had been seen of it at which time.

use crate::history::History;
use crate::operation::{Operation, Revision};
use crate::recording::Time;

/// A place in the order: at the write of a revision, or after it and before the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) revision: Revision,
    after: bool,
}

impl Place {
    pub(crate) fn write(revision: Revision) -> Place {
        Place { revision, after: false }
    }

    pub(crate) fn read(revision: Revision) -> Place {
        Place { revision, after: true }
    }
}

/// Who says something, as an index into the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Call(usize),
    Watch(usize),
}

/// The place of a call that was done. A revoke counts as a read of its revision: whatever begins after its end comes
/// after that place even if it was the write, since nothing else is; where it may be the write, the search asks again.
pub(crate) fn place(history: &History, call: usize) -> Option<Place> {
    let call = &history.calls[call];
    let answer = call.answer()?;
    let is_write = answer.wrote() && !matches!(call.operation, Operation::Revoke { .. });
    Some(if is_write { Place::write(answer.revision) } else { Place::read(answer.revision) })
}

/// The furthest place that somebody had seen by a given time.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// When something ended, and the furthest place that had been seen by then; in the order of time.
    seen: Vec<(Time, Place, Source)>,
}

impl Past {
    /// From all calls that were done, and from what watches were told if they are to be believed.
    ///
    /// Cost: O(n log n).
    pub(crate) fn new(history: &History, watches: bool) -> Past {
        let mut seen = Vec::new();
        for (at, call) in history.calls.iter().enumerate() {
            if let (Some((time, _)), Some(place)) = (&call.completed, place(history, at)) {
                seen.push((*time, place, Source::Call(at)));
            }
        }
        for (at, watch) in history.watches.iter().enumerate().filter(|_| watches) {
            let headers = watch.told.iter().filter(|(_, header, _)| header.0 > 0);
            seen.extend(headers.map(|(time, header, _)| (*time, Place::write(*header), Source::Watch(at))));
        }
        seen.sort_by_key(|(time, ..)| *time);
        for at in 1..seen.len() {
            let (_, furthest, source) = seen[at - 1];
            if furthest > seen[at].1 {
                (seen[at].1, seen[at].2) = (furthest, source);
            }
        }
        Past { seen }
    }

    /// What had been seen for certain when something began at `time`.
    pub(crate) fn before(&self, time: Time) -> Option<(Place, Source)> {
        let upto = self.seen.partition_point(|(seen, ..)| seen.order < time.order);
        upto.checked_sub(1).map(|at| (self.seen[at].1, self.seen[at].2))
    }

    /// Whether something that began at `time` can be the write of `revision`.
    pub(crate) fn allows(&self, time: Time, revision: Revision) -> bool {
        self.before(time).is_none_or(|(place, _)| place < Place::write(revision))
    }
}
