//! Reading: the keys at one moment.

use crate::index::{Index, Live};
use crate::query::{Order, Query, Sort, Target};
use crate::record::{encode, key_value};
use crate::{RecordKey, Refusal};
use bytes::Bytes;
use quorate_proto::mvccpb::KeyValue;
use quorate_storage::{Cached, Error, Space, View};
use quorate_types::Revision;
use std::cmp::Ordering;

/// More keys than this are not gathered on a front thread.
const FRONT_KEYS_MAX: usize = 1000;
/// More bytes than this are not gathered on a front thread.
const FRONT_BYTES_MAX: usize = 1 << 20;

/// The index at one moment (law M4). Cheap to clone; reads values through a view of the same moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) space: Space,
    pub(crate) index: Index,
    pub(crate) revision: Revision,
}

/// What a range read found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The records in wire form, in the order asked for.
    pub records: Vec<Bytes>,
    /// Whether the limit cut some off.
    pub more: bool,
    /// The live keys in the range, whatever limit and filter say.
    pub count: usize,
}

/// Where a read may look for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// In memory only, and not for long: for threads that must not wait.
    Memory,
    /// On the disk too.
    Disk,
}

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It needs the disk, or more time than [`Tier::Memory`] allows: read again with [`Tier::Disk`].
    #[error("needs the disk")]
    NeedsDisk,
    /// The state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine failed.
    #[error("read a record")]
    Storage(#[from] Error),
    /// A record is not what was written, or is missing.
    #[error("record {0:?} is corrupt or missing")]
    Corrupt(RecordKey),
}

impl Snapshot {
    /// The newest revision in it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many keys live.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.index.len()
    }

    /// Answers `query` from the index and from `view`, which is of the same moment.
    ///
    /// Cost: the keys of the range are counted, those returned are looked up one by one; any order but the
    /// natural one gathers the whole range first.
    ///
    /// # Errors
    /// [`ReadError::NeedsDisk`] only with [`Tier::Memory`].
    pub fn range(&self, view: &dyn View, query: &Query, tier: Tier) -> Result<Found, ReadError> {
        self.check_revision(query.revision)?;
        let count = self.index.count(&query.range, None);
        if query.count_only {
            return Ok(Found { records: Vec::new(), more: false, count });
        }
        let reader = Reader { view, space: self.space, tier };
        let (rows, more) = self.select(&reader, query)?;
        let records = reader.records(&rows, query)?;
        Ok(Found { records, more, count })
    }

    fn check_revision(&self, asked: Option<Revision>) -> Result<(), Refusal> {
        let newest = self.revision;
        match asked {
            Some(asked) if asked > newest => Err(Refusal::Future { asked, newest }),
            Some(asked) if asked < newest => Err(Refusal::Past { asked, newest }),
            _ => Ok(()),
        }
    }

    /// The rows to return, in order, and whether the limit cut some off.
    fn select(&self, reader: &Reader<'_>, query: &Query) -> Result<(Vec<Row>, bool), ReadError> {
        let limit = query.limit.unwrap_or(usize::MAX);
        let walk = if query.limit_comes_first() { limit.saturating_add(1) } else { usize::MAX };
        let mut rows = Vec::new();
        let newest = self.index.range(&query.range, None).filter_map(|row| Some((row.key, row.live?)));
        for (key, live) in newest.take(walk) {
            if query.filter.admits(live.created, live.at.main) {
                rows.push(Row { key: key.to_bytes(), live, record: None });
            }
            if reader.tier == Tier::Memory && rows.len() > FRONT_KEYS_MAX {
                return Err(ReadError::NeedsDisk);
            }
        }
        if let Some(sort) = query.sort {
            if sort.target == Target::Value {
                reader.load(&mut rows)?;
            }
            sort_rows(&mut rows, sort);
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, more))
    }
}

/// A key that was found, and its record once it has been read.
struct Row {
    key: Bytes,
    live: Live,
    record: Option<KeyValue>,
}

fn sort_rows(rows: &mut [Row], sort: Sort) {
    let value = |row: &Row| row.record.as_ref().map(|record| record.value.clone());
    let compare = |left: &Row, right: &Row| -> Ordering {
        match sort.target {
            Target::Key => left.key.cmp(&right.key),
            Target::Version => left.live.version.cmp(&right.live.version),
            Target::Created => left.live.created.cmp(&right.live.created),
            Target::Modified => left.live.at.cmp(&right.live.at),
            Target::Value => value(left).cmp(&value(right)),
        }
    };
    match sort.order {
        Order::Unnamed | Order::Ascending => rows.sort_by(compare),
        Order::Descending => rows.sort_by(|left, right| compare(right, left)),
    }
}

/// Values of one moment.
struct Reader<'a> {
    view: &'a dyn View,
    space: Space,
    tier: Tier,
}

impl Reader<'_> {
    fn record(&self, at: RecordKey) -> Result<Bytes, ReadError> {
        let record = match self.tier {
            Tier::Disk => self.view.get(self.space, &at.live())?,
            Tier::Memory => match self.view.get_cached(self.space, &at.live())? {
                Cached::Known(record) => record,
                Cached::Unknown => return Err(ReadError::NeedsDisk),
            },
        };
        record.ok_or(ReadError::Corrupt(at)) // M3: the index names only what is stored
    }

    fn load(&self, rows: &mut [Row]) -> Result<(), ReadError> {
        for row in rows {
            let record = self.record(row.live.at)?;
            row.record = Some(key_value(record).map_err(|_| ReadError::Corrupt(row.live.at))?);
        }
        Ok(())
    }

    fn records(&self, rows: &[Row], query: &Query) -> Result<Vec<Bytes>, ReadError> {
        let mut records = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        for row in rows {
            let record = if query.keys_only { without_value(row) } else { self.record(row.live.at)? };
            bytes += record.len();
            if self.tier == Tier::Memory && bytes > FRONT_BYTES_MAX && records.len() > 1 {
                return Err(ReadError::NeedsDisk);
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// The record of a keys-only read. etcd 3.7 answers it from the index, without the lease, unless it had to read the
/// value to sort by it.
fn without_value(row: &Row) -> Bytes {
    let record = match &row.record {
        Some(record) => KeyValue { value: Bytes::new(), ..record.clone() },
        None => KeyValue {
            key: row.key.clone(),
            create_revision: row.live.created.0,
            mod_revision: row.live.at.main.0,
            version: row.live.version,
            value: Bytes::new(),
            lease: 0,
        },
    };
    encode(&record)
}
