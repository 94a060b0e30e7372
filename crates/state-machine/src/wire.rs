//! Between etcd's messages and what they ask: one place for the log and for the edge.
//!
//! etcd takes some things that make no sense, and clients can see what it makes of them. Of a comparison whose
//! relation is unknown it says that it holds, of one whose field is unknown that the field is equal. Such a one becomes
//! here another comparison that always says the same.

use crate::{DeleteRange, Put};
use bytes::Bytes;
use quorate_mvcc::{self as mvcc, Filter, Operand, Order, Query, Relation, Sort, Target, Txn, TxnOp};
use quorate_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use quorate_proto::etcdserverpb::range_request::{SortOrder, SortTarget};
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::{
    Compare, DeleteRangeRequest, LeaseCheckpoint, LeaseCheckpointRequest, PutRequest, RangeRequest,
    RequestOp, TxnRequest,
};
use quorate_types::{KeyRange, LeaseId, Revision};

/// What in a message asks for nothing that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No such order, or nothing of that kind to sort by.
    #[error("invalid sort option")]
    SortOption,
    /// A step of a transaction that says nothing.
    #[error("a step of the transaction is empty")]
    EmptyOp,
}

/// What a range request asks for. Zero is "none" for the revision, the limit and every bound; a negative revision
/// stays, since it is not the same within a transaction as outside.
///
/// # Errors
/// [`Malformed::SortOption`].
pub fn query(request: RangeRequest) -> Result<Query, Malformed> {
    let sort = sort(request.sort_order, request.sort_target)?;
    let revision = |number: i64| (number != 0).then_some(Revision(number));
    Ok(Query {
        range: KeyRange::from_wire(request.key, request.range_end),
        revision: revision(request.revision),
        limit: usize::try_from(request.limit).ok().filter(|limit| *limit > 0),
        sort,
        keys_only: request.keys_only,
        count_only: request.count_only,
        filter: Filter {
            modified_min: revision(request.min_mod_revision),
            modified_max: revision(request.max_mod_revision),
            created_min: revision(request.min_create_revision),
            created_max: revision(request.max_create_revision),
        },
    })
}

/// The request that asks for `query`.
#[must_use]
pub fn range_request(query: Query) -> RangeRequest {
    let (key, range_end) = ends(query.range);
    let number = |revision: Option<Revision>| revision.map_or(0, |revision| revision.0);
    let (sort_order, sort_target) = sort_numbers(query.sort);
    RangeRequest {
        key,
        range_end,
        limit: query.limit.map_or(0, |limit| i64::try_from(limit).unwrap_or(i64::MAX)),
        revision: number(query.revision),
        sort_order,
        sort_target,
        serializable: false,
        keys_only: query.keys_only,
        count_only: query.count_only,
        min_mod_revision: number(query.filter.modified_min),
        max_mod_revision: number(query.filter.modified_max),
        min_create_revision: number(query.filter.created_min),
        max_create_revision: number(query.filter.created_max),
    }
}

/// What a transaction's request asks for.
///
/// # Errors
/// See [`Malformed`]; the first in the order of the steps.
pub fn txn(request: TxnRequest) -> Result<Txn, Malformed> {
    let branch = |ops: Vec<RequestOp>| ops.into_iter().map(op).collect::<Result<Vec<_>, _>>();
    Ok(Txn {
        compares: request.compare.into_iter().map(compare).collect(),
        success: branch(request.success)?,
        failure: branch(request.failure)?,
    })
}

/// The request that asks for `txn`.
#[must_use]
pub fn txn_request(txn: Txn) -> TxnRequest {
    let branch = |ops: Vec<TxnOp>| ops.into_iter().map(request_op).collect();
    TxnRequest {
        compare: txn.compares.into_iter().map(wire_compare).collect(),
        success: branch(txn.success),
        failure: branch(txn.failure),
    }
}

/// The request that writes down what is left of leases, in seconds.
pub(crate) fn checkpoint_request(left: Vec<(LeaseId, i64)>) -> LeaseCheckpointRequest {
    let checkpoints = left.into_iter().map(|(id, remaining_ttl)| LeaseCheckpoint { id: id.0, remaining_ttl });
    LeaseCheckpointRequest { checkpoints: checkpoints.collect() }
}

/// What a request writes down of leases.
pub(crate) fn checkpoint(request: LeaseCheckpointRequest) -> Vec<(LeaseId, i64)> {
    let left = |checkpoint: LeaseCheckpoint| (LeaseId(checkpoint.id), checkpoint.remaining_ttl);
    request.checkpoints.into_iter().map(left).collect()
}

fn op(op: RequestOp) -> Result<TxnOp, Malformed> {
    Ok(match op.request.ok_or(Malformed::EmptyOp)? {
        Request::RequestRange(range) => TxnOp::Range(query(range)?),
        Request::RequestPut(put) => {
            let Put { change, with_previous } = put.into();
            TxnOp::Put { change, with_previous }
        }
        Request::RequestDeleteRange(delete) => {
            let DeleteRange { range, with_previous } = delete.into();
            TxnOp::DeleteRange { range, with_previous }
        }
        Request::RequestTxn(within) => TxnOp::Txn(txn(within)?),
    })
}

fn request_op(op: TxnOp) -> RequestOp {
    let request = match op {
        TxnOp::Range(query) => Request::RequestRange(range_request(query)),
        TxnOp::Put { change, with_previous } => Request::RequestPut(Put { change, with_previous }.into()),
        TxnOp::DeleteRange { range, with_previous } => {
            Request::RequestDeleteRange(DeleteRange { range, with_previous }.into())
        }
        TxnOp::Txn(within) => Request::RequestTxn(txn_request(within)),
    };
    RequestOp { request: Some(request) }
}

fn compare(compare: Compare) -> mvcc::Compare {
    let relation = CompareResult::try_from(compare.result).ok().map(relation);
    let operand = CompareTarget::try_from(compare.target).ok();
    let operand = operand.map(|target| operand_of(target, compare.target_union));
    let (relation, operand) = match (relation, operand) {
        (Some(relation), Some(operand)) => (relation, operand),
        // It holds of every value, and of a key that is not there nothing of the kind holds.
        (None, Some(Operand::Value(_))) => (Relation::Greater, Operand::Version(0)),
        // Always: no version is negative.
        (None, _) | (Some(Relation::Equal), None) => (Relation::Greater, Operand::Version(-1)),
        // Never.
        (Some(_), None) => (Relation::Less, Operand::Version(-1)),
    };
    let range = KeyRange::from_wire(compare.key, compare.range_end);
    mvcc::Compare { range, relation, operand }
}

fn relation(result: CompareResult) -> Relation {
    match result {
        CompareResult::Equal => Relation::Equal,
        CompareResult::NotEqual => Relation::NotEqual,
        CompareResult::Greater => Relation::Greater,
        CompareResult::Less => Relation::Less,
    }
}

/// What a field is compared with; an operand for another field counts as none, and none as zero or empty.
fn operand_of(target: CompareTarget, given: Option<TargetUnion>) -> Operand {
    match (target, given) {
        (CompareTarget::Version, Some(TargetUnion::Version(number))) => Operand::Version(number),
        (CompareTarget::Version, _) => Operand::Version(0),
        (CompareTarget::Create, Some(TargetUnion::CreateRevision(number))) => {
            Operand::Created(Revision(number))
        }
        (CompareTarget::Create, _) => Operand::Created(Revision(0)),
        (CompareTarget::Mod, Some(TargetUnion::ModRevision(number))) => Operand::Modified(Revision(number)),
        (CompareTarget::Mod, _) => Operand::Modified(Revision(0)),
        (CompareTarget::Lease, Some(TargetUnion::Lease(id))) => Operand::Lease(LeaseId(id)),
        (CompareTarget::Lease, _) => Operand::Lease(LeaseId::NONE),
        (CompareTarget::Value, Some(TargetUnion::Value(value))) => Operand::Value(value),
        (CompareTarget::Value, _) => Operand::Value(Bytes::new()),
    }
}

fn wire_compare(compare: mvcc::Compare) -> Compare {
    let (key, range_end) = ends(compare.range);
    let result = match compare.relation {
        Relation::Equal => CompareResult::Equal,
        Relation::NotEqual => CompareResult::NotEqual,
        Relation::Greater => CompareResult::Greater,
        Relation::Less => CompareResult::Less,
    };
    let (target, given) = match compare.operand {
        Operand::Version(number) => (CompareTarget::Version, TargetUnion::Version(number)),
        Operand::Created(revision) => (CompareTarget::Create, TargetUnion::CreateRevision(revision.0)),
        Operand::Modified(revision) => (CompareTarget::Mod, TargetUnion::ModRevision(revision.0)),
        Operand::Lease(lease) => (CompareTarget::Lease, TargetUnion::Lease(lease.0)),
        Operand::Value(value) => (CompareTarget::Value, TargetUnion::Value(value)),
    };
    Compare { result: result.into(), target: target.into(), key, range_end, target_union: Some(given) }
}

fn sort(order: i32, target: i32) -> Result<Option<Sort>, Malformed> {
    let order = SortOrder::try_from(order).map_err(|_| Malformed::SortOption)?;
    let target = SortTarget::try_from(target).map_err(|_| Malformed::SortOption)?;
    let order = match (order, target) {
        (SortOrder::None, SortTarget::Key) => return Ok(None),
        (SortOrder::None, _) => Order::Unnamed,
        (SortOrder::Ascend, _) => Order::Ascending,
        (SortOrder::Descend, _) => Order::Descending,
    };
    let target = match target {
        SortTarget::Key => Target::Key,
        SortTarget::Version => Target::Version,
        SortTarget::Create => Target::Created,
        SortTarget::Mod => Target::Modified,
        SortTarget::Value => Target::Value,
    };
    Ok(Some(Sort { target, order }))
}

/// The numbers of order and target.
fn sort_numbers(sort: Option<Sort>) -> (i32, i32) {
    let Some(Sort { target, order }) = sort else { return (0, 0) };
    let order = match order {
        Order::Unnamed => SortOrder::None,
        Order::Ascending => SortOrder::Ascend,
        Order::Descending => SortOrder::Descend,
    };
    let target = match target {
        Target::Key => SortTarget::Key,
        Target::Version => SortTarget::Version,
        Target::Created => SortTarget::Create,
        Target::Modified => SortTarget::Mod,
        Target::Value => SortTarget::Value,
    };
    (order.into(), target.into())
}

impl From<Put> for PutRequest {
    fn from(put: Put) -> Self {
        let Put { change, with_previous } = put;
        Self {
            key: change.key,
            ignore_value: change.value.is_none(),
            value: change.value.unwrap_or_default(),
            ignore_lease: change.lease.is_none(),
            lease: change.lease.unwrap_or_default().0,
            prev_kv: with_previous,
        }
    }
}

impl From<PutRequest> for Put {
    fn from(request: PutRequest) -> Self {
        let change = mvcc::Put {
            key: request.key,
            value: (!request.ignore_value).then_some(request.value),
            lease: (!request.ignore_lease).then_some(LeaseId(request.lease)),
        };
        Self { change, with_previous: request.prev_kv }
    }
}

impl From<DeleteRange> for DeleteRangeRequest {
    fn from(delete: DeleteRange) -> Self {
        let (key, range_end) = ends(delete.range);
        Self { key, range_end, prev_kv: delete.with_previous }
    }
}

impl From<DeleteRangeRequest> for DeleteRange {
    fn from(request: DeleteRangeRequest) -> Self {
        let range = KeyRange::from_wire(request.key, request.range_end);
        Self { range, with_previous: request.prev_kv }
    }
}

/// `key` and `range_end` of a range.
fn ends(range: KeyRange) -> (Bytes, Bytes) {
    match range {
        KeyRange::Single(key) => (key, Bytes::new()),
        KeyRange::HalfOpen { start, end } => (start, end),
        KeyRange::From(start) => (start, Bytes::from_static(b"\0")),
    }
}

#[cfg(test)]
pub(crate) mod tests;
