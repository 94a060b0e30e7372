//! What is wrong with a request whatever the state, in the order in which etcd looks.

use quorate_coordinator::{Invalid, Room};
use quorate_proto::etcdserverpb::range_request::{SortOrder, SortTarget};
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnRequest};

pub(super) fn range(request: &RangeRequest) -> Result<(), Invalid> {
    key(&request.key)?;
    SortOrder::try_from(request.sort_order).map_err(|_| Invalid::SortOption)?;
    SortTarget::try_from(request.sort_target).map_err(|_| Invalid::SortOption)?;
    Ok(())
}

pub(super) fn put(request: &PutRequest) -> Result<(), Invalid> {
    key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Invalid::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Invalid::LeaseProvided);
    }
    Ok(())
}

pub(super) fn txn(request: &TxnRequest, room: Room) -> Result<(), Invalid> {
    let longest = request.compare.len().max(request.success.len()).max(request.failure.len());
    let room = room.within(longest)?;
    request.compare.iter().try_for_each(|compare| key(&compare.key))?;
    request.success.iter().chain(&request.failure).try_for_each(|step| op(step, room))
}

fn op(op: &RequestOp, room: Room) -> Result<(), Invalid> {
    match op.request.as_ref().ok_or(Invalid::EmptyOp)? {
        Request::RequestRange(request) => range(request),
        Request::RequestPut(request) => put(request),
        Request::RequestDeleteRange(request) => key(&request.key),
        Request::RequestTxn(request) => txn(request, room),
    }
}

fn key(key: &[u8]) -> Result<(), Invalid> {
    if key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}
