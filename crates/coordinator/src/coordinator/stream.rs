//! A range in pieces.

use super::{Coordinator, unreadable};
use crate::call::Call;
use crate::check;
use crate::error::{Error, Invalid};
use bytes::Bytes;
use quorate_mvcc::{Filter, Found, Order, Query, ReadError, Sort, Target, Tier, key_value};
use quorate_state_machine::Published;
use quorate_types::{KeyRange, Revision};
use std::sync::Arc;

/// How many keys the first piece has.
const FIRST_KEYS: usize = 10;

/// A range read at one moment, handed out in pieces. It keeps that moment's state alive, so it should not be kept
/// long.
pub struct RangeStream {
    door: Coordinator,
    published: Arc<Published>,
    /// What is still to be read; nothing after the last piece.
    rest: Option<Query>,
    /// How many keys the limit still allows.
    left: Option<usize>,
    /// How many keys the next piece may have.
    keys: usize,
    /// All keys of the range, once the first piece was read.
    count: Option<usize>,
}

/// A piece of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The next records, in the order of their keys.
    pub records: Vec<Bytes>,
    /// What there is to say of the whole; only with the last piece.
    pub end: Option<End>,
}

/// What there is to say of a range once all of it was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The revision of the store at the moment of the read.
    pub revision: Revision,
    /// Whether the limit cut some off.
    pub more: bool,
    /// The live keys in the range, whatever the limit says.
    pub count: usize,
}

impl Coordinator {
    /// Reads keys as [`Coordinator::range`] does, but in pieces of the same moment. Only the call's beginning has a
    /// deadline: a stream takes as long as its reader does.
    ///
    /// # Errors
    /// See [`Error`]; orders other than by key, ascending, and bounds on revisions are refused.
    pub async fn range_stream(
        &self,
        call: &Call,
        query: Query,
        serializable: bool,
    ) -> Result<RangeStream, Error> {
        check::key(check::first_key(&query.range))?;
        let is_natural = matches!(
            query.sort,
            None | Some(Sort { order: Order::Unnamed, .. })
                | Some(Sort { target: Target::Key, order: Order::Ascending })
        );
        if !is_natural {
            return Err(Invalid::StreamSort.into());
        }
        if query.filter != Filter::default() {
            return Err(Invalid::StreamFilter.into());
        }
        if !serializable {
            self.confirm(call).await?;
        }
        let published = self.shared.consensus.reader().newest();
        let left = query.limit;
        let rest = Some(Query { sort: None, ..query });
        Ok(RangeStream { door: self.clone(), published, rest, left, keys: FIRST_KEYS, count: None })
    }
}

impl RangeStream {
    /// The next piece; none after the last.
    ///
    /// # Errors
    /// The revision cannot be read, or the storage failed.
    pub async fn next(&mut self) -> Result<Option<Piece>, Error> {
        let Some(query) = self.rest.take() else { return Ok(None) };
        let keys = self.left.map_or(self.keys, |left| left.min(self.keys));
        let found = self.read(Query { limit: Some(keys), ..query.clone() }).await?;
        let count = *self.count.get_or_insert(found.count);
        self.left = self.left.map(|left| left - found.records.len());
        if !found.more || self.left == Some(0) {
            let end = End { revision: self.published.revision(), more: found.more, count };
            return Ok(Some(Piece { records: found.records, end: Some(end) }));
        }
        let range = after(query.range, &found.records)?;
        self.rest = Some(Query { range, ..query });
        self.keys = next_keys(keys, bytes(&found.records), self.door.limits().command_bytes_max);
        Ok(Some(Piece { records: found.records, end: None }))
    }

    /// Here if memory can answer, else on the work pool (law C1).
    async fn read(&self, query: Query) -> Result<Found, Error> {
        let found = match self.published.range(&query, Tier::Memory) {
            Err(ReadError::NeedsDisk) => {
                let published = self.published.clone();
                self.door.shared.work.run(move || published.range(&query, Tier::Disk)).await?
            }
            found => found,
        };
        found.map_err(unreadable)
    }
}

/// What of `range` comes after the last of `records`.
fn after(range: KeyRange, records: &[Bytes]) -> Result<KeyRange, Error> {
    let last = records.last().cloned().ok_or(Error::Unreadable)?;
    let last = key_value(last).map_err(|_| Error::Unreadable)?.key;
    let start = Bytes::from([&last, &b"\0"[..]].concat());
    Ok(match range {
        KeyRange::HalfOpen { end, .. } => KeyRange::HalfOpen { start, end },
        KeyRange::From(_) | KeyRange::Single(_) => KeyRange::From(start),
    })
}

fn bytes(records: &[Bytes]) -> usize {
    records.iter().map(Bytes::len).sum()
}

/// Twice as many after a small piece, half as many after a large one: a piece should come near `aim` bytes.
fn next_keys(keys: usize, bytes: usize, aim: usize) -> usize {
    if bytes < aim / 2 {
        keys.saturating_mul(2)
    } else if bytes > aim.saturating_mul(2) {
        (keys / 2).max(1)
    } else {
        keys
    }
}
