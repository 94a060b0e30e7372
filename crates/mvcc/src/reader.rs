//! Where records are read, and how many may be.

use crate::record::Fields;
use crate::{Overlay, ReadError, RecordKey, Tier};
use bytes::Bytes;
use quorate_storage::{Cached, Space, View};
use std::cell::Cell;

/// More records than this are not gathered on a front thread.
const FRONT_KEYS_MAX: usize = 1000;
/// More bytes than this are not gathered on a front thread.
const FRONT_BYTES_MAX: usize = 1 << 20;
/// More keys than this are not walked on a front thread: about a quarter of a millisecond.
const FRONT_VISITS_MAX: usize = 4000;

/// A place that has records of one moment.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// An engine, from a thread that may wait as the tier says.
    View(&'a dyn View, Tier),
    /// An engine and what is pending over it, on the thread that applies.
    Overlay(&'a Overlay),
}

/// Records of one moment, for one request.
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    space: Space,
    visits: Cell<usize>,
    records: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: Source<'a>, space: Space) -> Self {
        Self { source, space, visits: Cell::new(0), records: Cell::new(0), bytes: Cell::new(0) }
    }

    /// The record at `at`, which an index names.
    pub(crate) fn record(&self, at: RecordKey) -> Result<Bytes, ReadError> {
        let record = match self.source {
            Source::Overlay(overlay) => overlay.get(self.space, at)?,
            Source::View(view, Tier::Disk) => view.get(self.space, &at.live())?,
            Source::View(view, Tier::Memory) => match view.get_cached(self.space, &at.live())? {
                Cached::Known(record) => record,
                Cached::Unknown => return Err(ReadError::NeedsDisk),
            },
        };
        let record = record.ok_or(ReadError::Corrupt(at))?; // M3: the index names only what is stored
        self.gather(record.len())?;
        Ok(record)
    }

    /// One more record of the answer, of so many bytes. The first may be of any size.
    pub(crate) fn gather(&self, bytes: usize) -> Result<(), ReadError> {
        let records = add(&self.records, 1);
        let bytes = add(&self.bytes, bytes);
        self.bound(records > FRONT_KEYS_MAX || (records > 1 && bytes > FRONT_BYTES_MAX))
    }

    /// The answer has so many records, even if they are not read yet.
    pub(crate) fn admit(&self, records: usize) -> Result<(), ReadError> {
        self.bound(records > FRONT_KEYS_MAX)
    }

    /// One more key was looked at.
    pub(crate) fn visit(&self) -> Result<(), ReadError> {
        self.bound(add(&self.visits, 1) > FRONT_VISITS_MAX)
    }

    fn bound(&self, is_passed: bool) -> Result<(), ReadError> {
        match self.source {
            Source::View(_, Tier::Memory) if is_passed => Err(ReadError::NeedsDisk),
            _ => Ok(()),
        }
    }
}

fn add(to: &Cell<usize>, count: usize) -> usize {
    to.set(to.get() + count);
    to.get()
}

/// What a record says, which must be one.
pub(crate) fn fields(record: &Bytes, at: RecordKey) -> Result<Fields<'_>, ReadError> {
    Fields::decode(record).ok_or(ReadError::Corrupt(at))
}
