//! The keys at one moment, and the one way to read a range of them.
//!
//! A snapshot's moment is a published one; a transaction's is what it has made so far. Both answer alike.

use crate::index::{Index, Live, PackedKey, Row};
use crate::reader::{Reader, fields};
use crate::record::Fields;
use crate::{Filter, Found, Order, Query, ReadError, RecordKey, Refusal, Sort, Target};
use bytes::Bytes;
use quorate_types::{KeyRange, LeaseId, Revision};
use std::cmp::Reverse;

/// Everything one request needs to read, which may be several ranges.
pub(crate) struct Moment<'a> {
    pub(crate) index: &'a Index,
    pub(crate) revision: Revision,
    pub(crate) compacted: Revision,
    pub(crate) reader: Reader<'a>,
}

/// What the answer to a range consists of, in the order asked for.
pub(crate) struct Answer<'a> {
    pub(crate) candidates: Vec<Candidate<'a>>,
    /// Whether the limit cut some off.
    pub(crate) more: bool,
    /// How many keys the range has.
    pub(crate) count: usize,
}

/// A key that may be part of the answer.
pub(crate) struct Candidate<'a> {
    row: Row<'a>,
    /// 0 where nothing asks for them: see [`needs_record`].
    created: Revision,
    version: i64,
    /// Its record, if it had to be read before it was clear whether it is part of the answer.
    record: Option<Bytes>,
    /// Its value, if `record` is there.
    value: Bytes,
}

/// The candidates of a range, and how many keys it has.
struct Picked<'a> {
    candidates: Vec<Candidate<'a>>,
    count: usize,
}

impl Moment<'_> {
    /// Answers `query`.
    pub(crate) fn range(&self, query: &Query) -> Result<Found, ReadError> {
        let Answer { candidates, more, count } = self.answer(query)?;
        let records = candidates.into_iter().map(|candidate| candidate.answer(&self.reader, query));
        Ok(Found { records: records.collect::<Result<_, _>>()?, more, count })
    }

    /// What the answer to `query` consists of, before its records are read.
    pub(crate) fn answer<'a>(&'a self, query: &'a Query) -> Result<Answer<'a>, ReadError> {
        let at = self.at(query.revision)?;
        if query.count_only {
            let count = self.index.count(&query.range, at);
            return Ok(Answer { candidates: Vec::new(), more: false, count });
        }
        let Picked { mut candidates, count } = match &query.range {
            KeyRange::Single(key) => self.pick(self.row(key, at).into_iter(), query, at)?,
            range => self.pick(self.index.range(range, at), query, at)?,
        };
        if let Some(sort) = query.sort {
            put_in_order(&mut candidates, sort);
        }
        let limit = query.limit.unwrap_or(usize::MAX);
        let more = candidates.len() > limit;
        candidates.truncate(limit);
        Ok(Answer { candidates, more, count })
    }

    /// The revision to look at: none for the newest, which every revision up to 0 means too.
    fn at(&self, asked: Option<Revision>) -> Result<Option<Revision>, Refusal> {
        match asked.filter(|asked| asked.0 > 0) {
            Some(asked) if asked > self.revision => Err(Refusal::Future { asked, newest: self.revision }),
            Some(asked) if asked < self.compacted => {
                Err(Refusal::Compacted { asked, oldest: self.compacted })
            }
            Some(asked) if asked < self.revision => Ok(Some(asked)),
            _ => Ok(None),
        }
    }

    /// Whether a transaction that has not begun to write may read at `asked`. Unlike a read on its own it is refused a
    /// negative revision, once anything was compacted: a quirk of etcd's.
    pub(crate) fn check_step(&self, asked: Option<Revision>) -> Result<(), Refusal> {
        match asked.filter(|asked| asked.0 != 0) {
            Some(asked) if asked > self.revision => Err(Refusal::Future { asked, newest: self.revision }),
            Some(asked) if asked < self.compacted => {
                Err(Refusal::Compacted { asked, oldest: self.compacted })
            }
            _ => Ok(()),
        }
    }

    /// One key, which needs no walk.
    fn row<'a>(&'a self, key: &'a [u8], at: Option<Revision>) -> Option<Row<'a>> {
        match at {
            None => self.index.get(key).map(|live| Row {
                key: PackedKey::whole(key),
                at: live.at,
                live: Some(live),
            }),
            Some(at) => self.index.get_at(key, at),
        }
    }

    /// Walks the rows of the range as far as the answer needs them.
    fn pick<'a>(
        &self,
        mut rows: impl Iterator<Item = Row<'a>>,
        query: &Query,
        at: Option<Revision>,
    ) -> Result<Picked<'a>, ReadError> {
        let limit = query.limit.unwrap_or(usize::MAX);
        let walk = if query.limit_comes_first() { limit.saturating_add(1) } else { usize::MAX };
        let reads = needs_record(query);
        let (mut candidates, mut visits) = (Vec::new(), 0);
        let is_whole = loop {
            if visits == walk {
                break false;
            }
            let Some(row) = rows.next() else { break true };
            visits += 1;
            self.reader.visit()?;
            let candidate = Candidate::new(row, reads, &self.reader)?;
            if query.filter.admits(candidate.created, row.at.main) {
                candidates.push(candidate);
            }
            self.reader.admit(candidates.len().min(limit))?;
        };
        // A range that was walked to its end needs no second count.
        let count = if is_whole { visits } else { self.index.count(&query.range, at) };
        Ok(Picked { candidates, count })
    }
}

/// Which records decide about the answer, and so are read before it is cut to its limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// None: places are enough.
    Nothing,
    /// Those of older versions, of which the index knows no numbers.
    Past,
    /// All: it goes by values.
    All,
}

fn needs_record(query: &Query) -> Reads {
    let Filter { created_min, created_max, .. } = query.filter;
    let filters_by_creation = created_min.is_some() || created_max.is_some();
    match query.sort.map(|sort| sort.target) {
        Some(Target::Value) => Reads::All,
        Some(Target::Version | Target::Created) => Reads::Past,
        _ if filters_by_creation => Reads::Past,
        _ => Reads::Nothing,
    }
}

impl<'a> Candidate<'a> {
    fn new(row: Row<'a>, reads: Reads, reader: &Reader<'_>) -> Result<Self, ReadError> {
        if reads == Reads::All || (reads == Reads::Past && row.live.is_none()) {
            return Self::read(row, reader.record(row.at)?);
        }
        let (created, version) = row.live.map_or((Revision(0), 0), |live| (live.created, live.version));
        Ok(Self { row, created, version, record: None, value: Bytes::new() })
    }

    fn read(row: Row<'a>, record: Bytes) -> Result<Self, ReadError> {
        let Fields { created, version, value, .. } = fields(&record, row.at)?;
        let value = record.slice_ref(value);
        Ok(Self { row, created, version, value, record: Some(record) })
    }

    /// Where its record is.
    pub(crate) fn place(&self) -> RecordKey {
        self.row.at
    }

    /// What the client gets.
    pub(crate) fn answer(self, reader: &Reader<'_>, query: &Query) -> Result<Bytes, ReadError> {
        match (query.keys_only, self.row.live) {
            (false, _) => self.record.map_or_else(|| reader.record(self.row.at), Ok),
            (true, Some(live)) if self.record.is_none() => {
                let record = without_value(self.row.key, live);
                reader.gather(record.len())?;
                Ok(record)
            }
            (true, _) => {
                let at = self.row.at;
                let record = self.record.map_or_else(|| reader.record(at), Ok)?;
                shortened(&record, at, query.sort)
            }
        }
    }
}

/// A key without its value, from the index alone. etcd 3.7 leaves out the lease too.
fn without_value(key: PackedKey<'_>, live: Live) -> Bytes {
    let Live { at, created, version, .. } = live;
    Fields { key: &key.to_vec(), created, modified: at.main, version, value: &[], lease: LeaseId::NONE }
        .to_record()
}

/// A record without its value, and without its lease unless etcd would have read the value to sort by it.
fn shortened(record: &Bytes, at: RecordKey, sort: Option<Sort>) -> Result<Bytes, ReadError> {
    let fields = fields(record, at)?;
    let keeps_lease = sort.is_some_and(|sort| sort.target == Target::Value);
    let lease = if keeps_lease { fields.lease } else { LeaseId::NONE };
    Ok(Fields { value: &[], lease, ..fields }.to_record())
}

/// Sorts; what is equal stays in key order, in both directions.
fn put_in_order(candidates: &mut [Candidate<'_>], Sort { target, order }: Sort) {
    match (target, order) {
        (Target::Key, Order::Descending) => candidates.reverse(),
        (Target::Key, _) => {} // they come so
        (Target::Version, _) => sort_by(candidates, order, |candidate| candidate.version),
        (Target::Created, _) => sort_by(candidates, order, |candidate| candidate.created),
        (Target::Modified, _) => sort_by(candidates, order, |candidate| candidate.row.at.main),
        (Target::Value, _) => sort_by(candidates, order, |candidate| candidate.value.clone()),
    }
}

fn sort_by<'a, K: Ord>(candidates: &mut [Candidate<'a>], order: Order, key: impl Fn(&Candidate<'a>) -> K) {
    match order {
        Order::Unnamed | Order::Ascending => candidates.sort_by_cached_key(key),
        Order::Descending => candidates.sort_by_cached_key(|candidate| Reverse(key(candidate))),
    }
}
