//! The leases that live, and the keys that hang on them.

use crate::record::{self, OpenError};
use bytes::Bytes;
use imbl::{OrdMap, OrdSet};
use quorate_storage::{Batch, Order, Range, Space, View};
use quorate_types::LeaseId;
use std::ops::ControlFlow;

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// How long it lives without being renewed, in seconds.
    pub ttl_seconds: i64,
    /// What was left of that at the last checkpoint since it was granted or renewed.
    pub remaining_seconds: Option<i64>,
    /// The keys that die with it, in order (law L2).
    pub keys: OrdSet<Bytes>,
}

/// Why a lease is not what somebody wants it to be. Deterministic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No lease of that id lives.
    #[error("requested lease not found")]
    NotFound,
    /// One does already.
    #[error("lease already exists")]
    Exists,
}

/// All leases that live. A clone is constant time, and stays as it is.
#[derive(Debug, Clone)]
pub struct Table {
    space: Space,
    leases: OrdMap<LeaseId, Lease>,
}

impl Lease {
    /// A new lease of so many seconds, without keys.
    #[must_use]
    pub fn of(ttl_seconds: i64) -> Self {
        Self { ttl_seconds, remaining_seconds: None, keys: OrdSet::new() }
    }

    /// How long it lives from a moment at which nothing but the table is known of it, in seconds.
    #[must_use]
    pub fn left_seconds(&self) -> i64 {
        self.remaining_seconds.unwrap_or(self.ttl_seconds)
    }
}

impl Table {
    /// The leases whose records are in `space` of `view`. Their keys are yet to be [attached](Table::attach).
    ///
    /// # Errors
    /// The engine fails, or a record is not one.
    pub fn open(space: Space, view: &dyn View) -> Result<Self, OpenError> {
        let (mut leases, mut is_corrupt) = (OrdMap::new(), false);
        view.scan(
            space,
            Range::ALL,
            Order::Ascending,
            &mut |key, record| match record::decode(key, record) {
                Some((id, lease)) => {
                    leases.insert(id, lease);
                    ControlFlow::Continue(())
                }
                None => {
                    is_corrupt = true;
                    ControlFlow::Break(())
                }
            },
        )?;
        if is_corrupt { Err(OpenError::Corrupt) } else { Ok(Self { space, leases }) }
    }

    /// The lease of that id, if it lives.
    #[must_use]
    pub fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }

    /// How many live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// A new lease.
    ///
    /// # Errors
    /// [`Refusal::Exists`], and of id 0, which means none, [`Refusal::NotFound`], as in etcd.
    pub fn grant(&mut self, id: LeaseId, ttl_seconds: i64, batch: &mut Batch) -> Result<(), Refusal> {
        if id == LeaseId::NONE {
            return Err(Refusal::NotFound);
        }
        if self.leases.contains_key(&id) {
            return Err(Refusal::Exists);
        }
        self.set(id, Lease::of(ttl_seconds), batch);
        Ok(())
    }

    /// Ends a lease, whose keys have been removed and [detached](Table::detach).
    ///
    /// # Panics
    /// If keys still hang on it, or it does not live.
    pub fn end(&mut self, id: LeaseId, batch: &mut Batch) {
        let ended = self.leases.remove(&id).expect("only what lives is ended");
        assert!(ended.keys.is_empty(), "L2: the keys of a lease go before it");
        batch.delete(self.space, record::key(id));
    }

    /// Remembers how much of a lease was left, for the next leader. One that does not live any more is passed over.
    pub fn checkpoint(&mut self, id: LeaseId, remaining_seconds: i64, batch: &mut Batch) {
        if let Some(lease) = self.leases.get(&id) {
            let remaining_seconds = (remaining_seconds > 0).then_some(remaining_seconds);
            self.set(id, Lease { remaining_seconds, ..lease.clone() }, batch);
        }
    }

    /// Hangs a key on a lease. Cost: the key is copied, so that it keeps nothing else in memory.
    ///
    /// # Panics
    /// If the lease does not live.
    pub fn attach(&mut self, key: &[u8], id: LeaseId) {
        let lease = self.leases.get_mut(&id).expect("L2: a record names a lease that lives");
        lease.keys.insert(Bytes::copy_from_slice(key));
    }

    /// Takes a key off a lease. A lease that does not live has no keys: an imported record may name such.
    pub fn detach(&mut self, key: &[u8], id: LeaseId) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.keys.remove(key);
        }
    }

    fn set(&mut self, id: LeaseId, lease: Lease, batch: &mut Batch) {
        batch.put(self.space, record::key(id), record::encode(id, &lease));
        self.leases.insert(id, lease);
    }
}

#[cfg(test)]
mod tests;
