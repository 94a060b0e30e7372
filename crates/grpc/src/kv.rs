//! `etcdserverpb.KV`: the hot calls, as functions from message to message.
//!
//! They know nothing of tonic, so that another front door can carry them.

mod check;

use crate::call::{Caller, header};
use futures::TryStreamExt;
use futures::stream::{Stream, try_unfold};
use quorate_coordinator::{
    Call, Compaction, Coordinator, DeleteRange, Error, Invalid, LongRange, OpDone, Piece, Put, Query, Ranged,
    Room, TxnDone, wire,
};
use quorate_proto::encoded::{
    DeleteRangeReply, OpReply, PutReply, RangeReply, RangeStreamReply, Response as OpResponse, TxnReply,
};
use quorate_proto::etcdserverpb::kv_server::Kv;
use quorate_proto::etcdserverpb::request_op::Request as OpRequest;
use quorate_proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp,
    ResponseHeader, TxnRequest,
};
use quorate_types::Revision;
use tonic::{Request, Response, Status};

/// Answers a `RangeRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn range(door: &Coordinator, call: &Call, request: RangeRequest) -> Result<RangeReply, Error> {
    check::range(&request)?;
    let serializable = request.serializable;
    let (revision, found) = door.range(call, query(request)?, serializable).await?;
    Ok(RangeReply {
        header: Some(header(door, Some(revision))),
        kvs: found.records,
        more: found.more,
        count: wire_count(found.count),
    })
}

/// What a `RangeRequest` is answered with.
pub enum RangeAnswer {
    /// All of it.
    Short(RangeReply),
    /// The header, and a range that should not be held at once.
    Long(ResponseHeader, LongRange),
}

/// Answers a `RangeRequest`, however much there is.
///
/// # Errors
/// See [`Error`].
pub async fn range_at_length(
    door: &Coordinator,
    call: &Call,
    request: RangeRequest,
) -> Result<RangeAnswer, Error> {
    check::range(&request)?;
    let serializable = request.serializable;
    let (revision, ranged) = door.range_at_length(call, query(request)?, serializable).await?;
    let header = header(door, Some(revision));
    Ok(match ranged {
        Ranged::Short(found) => RangeAnswer::Short(RangeReply {
            header: Some(header),
            kvs: found.records,
            more: found.more,
            count: wire_count(found.count),
        }),
        Ranged::Long(range) => RangeAnswer::Long(header, range),
    })
}

/// Answers a `RangeRequest` in pieces.
///
/// # Errors
/// See [`Error`]; the stream may end with one too.
pub async fn range_stream(
    door: &Coordinator,
    call: &Call,
    request: RangeRequest,
) -> Result<impl Stream<Item = Result<RangeStreamReply, Error>> + use<>, Error> {
    check::range(&request)?;
    let serializable = request.serializable;
    let pieces = door.range_stream(call, query(request)?, serializable).await?;
    let door = door.clone();
    Ok(try_unfold((door, pieces), |(door, mut pieces)| async move {
        let piece = pieces.next().await?;
        Ok(piece.map(|piece| (piece_reply(&door, piece), (door, pieces))))
    }))
}

/// Answers a `PutRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn put(door: &Coordinator, call: &Call, request: PutRequest) -> Result<PutReply, Error> {
    check::put(&request)?;
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

/// Answers a `TxnRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn txn(door: &Coordinator, call: &Call, request: TxnRequest) -> Result<TxnReply, Error> {
    check::txn(&request, Room::new(door.limits().txn_ops_max))?;
    let serializable = is_serializable(&request);
    let txn = wire::txn(request).map_err(Invalid::from)?;
    let (revision, done) = door.txn(call, txn, serializable).await?;
    Ok(txn_reply(header(door, Some(revision)), done))
}

/// Answers a `CompactionRequest`.
///
/// # Errors
/// See [`Error`].
pub async fn compact(
    door: &Coordinator,
    call: &Call,
    request: CompactionRequest,
) -> Result<CompactionResponse, Error> {
    let CompactionRequest { revision, physical } = request;
    let revision = door.compact(call, Compaction { revision: Revision(revision), physical }).await?;
    Ok(CompactionResponse { header: Some(header(door, Some(revision))) })
}

fn wire_count(count: usize) -> i64 {
    i64::try_from(count).expect("counts fit memory, and memory fits 63 bits")
}

/// What a range request on its own asks for: there a negative revision is the newest.
fn query(request: RangeRequest) -> Result<Query, Error> {
    let query = wire::query(request).map_err(Invalid::from)?;
    Ok(Query { revision: query.revision.filter(|revision| revision.0 > 0), ..query })
}

/// Whether everything in both branches is a serializable range: also when there is nothing, a quirk of etcd's.
fn is_serializable(request: &TxnRequest) -> bool {
    let is_local = |op: &RequestOp| match &op.request {
        Some(OpRequest::RequestRange(range)) => range.serializable,
        _ => false,
    };
    request.success.iter().chain(&request.failure).all(is_local)
}

fn piece_reply(door: &Coordinator, piece: Piece) -> RangeStreamReply {
    let reply = match piece.end {
        None => RangeReply { kvs: piece.records, ..RangeReply::default() },
        Some(end) => RangeReply {
            header: Some(header(door, Some(end.revision))),
            kvs: piece.records,
            more: end.more,
            count: wire_count(end.count),
        },
    };
    RangeStreamReply { range_response: Some(reply) }
}

fn txn_reply(header: ResponseHeader, done: TxnDone) -> TxnReply {
    let responses = done.results.into_iter().map(|result| OpReply { response: Some(op_response(result)) });
    TxnReply { header: Some(header), succeeded: done.succeeded, responses: responses.collect() }
}

/// A step's header has only a revision, and that of a transaction within not even that.
fn op_response(done: OpDone) -> OpResponse {
    let at = |revision: Revision| Some(ResponseHeader { revision: revision.0, ..ResponseHeader::default() });
    match done {
        OpDone::Range { revision, found } => OpResponse::ResponseRange(RangeReply {
            header: at(revision),
            kvs: found.records,
            more: found.more,
            count: wire_count(found.count),
        }),
        OpDone::Put { revision, previous } => {
            OpResponse::ResponsePut(PutReply { header: at(revision), prev_kv: previous })
        }
        OpDone::DeleteRange { revision, deleted } => OpResponse::ResponseDeleteRange(DeleteRangeReply {
            header: at(revision),
            deleted: wire_count(deleted.count),
            prev_kvs: deleted.records,
        }),
        OpDone::Txn(within) => OpResponse::ResponseTxn(txn_reply(ResponseHeader::default(), within)),
    }
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

/// The pieces of a range.
type Pieces = std::pin::Pin<Box<dyn Stream<Item = Result<RangeStreamReply, Status>> + Send>>;

#[tonic::async_trait]
impl Kv for Service {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeReply>, Status> {
        let caller = Caller::of_range(request.metadata(), &self.door, request.get_ref())?;
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

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnReply>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let reply = txn(&self.door, &caller.call, request.into_inner()).await;
        reply.map(Response::new).map_err(|error| caller.status(&error))
    }

    async fn compact(
        &self,
        request: Request<CompactionRequest>,
    ) -> Result<Response<CompactionResponse>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let reply = compact(&self.door, &caller.call, request.into_inner()).await;
        reply.map(Response::new).map_err(|error| caller.status(&error))
    }

    type RangeStreamStream = Pieces;

    async fn range_stream(
        &self,
        request: Request<RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let pieces = range_stream(&self.door, &caller.call, request.into_inner()).await;
        let pieces = pieces.map_err(|error| caller.status(&error))?;
        Ok(Response::new(Box::pin(pieces.map_err(move |error| caller.status(&error)))))
    }
}

#[cfg(test)]
mod tests;
