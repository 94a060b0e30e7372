//! Elections.

use super::place::{Joining, created, removal};
use super::{QueueError, keys};
use crate::call::{Call, Patience};
use crate::coordinator::Coordinator;
use crate::error::Error;
use bytes::Bytes;
use quorate_mvcc::{Order, Put, Query, Sort, Target, Txn, TxnOp, key_value};
use quorate_proto::mvccpb::KeyValue;
use quorate_types::{KeyRange, LeaseId, Revision};

/// What a leader, or who waits to be one, is known by. etcd: `LeaderKey`, without the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// Its key in the queue.
    pub key: Bytes,
    /// When that came into being.
    pub created: Revision,
    /// The lease it stands under.
    pub lease: LeaseId,
}

/// An election that was won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Won {
    /// The store's revision when the candidate joined, not when it won: so has etcd it.
    pub revision: Revision,
    /// What it leads by.
    pub office: Office,
}

/// What a leader says.
#[derive(Debug, Clone, PartialEq)]
pub struct Proclaimed {
    /// The store's revision when it was read, or that of the change.
    pub revision: Revision,
    /// The leader's key and what it says.
    pub pair: KeyValue,
}

impl Coordinator {
    /// Joins the election `name` with `value` and waits to be its leader, as [`Coordinator::lock`] does. A lease that stands
    /// in it already says `value` from now on.
    ///
    /// # Errors
    /// [`QueueError::NotLeader`] if the key was gone when its turn came, where etcd would let it believe that it leads; an
    /// unknown lease, and what else a put may be refused for.
    pub async fn campaign(
        &self,
        patience: &Patience,
        name: Bytes,
        lease: LeaseId,
        value: Bytes,
    ) -> Result<Won, QueueError> {
        self.patiently(patience, async {
            let lease = self.session(patience, lease).await?;
            let joining = Joining { name, lease, value: value.clone() };
            let mut place = self.join(patience, joining).await?;
            place.give_up_if_dropped();
            let office = Office { key: place.key.clone(), created: place.created, lease };
            if place.found.as_ref().is_some_and(|found| *found != value) {
                self.put_if_leader(&self.step(patience), &office, value).await?;
            }
            if place.turn().await?.has_waited && !place.is_there().await?.1 {
                return Err(QueueError::NotLeader);
            }
            let revision = place.joined;
            drop(place.keep());
            Ok(Won { revision, office })
        })
        .await
    }

    /// Says `value` as the holder of `office`. Without a lease it is put under a new one, as etcd does. Returns the revision.
    ///
    /// # Errors
    /// [`QueueError::NotLeader`] if the key is not there, or another of the same name.
    pub async fn proclaim(&self, call: &Call, office: &Office, value: Bytes) -> Result<Revision, QueueError> {
        let patience = Patience { identity: call.identity.clone(), until: None };
        let lease = self.session(&patience, office.lease).await?;
        self.put_if_leader(call, &Office { lease, ..office.clone() }, value).await
    }

    /// Who leads the election `name`, and what it says. Law C4.
    ///
    /// # Errors
    /// [`QueueError::NoLeader`].
    pub async fn leader(&self, call: &Call, name: &[u8]) -> Result<Proclaimed, QueueError> {
        let (revision, leader) = self.first(call, keys(name)).await?;
        let pair = leader.ok_or(QueueError::NoLeader)?;
        Ok(Proclaimed { revision, pair })
    }

    /// Gives `office` up; if its key is not there, or another of the same name, nothing happens. Returns the revision.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn resign(&self, call: &Call, office: &Office) -> Result<Revision, QueueError> {
        let (revision, _) = self.txn(call, removal(&office.key, office.created), false).await?;
        Ok(revision)
    }

    async fn put_if_leader(
        &self,
        call: &Call,
        office: &Office,
        value: Bytes,
    ) -> Result<Revision, QueueError> {
        let change = Put { key: office.key.clone(), value: Some(value), lease: Some(office.lease) };
        let success = vec![TxnOp::Put { change, with_previous: false }];
        let compares = vec![created(&office.key, office.created)];
        let (revision, done) = self.txn(call, Txn { compares, success, failure: Vec::new() }, false).await?;
        if done.succeeded { Ok(revision) } else { Err(QueueError::NotLeader) }
    }

    /// The oldest key in `range`.
    pub(super) async fn first(
        &self,
        call: &Call,
        range: KeyRange,
    ) -> Result<(Revision, Option<KeyValue>), Error> {
        let query = Query {
            limit: Some(1),
            sort: Some(Sort { target: Target::Created, order: Order::Ascending }),
            ..Query::newest(range)
        };
        let _one_of_few = self.may_look().await;
        let (revision, found) = self.range(call, query, false).await?;
        let first = found.records.into_iter().next().map(key_value).transpose();
        Ok((revision, first.map_err(|_| Error::Unreadable)?))
    }
}
