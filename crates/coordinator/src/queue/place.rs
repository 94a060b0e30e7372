//! A place in a queue: taken, waited in, kept or given up.

use super::{key, keys};
use crate::call::{Call, Patience};
use crate::coordinator::Coordinator;
use crate::error::Error;
use crate::watch::{Create, News};
use bytes::Bytes;
use quorate_mvcc::{
    Compare, Filter, OpDone, Operand, Order, Put, Query, Relation, Sort, Target, Txn, TxnDone, TxnOp,
    key_value,
};
use quorate_state_machine::Unavailable;
use quorate_types::{KeyRange, LeaseId, Revision};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Who joins which queue, and what its key says.
#[derive(Debug, Clone)]
pub(super) struct Joining {
    pub(super) name: Bytes,
    pub(super) lease: LeaseId,
    pub(super) value: Bytes,
}

/// A place in a queue. Dropping it gives it up, unless it is kept (law Q2).
pub(super) struct Place {
    door: Coordinator,
    patience: Patience,
    range: KeyRange,
    /// The key that stands for it.
    pub(super) key: Bytes,
    /// When that came into being: whose is less is before it.
    pub(super) created: Revision,
    /// The store's revision after it was taken.
    pub(super) joined: Revision,
    /// What the key said before, if it was there: somebody of this lease has joined already.
    pub(super) found: Option<Bytes>,
    /// Whether the key goes with it.
    is_left: bool,
}

/// The turn of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// The store's revision when nobody was before it.
    pub(super) revision: Revision,
    /// Whether there was somebody to wait for.
    pub(super) has_waited: bool,
}

/// A place being taken. If nobody waits for it any more it is taken all the same, by an errand, to be given up: what was
/// submitted cannot be called back.
struct Taking {
    door: Coordinator,
    work: Option<Work>,
}

type Work = Pin<Box<dyn Future<Output = Result<Place, Error>> + Send>>;

impl Coordinator {
    /// Takes a place; the one that the lease has, if it has one.
    pub(super) async fn join(&self, patience: &Patience, joining: Joining) -> Result<Place, Error> {
        let work = Box::pin(take(self.clone(), patience.clone(), joining));
        Taking { door: self.clone(), work: Some(work) }.await
    }
}

async fn take(door: Coordinator, patience: Patience, joining: Joining) -> Result<Place, Error> {
    let Joining { name, lease, value } = joining;
    let (range, key) = (keys(&name), key(&name, lease));
    let change = Put { key: key.clone(), value: Some(value), lease: Some(lease) };
    let txn = Txn {
        compares: vec![created(&key, Revision(0))],
        success: vec![TxnOp::Put { change, with_previous: false }],
        failure: vec![TxnOp::Range(Query::newest(KeyRange::Single(key.clone())))],
    };
    let (joined, TxnDone { succeeded, mut results }) = door.txn(&door.step(&patience), txn, false).await?;
    let (created, found) = match results.pop() {
        Some(OpDone::Range { mut found, .. }) => {
            let record = found.records.pop().ok_or(Error::Unreadable)?;
            let there = key_value(record).map_err(|_| Error::Unreadable)?;
            (Revision(there.create_revision), Some(there.value))
        }
        _ => (joined, None),
    };
    Ok(Place { door, patience, range, key, created, joined, found, is_left: succeeded })
}

/// That `key` came into being at `revision`; at 0: that it is not there.
pub(super) fn created(key: &Bytes, revision: Revision) -> Compare {
    let range = KeyRange::Single(key.clone());
    Compare { range, relation: Relation::Equal, operand: Operand::Created(revision) }
}

/// The removal of `key`, if it is the one that came into being at `revision`.
pub(super) fn removal(key: &Bytes, revision: Revision) -> Txn {
    let range = KeyRange::Single(key.clone());
    let success = vec![TxnOp::DeleteRange { range, with_previous: false }];
    Txn { compares: vec![created(key, revision)], success, failure: Vec::new() }
}

impl Future for Taking {
    type Output = Result<Place, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.work else { unreachable!("a place is not awaited after it was taken") };
        let answer = work.as_mut().poll(context);
        if answer.is_ready() {
            self.work = None;
        }
        answer
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.door.errands().leave(async move { drop(work.await) });
        }
    }
}

impl Place {
    /// From here on the key goes when the place is dropped, also one that was there before.
    pub(super) fn give_up_if_dropped(&mut self) {
        self.is_left = true;
    }

    /// Leaves the key where it is.
    pub(super) fn keep(mut self) -> Bytes {
        self.is_left = false;
        self.key.clone()
    }

    /// Ends when nobody is before this place (law Q1).
    pub(super) async fn turn(&mut self) -> Result<Turn, Error> {
        let mut has_waited = false;
        loop {
            // Thousands wait at once: what is done before and after takes its memory only while it lasts.
            let (revision, before) = Box::pin(self.look()).await?;
            let Some(before) = before else { return Ok(Turn { revision, has_waited }) };
            has_waited = true;
            self.give_up_if_dropped();
            Box::pin(removed(&self.door, before, revision)).await?;
        }
    }

    /// The newest of the keys that are before this one, as this member knows them. It has applied what put this key, so it
    /// knows all that can ever be before it.
    async fn look(&self) -> Result<(Revision, Option<Bytes>), Error> {
        let query = Query {
            limit: Some(1),
            sort: Some(Sort { target: Target::Created, order: Order::Descending }),
            keys_only: true,
            filter: Filter { created_max: Some(Revision(self.created.0 - 1)), ..Filter::default() },
            ..Query::newest(self.range.clone())
        };
        let _one_of_few = self.door.may_look().await;
        let (revision, found) = self.door.range(&self.call(), query, true).await?;
        let before = found.records.into_iter().next().map(key_value).transpose();
        Ok((revision, before.map_err(|_| Error::Unreadable)?.map(|before| before.key)))
    }

    /// Whether the key is still there, and as of which revision: all that was acknowledged is known then.
    pub(super) async fn is_there(&self) -> Result<(Revision, bool), Error> {
        let query = Query {
            keys_only: true,
            filter: Filter {
                created_min: Some(self.created),
                created_max: Some(self.created),
                ..Filter::default()
            },
            ..Query::newest(KeyRange::Single(self.key.clone()))
        };
        let (revision, found) = self.door.range(&self.call(), query, false).await?;
        Ok((revision, !found.records.is_empty()))
    }

    fn call(&self) -> Call {
        self.door.step(&self.patience)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_left {
            return;
        }
        let (door, patience) = (self.door.clone(), self.patience.clone());
        let removal = removal(&self.key, self.created);
        self.door.errands().leave(async move {
            // Q2: the lease takes it along if this does not.
            drop(door.txn(&door.step(&patience), removal, false).await);
        });
    }
}

/// Ends when `key` was removed after `from`, or when that can no longer be told: whoever waits looks again.
async fn removed(door: &Coordinator, key: Bytes, from: Revision) -> Result<(), Error> {
    let mut watch = door.watch()?;
    let range = KeyRange::Single(key);
    watch.create(Create { start: from.next(), without_puts: true, ..Create::of(range) });
    loop {
        match watch.next().await.news {
            News::Events { .. } | News::Compacted(_) => return Ok(()),
            News::Created | News::Progress => {}
            News::Refused(_) | News::Cancelled => return Err(Unavailable::Stopped.into()),
        }
    }
}
