//! A range whose records need not all be in memory.

use crate::moment::Moment;
use crate::{Found, Query, ReadError, RecordKey, Snapshot, Tier};
use bytes::Bytes;
use quorate_storage::View;

/// What a range read found, with the records past some bytes left where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The records, in the order asked for.
    pub records: Vec<Listed>,
    /// Whether the limit cut some off.
    pub more: bool,
    /// The live keys in the range, whatever limit and filter say.
    pub count: usize,
}

/// A record of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// In wire form.
    Here(Bytes),
    /// In the engine, where [`Snapshot::listed`] finds it.
    There {
        /// Under which key.
        place: RecordKey,
        /// Its bytes in wire form.
        length: usize,
    },
}

impl Listing {
    /// Bytes of all records together.
    #[must_use]
    pub fn length(&self) -> usize {
        self.records.iter().map(Listed::length).sum()
    }

    /// The same as an ordinary answer, if every record is here.
    ///
    /// # Errors
    /// The listing, if one is not.
    pub fn found(self) -> Result<Found, Self> {
        let Self { more, count, .. } = self;
        let here = self.records.iter().map(|record| match record {
            Listed::Here(record) => Some(record.clone()),
            Listed::There { .. } => None,
        });
        here.collect::<Option<Vec<_>>>().map(|records| Found { records, more, count }).ok_or(self)
    }
}

impl Listed {
    /// Bytes of the record in wire form.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Here(record) => record.len(),
            Self::There { length, .. } => *length,
        }
    }
}

impl Snapshot {
    /// Answers `query` as [`Snapshot::range`] does from the disk, and keeps of the records only the first `here_bytes_max`
    /// bytes. A sort by value holds all of them meanwhile.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    pub fn list(&self, view: &dyn View, query: &Query, here_bytes_max: usize) -> Result<Listing, ReadError> {
        self.moment(view, Tier::Disk).list(query, here_bytes_max)
    }

    /// The record of `listed`, from a view of the same moment (law M6). May read the disk.
    ///
    /// # Errors
    /// The engine failed.
    pub fn listed(&self, view: &dyn View, listed: &Listed) -> Result<Bytes, ReadError> {
        match listed {
            Listed::Here(record) => Ok(record.clone()),
            Listed::There { place, .. } => self.moment(view, Tier::Disk).reader.record(*place),
        }
    }
}

impl Moment<'_> {
    fn list(&self, query: &Query, here_bytes_max: usize) -> Result<Listing, ReadError> {
        let answer = self.answer(query)?;
        let mut here_bytes = 0;
        let records = answer.candidates.into_iter().map(|candidate| {
            // A key without its value is made from the index, not read.
            let place = (!query.keys_only).then(|| candidate.place());
            let record = candidate.answer(&self.reader, query)?;
            let length = record.len();
            Ok(match place {
                Some(place) if here_bytes + length > here_bytes_max => Listed::There { place, length },
                _ => {
                    here_bytes += length;
                    Listed::Here(record)
                }
            })
        });
        let records = records.collect::<Result<_, ReadError>>()?;
        Ok(Listing { records, more: answer.more, count: answer.count })
    }
}

#[cfg(test)]
mod tests;
