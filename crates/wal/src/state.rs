//! What a log holds, without its entries: the vote, the marks, and which indexes there are.

use bytes::Bytes;
use std::collections::VecDeque;

/// One entry of the Raft log. What the payload means is its owner's business.
///
/// The log keeps the payload in memory for a while, and with it all that the `Bytes` are a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log.
    pub index: u64,
    /// Its bytes.
    pub payload: Bytes,
}

/// A place in the log: a log id as its owner encodes it, with the index in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The index of the entry it names.
    pub index: u64,
    /// The owner's encoding of the whole log id; at most 64 KiB.
    pub payload: Bytes,
}

/// Which entries there are: `first..next`. Empty means: the next one has the index `next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) next: u64,
}

/// A moment of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// `None`: no entry, nothing purged; the log begins wherever the first entry says.
    pub(crate) span: Option<Span>,
    pub(crate) vote: Option<Bytes>,
    pub(crate) purged: Option<Mark>,
    pub(crate) committed: Option<Mark>,
}

/// Where a record begins, counted over all segments since the log was opened, and its payload's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) at: u64,
    pub(crate) length: u32,
}

/// One step from a moment of the log to the next: what a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Entry { index: u64, position: Position },
    Truncate { last: u64 },
    Clear,
    Purge(Mark),
    Vote(Bytes),
    Committed(Mark),
}

/// What the records on disk add up to, in the order in which they were written.
///
/// W4: positions are those of the newest entries of the span. They are fewer than the span only while an old log is
/// read whose purged segments are gone already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) state: State,
    pub(crate) positions: VecDeque<Position>,
}

impl Span {
    pub(crate) fn is_empty(self) -> bool {
        self.first == self.next
    }

    pub(crate) fn count(self) -> u64 {
        self.next - self.first
    }

    pub(crate) fn contains(self, index: u64) -> bool {
        self.first <= index && index < self.next
    }
}

impl State {
    /// Takes the next record into account. The error says what a record of a sound log never does.
    pub(crate) fn follow(&mut self, change: &Change) -> Result<(), &'static str> {
        match change {
            Change::Entry { index, .. } => self.push(*index)?,
            Change::Truncate { last } => self.truncate(*last)?,
            Change::Clear => self.clear(),
            Change::Purge(mark) => self.purge(mark.clone())?,
            Change::Vote(vote) => self.vote = Some(vote.clone()),
            Change::Committed(mark) => self.committed = Some(mark.clone()),
        }
        Ok(())
    }

    /// The last entry, if there is one.
    pub(crate) fn last(&self) -> Option<u64> {
        self.span.filter(|span| !span.is_empty()).map(|span| span.next - 1)
    }

    /// Adds an entry at the end. Refuses a gap.
    pub(crate) fn push(&mut self, index: u64) -> Result<(), &'static str> {
        let next = index.checked_add(1).ok_or("an entry has the last index there is")?;
        match &mut self.span {
            None => self.span = Some(Span { first: index, next }),
            Some(span) if span.next == index => span.next = next,
            Some(_) => return Err("an entry does not continue the log"),
        }
        Ok(())
    }

    /// Drops the entries after `last`, which stays. Refuses to drop what is not there.
    pub(crate) fn truncate(&mut self, last: u64) -> Result<(), &'static str> {
        match &mut self.span {
            Some(span) if span.contains(last) => span.next = last + 1,
            _ => return Err("the last entry to keep does not exist"),
        }
        Ok(())
    }

    /// Drops all entries. A purged log still continues where the purge ended.
    pub(crate) fn clear(&mut self) {
        match &mut self.span {
            Some(span) if self.purged.is_some() => span.next = span.first,
            _ => self.span = None,
        }
    }

    /// Drops the entries up to `mark`, or all of them if it lies ahead. Refuses to go back.
    pub(crate) fn purge(&mut self, mark: Mark) -> Result<(), &'static str> {
        let first = mark.index.checked_add(1).ok_or("a purge has the last index there is")?;
        if self.purged.as_ref().is_some_and(|purged| purged.index >= mark.index) {
            return Err("a purge goes back");
        }
        let next = self.span.map_or(first, |span| span.next.max(first));
        // A log that began above the mark, unpurged, would have a hole between them.
        if self.span.is_some_and(|span| span.first > first) {
            return Err("a purge ends below the first entry");
        }
        self.span = Some(Span { first, next });
        self.purged = Some(mark);
        Ok(())
    }
}

impl Change {
    /// The same, its position counted from the log's start instead of from `origin`.
    pub(crate) fn moved(self, origin: u64) -> Self {
        match self {
            Self::Entry { index, position } => {
                Self::Entry { index, position: Position { at: origin + position.at, ..position } }
            }
            other => other,
        }
    }
}

impl Stored {
    /// Takes the next record into account. The error says what a record of a sound log never does.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), &'static str> {
        let next = self.state.span.map_or(0, |span| span.next);
        self.state.follow(change)?;
        if let Change::Entry { position, .. } = change {
            self.positions.push_back(*position);
        }
        let (kept, span) = (self.positions.len(), self.state.span.unwrap_or(Span { first: 0, next: 0 }));
        self.positions.truncate(kept - clamp(next.saturating_sub(span.next), kept));
        let surplus = self.positions.len() - clamp(span.count(), self.positions.len());
        self.positions.drain(..surplus);
        Ok(())
    }

    /// How many entries of the span have no position: they were in segments that are gone.
    pub(crate) fn missing(&self) -> u64 {
        self.state.span.map_or(0, Span::count) - self.positions.len() as u64
    }

    /// The position of an entry, if it is here.
    pub(crate) fn position(&self, index: u64) -> Option<Position> {
        let span = self.state.span?;
        let offset = index.checked_sub(span.first)?.checked_sub(self.missing())?;
        self.positions.get(usize::try_from(offset).ok()?).copied()
    }
}

/// `count`, or `most` if that is less.
fn clamp(count: u64, most: usize) -> usize {
    usize::try_from(count).map_or(most, |count| count.min(most))
}
