//! What clients and time may do, on few keys.

use bytes::Bytes;
use proptest::prelude::*;
use quorate_mvcc::{Compare, Filter, Operand, Order, Put, Query, Relation, Sort, Target, Txn, TxnOp};
use quorate_types::{KeyRange, LeaseId, Revision};

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Put(Put),
    Delete(KeyRange, bool),
    Txn(Txn),
    /// At the newest revision less so many.
    Compact(i64),
    Prune(usize),
    /// The engine's batch is written; what follows is in the next.
    Flush,
    Restart,
    /// Somebody begins a long read.
    Hold,
    /// At the newest revision less so many.
    Read(Query, i64),
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => put().prop_map(Act::Put),
        3 => (range(), any::<bool>()).prop_map(|(range, with_records)| Act::Delete(range, with_records)),
        6 => txn().prop_map(Act::Txn),
        2 => (-1..6i64).prop_map(Act::Compact),
        4 => (1..4usize).prop_map(Act::Prune),
        3 => Just(Act::Flush),
        1 => Just(Act::Restart),
        1 => Just(Act::Hold),
        8 => (query(), -1..12i64).prop_map(|(query, back)| Act::Read(query, back)),
    ]
}

pub(crate) fn key() -> impl Strategy<Value = Bytes> {
    (0..6u8).prop_map(|number| Bytes::from(format!("k{number}")))
}

fn value() -> impl Strategy<Value = Bytes> {
    (0..4u8).prop_map(|number| Bytes::from("v".repeat(number.into())))
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        4 => key().prop_map(KeyRange::Single),
        2 => (key(), key()).prop_map(|(start, end)| KeyRange::HalfOpen { start, end }),
        1 => key().prop_map(KeyRange::From),
    ]
}

/// Lease 1 lives, lease 2 does not.
fn put() -> impl Strategy<Value = Put> {
    let lease = prop_oneof![3 => Just(Some(0)), 2 => Just(Some(1)), 1 => Just(None)];
    let value = prop_oneof![5 => value().prop_map(Some), 1 => Just(None)];
    (key(), value, lease).prop_map(|(key, value, lease)| Put { key, value, lease: lease.map(LeaseId) })
}

fn revision() -> impl Strategy<Value = Revision> {
    (0..12i64).prop_map(Revision)
}

fn compare() -> impl Strategy<Value = Compare> {
    let relation =
        prop::sample::select(&[Relation::Equal, Relation::NotEqual, Relation::Greater, Relation::Less][..]);
    let operand = prop_oneof![
        (0..4i64).prop_map(Operand::Version),
        revision().prop_map(Operand::Created),
        revision().prop_map(Operand::Modified),
        (0..2i64).prop_map(|lease| Operand::Lease(LeaseId(lease))),
        value().prop_map(Operand::Value),
    ];
    (range(), relation, operand).prop_map(|(range, relation, operand)| Compare { range, relation, operand })
}

fn txn() -> impl Strategy<Value = Txn> {
    let leaf = branches(op().boxed());
    leaf.prop_recursive(2, 12, 3, |inner| {
        branches(prop_oneof![4 => op(), 1 => inner.prop_map(TxnOp::Txn)].boxed())
    })
}

fn branches(op: BoxedStrategy<TxnOp>) -> BoxedStrategy<Txn> {
    let ops = prop::collection::vec(op, 0..4);
    (prop::collection::vec(compare(), 0..2), ops.clone(), ops)
        .prop_map(|(compares, success, failure)| Txn { compares, success, failure })
        .boxed()
}

fn op() -> impl Strategy<Value = TxnOp> {
    // A bad lease, and a revision that is not there, must be rare: each refuses the whole transaction.
    let lease = prop_oneof![30 => Just(None), 1 => Just(Some(LeaseId(2)))];
    let asked = prop_oneof![6 => Just(None), 2 => (-2..40i64).prop_map(|revision| Some(Revision(revision)))];
    prop_oneof![
        (put(), lease, any::<bool>()).prop_map(|(change, bad, with_previous)| {
            let lease = bad.or(change.lease);
            TxnOp::Put { change: Put { lease, ..change }, with_previous }
        }),
        (range(), any::<bool>())
            .prop_map(|(range, with_previous)| TxnOp::DeleteRange { range, with_previous }),
        (query(), asked).prop_map(|(query, revision)| TxnOp::Range(Query { revision, ..query })),
    ]
}

/// At the newest revision; the caller sets another.
pub(crate) fn query() -> impl Strategy<Value = Query> {
    let limit = prop_oneof![Just(None), (1..5usize).prop_map(Some)];
    let kind = (prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    let sort = prop_oneof![2 => Just(None), 3 => sort().prop_map(Some)];
    let filter = prop_oneof![2 => Just(Filter::default()), 1 => filter()];
    (range(), limit, sort, kind, filter).prop_map(|(range, limit, sort, (keys_only, count_only), filter)| {
        Query { limit, sort, keys_only, count_only, filter, ..Query::newest(range) }
    })
}

fn sort() -> impl Strategy<Value = Sort> {
    let target = prop::sample::select(
        &[Target::Key, Target::Version, Target::Created, Target::Modified, Target::Value][..],
    );
    let order = prop::sample::select(&[Order::Unnamed, Order::Ascending, Order::Descending][..]);
    (target, order).prop_map(|(target, order)| Sort { target, order })
}

fn filter() -> impl Strategy<Value = Filter> {
    let bound = || prop::option::weighted(0.4, revision());
    (bound(), bound(), bound(), bound()).prop_map(|(modified_min, modified_max, created_min, created_max)| {
        Filter { modified_min, modified_max, created_min, created_max }
    })
}
