//! A reply that is sent in pieces, each encoded when the last one has gone.
//!
//! gRPC wants a message's length first; then its bytes may come in any frames. So a range that is too long to be held in
//! memory is known by the lengths of its records, and read a second time while it is sent: whoever takes it slowly, or
//! five who take it at once, cost a piece each. The transport asks for a piece only when the client has room for it.

use super::{PIECE_BYTES, PREFIX_BYTES};
use crate::status;
use bytes::{BufMut, Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use quorate_coordinator::{Coordinator, LongRange, Unavailable};
use quorate_proto::encoded::RangeReply;
use quorate_proto::etcdserverpb::ResponseHeader;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::Status;

/// How long a piece waits that found the work pool full.
const PAUSE: Duration = Duration::from_millis(5);
/// The field of a `RangeResponse` that holds its records.
const RECORDS: u32 = 2;

/// A `RangeResponse` that is on its way.
pub struct Pieces {
    door: Coordinator,
    /// Only ever locked by whoever makes the next piece, one at a time.
    rest: Arc<Mutex<Rest>>,
    next: Next,
}

enum Next {
    /// Nobody has asked for it yet.
    Wanted,
    /// The work pool is at it.
    Making(BoxFuture<'static, Result<Piece, Status>>),
    /// There is none.
    Nothing,
}

/// What is still to come: what stands before the records, the records, and what stands after them.
struct Rest {
    head: Bytes,
    range: LongRange,
    tail: Bytes,
}

struct Piece {
    bytes: Bytes,
    is_last: bool,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl Pieces {
    /// The reply with `header` and what is still to come of `range`.
    ///
    /// # Errors
    /// It is longer than a message can be.
    pub(super) fn new(door: &Coordinator, header: ResponseHeader, range: LongRange) -> Result<Self, Status> {
        let count = i64::try_from(range.count()).expect("counts fit memory, and memory fits 63 bits");
        let before = RangeReply { header: Some(header), ..RangeReply::default() };
        let after = RangeReply { more: range.more(), count, ..RangeReply::default() };
        let records: usize = range.lengths().map(field_len).sum();
        let length = super::wire_length(before.encoded_len() + records + after.encoded_len())?;
        let mut head = BytesMut::with_capacity(PREFIX_BYTES + before.encoded_len());
        head.put_u8(0);
        head.put_u32(length);
        before.encode_raw(&mut head);
        let rest = Rest { head: head.freeze(), range, tail: after.encode_to_vec().into() };
        Ok(Self { door: door.clone(), rest: Arc::new(Mutex::new(rest)), next: Next::Wanted })
    }

    /// The next piece; none after the last.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        loop {
            match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::Nothing => return Poll::Ready(None),
                Next::Wanted => self.next = Next::Making(make(self.door.clone(), self.rest.clone()).boxed()),
                Next::Making(mut making) => {
                    let Poll::Ready(piece) = making.poll_unpin(context) else {
                        self.next = Next::Making(making);
                        return Poll::Pending;
                    };
                    if matches!(piece, Ok(Piece { is_last: false, .. })) {
                        self.next = Next::Wanted;
                    }
                    return Poll::Ready(Some(piece.map(|piece| piece.bytes)));
                }
            }
        }
    }
}

/// The next piece of `rest`, made on the work pool (law C1 of the coordinator). What has begun cannot be refused any more:
/// if the pool is full, it waits.
async fn make(door: Coordinator, rest: Arc<Mutex<Rest>>) -> Result<Piece, Status> {
    loop {
        let here = rest.clone();
        let made = door.aside(move || here.lock().unwrap_or_else(PoisonError::into_inner).piece()).await;
        match made {
            Ok(piece) => return piece,
            Err(Unavailable::TooManyRequests) => door.clock().sleep_until(door.clock().now() + PAUSE).await,
            Err(reason) => return Err(status::of(&reason.into())),
        }
    }
}

impl Rest {
    /// The next piece: what was read of the records, and whatever else is due.
    fn piece(&mut self) -> Result<Piece, Status> {
        let records = self.range.read(PIECE_BYTES).map_err(|error| status::of(&error))?;
        let is_last = self.range.lengths().next().is_none();
        let head = std::mem::take(&mut self.head);
        let tail = if is_last { std::mem::take(&mut self.tail) } else { Bytes::new() };
        let length = records.iter().map(|record| field_len(record.len())).sum::<usize>();
        let mut bytes = BytesMut::with_capacity(head.len() + length + tail.len());
        bytes.put(head);
        for record in records {
            encode_key(RECORDS, WireType::LengthDelimited, &mut bytes);
            encode_varint(record.len() as u64, &mut bytes);
            bytes.put(record);
        }
        bytes.put(tail);
        Ok(Piece { bytes: bytes.freeze(), is_last })
    }
}

/// What a record of `length` bytes takes as a field of the reply.
fn field_len(length: usize) -> usize {
    key_len(RECORDS) + encoded_len_varint(length as u64) + length
}
