//! Writing: one transaction in progress.

use crate::index::Live;
use crate::moment::Moment;
use crate::reader::{Reader, Source, fields};
use crate::record::Fields;
use crate::taken::{Step, Taken};
use crate::{OpDone, Overlay, ReadError, RecordKey, Refusal, Store, Txn, TxnDone, TxnOp};
use bytes::Bytes;
use quorate_types::{KeyRange, LeaseId, Revision};

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

/// A key that hangs on another lease than before; on none counts as [`LeaseId::NONE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseMove {
    /// The key.
    pub key: Bytes,
    /// The lease it hung on.
    pub from: LeaseId,
    /// The lease it hangs on now.
    pub to: LeaseId,
}

/// One transaction in progress: its changes share a revision (law M1), and count as soon as they are made.
pub struct Writing<'a> {
    store: &'a mut Store,
    overlay: &'a mut Overlay,
    main: Revision,
    sub: i64,
    moves: Vec<LeaseMove>,
}

impl Put {
    /// Whether it can only be put over what is there.
    pub(crate) fn keeps_something(&self) -> bool {
        self.value.is_none() || self.lease.is_none()
    }
}

impl<'a> Writing<'a> {
    pub(crate) fn new(store: &'a mut Store, overlay: &'a mut Overlay) -> Self {
        let main = store.revision.next();
        Self { store, overlay, main, sub: 0, moves: Vec::new() }
    }
}

impl Writing<'_> {
    /// The record of `key` as it is now, if it lives.
    ///
    /// # Errors
    /// The engine fails.
    pub fn record(&self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        self.store.index.get(key).map(|live| self.record_of(live)).transpose()
    }

    /// Puts one key.
    ///
    /// Cost: one allocation for record and record key; the value is copied once. What is kept is read first.
    ///
    /// # Errors
    /// [`Refusal::KeyNotFound`] if something is to be kept of a key that is not there; then nothing is changed.
    pub fn put(&mut self, put: &Put) -> Result<(), ReadError> {
        let before = self.store.index.get(&put.key);
        if before.is_none() && put.keeps_something() {
            return Err(Refusal::KeyNotFound.into());
        }
        self.set(put, before)
    }

    /// Deletes every live key of `range`, in key order; keeps their last records if `with_records`.
    ///
    /// # Errors
    /// The engine fails.
    pub fn delete_range(&mut self, range: &KeyRange, with_records: bool) -> Result<Deleted, ReadError> {
        let mut deleted = Deleted::default();
        if let KeyRange::Single(key) = range {
            if let Some(live) = self.store.index.get(key) {
                self.delete(key, live, with_records, &mut deleted)?;
            }
            return Ok(deleted);
        }
        let before = self.store.index.clone(); // M4: it stays while keys go
        for row in before.range(range, None) {
            let live = row.live.expect("M3: the newest version of a key is known");
            self.delete(&row.key.to_vec(), live, with_records, &mut deleted)?;
        }
        Ok(deleted)
    }

    /// Does a transaction: what follows from its comparisons, or nothing. `lease_lives` says of a lease other than
    /// [`LeaseId::NONE`] whether a key may be hung on it.
    ///
    /// # Errors
    /// [`Refusal::KeyNotFound`], [`Refusal::LeaseNotFound`], [`Refusal::Future`], [`Refusal::Compacted`]: then nothing
    /// is changed. The engine fails.
    pub fn txn(&mut self, txn: &Txn, lease_lives: &dyn Fn(LeaseId) -> bool) -> Result<TxnDone, ReadError> {
        let moment = self.moment();
        let taken = Taken::of(txn, &moment)?;
        taken.check(&moment, lease_lives)?;
        self.take(&taken)
    }

    /// Ends the transaction; returns which keys it moved between leases, in the order in which it did.
    #[must_use]
    pub fn end(self) -> Vec<LeaseMove> {
        self.moves
    }

    fn take(&mut self, taken: &Taken<'_>) -> Result<TxnDone, ReadError> {
        let mut results = Vec::with_capacity(taken.steps.len());
        for step in &taken.steps {
            results.push(match step {
                Step::Op(op) => self.step(op)?,
                Step::Txn(inner) => OpDone::Txn(self.take(inner)?),
            });
        }
        Ok(TxnDone { succeeded: taken.succeeded, results })
    }

    fn step(&mut self, op: &TxnOp) -> Result<OpDone, ReadError> {
        match op {
            TxnOp::Range(query) => {
                let found = self.moment().range(query)?;
                Ok(OpDone::Range { revision: self.store.revision, found })
            }
            TxnOp::Put { change, with_previous } => {
                let previous = if *with_previous { self.record(&change.key)? } else { None };
                self.set(change, self.store.index.get(&change.key))?;
                Ok(OpDone::Put { revision: self.store.revision, previous })
            }
            TxnOp::DeleteRange { range, with_previous } => {
                let deleted = self.delete_range(range, *with_previous)?;
                Ok(OpDone::DeleteRange { revision: self.store.revision, deleted })
            }
            TxnOp::Txn(_) => unreachable!("a way taken has transactions as steps of their own"),
        }
    }

    /// Puts over what is there. What is to be kept of a key that an earlier step removed is empty; clients cannot ask
    /// for that, since a branch may not remove and put one key.
    fn set(&mut self, put: &Put, before: Option<Live>) -> Result<(), ReadError> {
        let kept = match before {
            Some(live) if put.value.is_none() => Some((live.at, self.record_of(live)?)),
            _ => None,
        };
        let value = match (&put.value, &kept) {
            (Some(value), _) => value.as_ref(),
            (None, Some((at, record))) => fields(record, *at)?.value,
            (None, None) => &[],
        };
        let live = Live {
            at: self.place(),
            created: before.map_or(self.main, |before| before.created),
            version: before.map_or(0, |before| before.version) + 1,
            lease: put.lease.or(before.map(|before| before.lease)).unwrap_or_default(),
        };
        let Live { at, created, version, lease } = live;
        let fields = Fields { key: &put.key, created, modified: self.main, version, value, lease };
        self.overlay.put(self.store.space, at, &fields);
        self.store.index.put(&put.key, live);
        self.moved(&put.key, before.map_or(LeaseId::NONE, |before| before.lease), lease);
        self.changed();
        Ok(())
    }

    fn delete(
        &mut self,
        key: &[u8],
        live: Live,
        with_record: bool,
        deleted: &mut Deleted,
    ) -> Result<(), ReadError> {
        if with_record {
            deleted.records.push(self.record_of(live)?);
        }
        let at = self.place();
        self.overlay.delete(self.store.space, at, key);
        self.store.index.delete(key, at);
        self.moved(key, live.lease, LeaseId::NONE);
        self.changed();
        deleted.count += 1;
        Ok(())
    }

    fn record_of(&self, live: Live) -> Result<Bytes, ReadError> {
        self.moment().reader.record(live.at)
    }

    /// What the transaction sees: everything before it, and what it has done so far.
    fn moment(&self) -> Moment<'_> {
        Moment {
            index: &self.store.index,
            revision: self.store.revision,
            compacted: self.store.compacted,
            reader: Reader::new(Source::Overlay(self.overlay), self.store.space),
        }
    }

    /// Where the next change goes.
    fn place(&self) -> RecordKey {
        RecordKey { main: self.main, sub: self.sub }
    }

    fn moved(&mut self, key: &[u8], from: LeaseId, to: LeaseId) {
        if from != to {
            self.moves.push(LeaseMove { key: Bytes::copy_from_slice(key), from, to });
        }
    }

    /// A change was made.
    fn changed(&mut self) {
        self.store.revision = self.main; // M1
        self.sub += 1; // M2
    }
}
