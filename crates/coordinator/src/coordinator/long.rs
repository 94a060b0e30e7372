//! Ranges too long to be held in memory.

use super::{Coordinator, unreadable};
use crate::call::Call;
use crate::check;
use crate::error::Error;
use bytes::Bytes;
use quorate_mvcc::{Found, Listing, Query, ReadError, Tier};
use quorate_state_machine::Published;
use quorate_types::Revision;
use std::sync::Arc;

/// A range of so many bytes of records is answered whole.
const SHORT_BYTES_MAX: usize = 1 << 20;
/// So many bytes of records are kept from the first reading.
const HELD_BYTES_MAX: usize = 4 << 20;

/// What a range read found.
#[derive(Debug)]
pub enum Ranged {
    /// All of it.
    Short(Found),
    /// More than should be held at once.
    Long(LongRange),
}

/// A range of which only lengths and the first records are in memory; the rest is read from the state of the same moment.
/// It keeps that moment's state alive, so it should not be kept long.
pub struct LongRange {
    published: Arc<Published>,
    listing: Listing,
    /// How many of its records were handed out.
    handed: usize,
}

impl std::fmt::Debug for LongRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let records = self.listing.records.len();
        formatter.debug_struct("LongRange").field("records", &records).finish_non_exhaustive()
    }
}

impl Coordinator {
    /// Reads keys as [`Coordinator::range`] does. An answer with more than 1 MiB of records comes as a [`LongRange`].
    ///
    /// Cost: of a long range the first 4 MiB are read once, the rest twice: first for the lengths.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn range_at_length(
        &self,
        call: &Call,
        query: Query,
        serializable: bool,
    ) -> Result<(Revision, Ranged), Error> {
        check::key(check::first_key(&query.range))?;
        if !serializable {
            self.confirm(call).await?;
        }
        let published = self.shared.consensus.reader().newest();
        let revision = published.revision();
        let found = match published.range(&query, Tier::Memory) {
            Err(ReadError::NeedsDisk) => self.list(call, published, query).await?,
            found => found.map(Ranged::Short),
        };
        found.map(|found| (revision, found)).map_err(unreadable)
    }

    /// The same read on the work pool (law C1), at the moment it was begun.
    async fn list(
        &self,
        call: &Call,
        published: Arc<Published>,
        query: Query,
    ) -> Result<Result<Ranged, ReadError>, Error> {
        let read = self.shared.work.run(move || {
            let listing = published.list(&query, HELD_BYTES_MAX)?;
            let long = |listing| Ranged::Long(LongRange { published, listing, handed: 0 });
            let is_short = listing.length() <= SHORT_BYTES_MAX;
            let found = if is_short { listing.found() } else { Err(listing) };
            Ok(found.map_or_else(long, Ranged::Short))
        });
        Ok(self.by_deadline(call, read).await??)
    }
}

impl LongRange {
    /// Bytes of each record that is still to come, in order.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.listing.records[self.handed..].iter().map(quorate_mvcc::Listed::length)
    }

    /// Whether the limit cut some off.
    #[must_use]
    pub fn more(&self) -> bool {
        self.listing.more
    }

    /// The live keys in the range, whatever limit and filter say.
    #[must_use]
    pub fn count(&self) -> usize {
        self.listing.count
    }

    /// The next records: about `bytes` of them, at least one, and none after the last. May read the disk: it is for the
    /// work pool, by [`Coordinator::aside`].
    ///
    /// # Errors
    /// The storage failed.
    pub fn read(&mut self, bytes: usize) -> Result<Vec<Bytes>, Error> {
        let (mut records, mut read) = (Vec::new(), 0);
        while read < bytes
            && let Some(listed) = self.listing.records.get(self.handed)
        {
            let record = self.published.listed(listed).map_err(unreadable)?;
            assert_eq!(record.len(), listed.length(), "M6: a record is the same as when it was listed");
            read += record.len();
            records.push(record);
            self.handed += 1;
        }
        Ok(records)
    }
}
