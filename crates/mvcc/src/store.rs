//! Writing: the one mutable key space of the apply thread.

use crate::index::{Index, Live};
use crate::record::{encode, encode_tombstone, key_value};
use crate::{Overlay, ReadError, RecordKey, Refusal, Snapshot};
use bytes::Bytes;
use quorate_proto::mvccpb::KeyValue;
use quorate_storage::{Order, Range, Space, View};
use quorate_types::{KeyRange, LeaseId, Revision};
use std::ops::ControlFlow;

/// The key space: the index over what the engine stores, and the revision it is at.
#[derive(Debug)]
pub struct Store {
    space: Space,
    index: Index,
    revision: Revision,
}

/// A put, decoded. etcd: `PutRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The key.
    pub key: Bytes,
    /// The value; none keeps the value the key has.
    pub value: Option<Bytes>,
    /// The lease to hang on; none keeps the lease the key has.
    pub lease: Option<LeaseId>,
}

/// The keys that one delete removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// How many.
    pub count: usize,
    /// Their last records in key order, if they were asked for.
    pub records: Vec<Bytes>,
}

/// One transaction in progress: its changes share a revision (law M1).
pub struct Writing<'a> {
    store: &'a mut Store,
    overlay: &'a mut Overlay,
    main: Revision,
    sub: i64,
}

impl Store {
    /// The key space whose records are in `space` of `view`.
    ///
    /// Cost: reads every record once.
    ///
    /// # Errors
    /// The engine fails, or a record is not one.
    pub fn open(space: Space, view: &dyn View) -> Result<Self, ReadError> {
        let mut store = Self { space, index: Index::default(), revision: Revision::FIRST };
        let mut failure = None;
        view.scan(space, Range::ALL, Order::Ascending, &mut |key, record| match store.load(key, record) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failure.map_or(Ok(store), Err)
    }

    /// Takes up one stored record, in the order of the changes.
    fn load(&mut self, key: &[u8], record: &[u8]) -> Result<(), ReadError> {
        let nowhere = RecordKey { main: Revision(0), sub: 0 };
        let (at, is_tombstone) = RecordKey::decode(key).ok_or(ReadError::Corrupt(nowhere))?;
        let record = key_value(Bytes::copy_from_slice(record)).map_err(|_| ReadError::Corrupt(at))?;
        self.revision = self.revision.max(at.main);
        // A record of its own, so that the index does not keep the value's memory alive.
        let key = Bytes::copy_from_slice(&record.key);
        if is_tombstone {
            self.index.delete(&key, at);
            return Ok(());
        }
        let live = Live {
            at,
            created: Revision(record.create_revision),
            version: record.version,
            lease: LeaseId(record.lease),
        };
        self.index.put(&key, live);
        Ok(())
    }

    /// The revision of the last change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What readers may see of it now. Cost: constant.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { space: self.space, index: self.index.clone(), revision: self.revision }
    }

    /// Begins a transaction that writes through `overlay`.
    pub fn begin<'a>(&'a mut self, overlay: &'a mut Overlay) -> Writing<'a> {
        let main = self.revision.next();
        Writing { store: self, overlay, main, sub: 0 }
    }
}

impl Writing<'_> {
    /// The record of `key` as it is now, if it lives.
    ///
    /// # Errors
    /// The engine fails.
    pub fn record(&self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        let Some(live) = self.store.index.get(key) else { return Ok(None) };
        let record = self.overlay.get(self.store.space, live.at)?;
        record.map(Some).ok_or(ReadError::Corrupt(live.at)) // M3
    }

    /// Puts one key.
    ///
    /// # Errors
    /// [`Refusal::KeyNotFound`] if something is to be kept of a key that is not there; then nothing is changed.
    pub fn put(&mut self, put: &Put) -> Result<(), ReadError> {
        let before = self.store.index.get(&put.key);
        if before.is_none() && (put.value.is_none() || put.lease.is_none()) {
            return Err(Refusal::KeyNotFound.into());
        }
        let at = RecordKey { main: self.main, sub: self.sub };
        let live = Live {
            at,
            created: before.map_or(self.main, |before| before.created),
            version: before.map_or(0, |before| before.version) + 1,
            lease: put.lease.or(before.map(|before| before.lease)).unwrap_or_default(),
        };
        let record = KeyValue {
            key: put.key.clone(),
            create_revision: live.created.0,
            mod_revision: self.main.0,
            version: live.version,
            value: self.value(put)?,
            lease: live.lease.0,
        };
        self.overlay.insert(self.store.space, at, encode(&record));
        self.store.index.put(&put.key, live);
        self.sub += 1; // M2
        Ok(())
    }

    /// The value to put: the one given, or the one the key has.
    fn value(&self, put: &Put) -> Result<Bytes, ReadError> {
        if let Some(value) = &put.value {
            return Ok(value.clone());
        }
        let live = self.store.index.get(&put.key).ok_or(Refusal::KeyNotFound)?;
        let record = self.overlay.get(self.store.space, live.at)?.ok_or(ReadError::Corrupt(live.at))?;
        let at = live.at;
        Ok(key_value(record).map_err(|_| ReadError::Corrupt(at))?.value)
    }

    /// Deletes every live key of `range`, in key order; keeps their last records if `with_records`.
    ///
    /// # Errors
    /// The engine fails.
    pub fn delete_range(&mut self, range: &KeyRange, with_records: bool) -> Result<Deleted, ReadError> {
        let doomed: Vec<(Bytes, RecordKey)> =
            self.store.index.range(range, None).map(|row| (row.key.to_bytes(), row.at)).collect();
        let mut deleted = Deleted { count: doomed.len(), records: Vec::new() };
        for (key, at) in doomed {
            if with_records {
                let record = self.overlay.get(self.store.space, at)?.ok_or(ReadError::Corrupt(at))?;
                deleted.records.push(record);
            }
            let at = RecordKey { main: self.main, sub: self.sub };
            self.overlay.insert_tombstone(self.store.space, at, encode_tombstone(&key));
            self.store.index.delete(&key, at);
            self.sub += 1; // M2
        }
        Ok(deleted)
    }

    /// Ends the transaction; returns the store's revision after it.
    #[must_use]
    pub fn end(self) -> Revision {
        if self.sub > 0 {
            self.store.revision = self.main; // M1
        }
        self.store.revision
    }
}

#[cfg(test)]
mod tests;
