//! `etcdserverpb.KV`: the hot calls, as functions from message to message.
//!
//! They know nothing of tonic, so that another front door can carry them.

use crate::call::{Caller, header};
use crate::status::not_yet;
use quorate_coordinator::{
    Call, Coordinator, DeleteRange, Error, Filter, Invalid, Order, Put, Query, Sort, Target,
};
use quorate_proto::encoded::{DeleteRangeReply, PutReply, RangeReply, RangeStreamReply, TxnReply};
use quorate_proto::etcdserverpb::kv_server::Kv;
use quorate_proto::etcdserverpb::range_request::{SortOrder, SortTarget};
use quorate_proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest,
};
use quorate_types::{KeyRange, Revision};
use tonic::{Request, Response, Status};

/// Answers a `RangeRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn range(door: &Coordinator, call: &Call, request: RangeRequest) -> Result<RangeReply, Error> {
    if request.key.is_empty() {
        return Err(Invalid::EmptyKey.into()); // before anything else that may be wrong with it
    }
    let serializable = request.serializable;
    let (revision, found) = door.range(call, query(request)?, serializable).await?;
    Ok(RangeReply {
        header: Some(header(door, Some(revision))),
        kvs: found.records,
        more: found.more,
        count: wire_count(found.count),
    })
}

/// Answers a `PutRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn put(door: &Coordinator, call: &Call, request: PutRequest) -> Result<PutReply, Error> {
    if request.key.is_empty() {
        return Err(Invalid::EmptyKey.into());
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(Invalid::ValueProvided.into());
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Invalid::LeaseProvided.into());
    }
    let (revision, prev_kv) = door.put(call, Put::from(request)).await?;
    Ok(PutReply { header: Some(header(door, Some(revision))), prev_kv })
}

/// Answers a `DeleteRangeRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn delete_range(
    door: &Coordinator,
    call: &Call,
    request: DeleteRangeRequest,
) -> Result<DeleteRangeReply, Error> {
    let (revision, deleted) = door.delete_range(call, DeleteRange::from(request)).await?;
    Ok(DeleteRangeReply {
        header: Some(header(door, Some(revision))),
        deleted: wire_count(deleted.count),
        prev_kvs: deleted.records,
    })
}

fn wire_count(count: usize) -> i64 {
    i64::try_from(count).expect("counts fit memory, and memory fits 63 bits")
}

/// What a range request asks for. Zero is "none" for the limit and every bound.
fn query(request: RangeRequest) -> Result<Query, Error> {
    let sort = sort(request.sort_order, request.sort_target)?;
    let revision = |number: i64| (number != 0).then_some(Revision(number));
    Ok(Query {
        range: KeyRange::from_wire(request.key, request.range_end),
        revision: (request.revision > 0).then_some(Revision(request.revision)),
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

fn sort(order: i32, target: i32) -> Result<Option<Sort>, Invalid> {
    let order = SortOrder::try_from(order).map_err(|_| Invalid::SortOption)?;
    let target = SortTarget::try_from(target).map_err(|_| Invalid::SortOption)?;
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

/// The service as tonic carries it.
pub(crate) struct Service {
    door: Coordinator,
}

impl Service {
    pub(crate) fn new(door: Coordinator) -> Self {
        Self { door }
    }
}

/// Nothing is streamed yet; the type says so.
type NoStream = std::pin::Pin<Box<dyn futures_core::Stream<Item = Result<RangeStreamReply, Status>> + Send>>;

#[tonic::async_trait]
impl Kv for Service {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeReply>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let reply = range(&self.door, &caller.call, request.into_inner()).await;
        reply.map(Response::new).map_err(|error| caller.status(&error))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutReply>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let reply = put(&self.door, &caller.call, request.into_inner()).await;
        reply.map(Response::new).map_err(|error| caller.status(&error))
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeReply>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let reply = delete_range(&self.door, &caller.call, request.into_inner()).await;
        reply.map(Response::new).map_err(|error| caller.status(&error))
    }

    async fn txn(&self, _request: Request<TxnRequest>) -> Result<Response<TxnReply>, Status> {
        Err(not_yet("KV.Txn"))
    }

    async fn compact(
        &self,
        _request: Request<CompactionRequest>,
    ) -> Result<Response<CompactionResponse>, Status> {
        Err(not_yet("KV.Compact"))
    }

    type RangeStreamStream = NoStream;

    async fn range_stream(
        &self,
        _request: Request<RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        Err(not_yet("KV.RangeStream"))
    }
}

#[cfg(test)]
mod tests;
