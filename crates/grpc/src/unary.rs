//! The hot calls, carried without tonic: one message in, one message out.
//!
//! Range, Put, DeleteRange and Txn are most of what a server does. tonic carries a call in half a dozen boxed futures and
//! bodies and copies each message on its way in and out; here a call is one boxed future, a request that came in one
//! frame is decoded where it lies, and a reply leaves as one piece. A reply longer than [`REPLY_HERE_MAX`] is encoded
//! on the work pool: ten thousand keys would keep the front thread for milliseconds. A range of megabytes is never whole in
//! memory: [`pieces`].
//!
//! Everything else, and a message that is compressed, goes to tonic.

mod body;
mod pieces;

use crate::call::Caller;
use crate::kv::{self, RangeAnswer};
use crate::status::{self, message_too_long};
use bytes::{BufMut, Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use pieces::Pieces;
use prost::Message;
use quorate_coordinator::{Coordinator, Error};
use quorate_proto::etcdserverpb::RangeRequest;
use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tower::Service;

pub use body::ReplyBody;

/// A reply up to so many bytes is encoded on the front thread: that takes some ten microseconds.
const REPLY_HERE_MAX: usize = 64 << 10;
/// About so many bytes of a longer reply are handed to the transport at a time.
const PIECE_BYTES: usize = 256 << 10;
/// gRPC's bytes before a message: a flag and the length.
const PREFIX_BYTES: usize = 5;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// All services of one front thread: the hot calls by the short way, the rest through tonic.
#[derive(Debug, Clone)]
pub struct Services {
    door: Door,
    others: Routes,
    message_bytes_max: usize,
}

/// A [`Coordinator`] that can be shown.
#[derive(Clone)]
struct Door(Coordinator);

/// A call that goes the short way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hot {
    Range,
    Put,
    DeleteRange,
    Txn,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Door").field(&self.0.member()).finish()
    }
}

impl Services {
    pub(crate) fn new(door: Coordinator, others: Routes, message_bytes_max: usize) -> Self {
        Self { door: Door(door), others: others.prepare(), message_bytes_max }
    }
}

impl Hot {
    fn of<B>(request: &Request<B>) -> Option<Self> {
        let hot = match request.uri().path() {
            "/etcdserverpb.KV/Put" => Self::Put,
            "/etcdserverpb.KV/Range" => Self::Range,
            "/etcdserverpb.KV/Txn" => Self::Txn,
            "/etcdserverpb.KV/DeleteRange" => Self::DeleteRange,
            _ => return None,
        };
        let encoding = request.headers().get("grpc-encoding");
        encoding.is_none_or(|encoding| encoding == "identity").then_some(hot)
    }
}

impl<B> Service<Request<B>> for Services
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<ReplyBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // tonic's routes always are
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(hot) = Hot::of(&request) else {
            let answer = self.others.call(request);
            return Box::pin(async move { Ok(answer.await?.map(ReplyBody::Tonic)) });
        };
        let (door, message_bytes_max) = (self.door.0.clone(), self.message_bytes_max);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let reply = match message(body, message_bytes_max).await {
                Ok(message) => reply(&door, hot, head.headers, message).await,
                Err(refusal) => Err(refusal),
            };
            Ok(reply.map_or_else(Status::into_http, begun))
        })
    }
}

/// A response of one message, which is on its way.
fn begun(body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

async fn reply(
    door: &Coordinator,
    hot: Hot,
    headers: HeaderMap,
    message: Bytes,
) -> Result<ReplyBody, Status> {
    let caller = |headers| Caller::of(&MetadataMap::from_headers(headers), door);
    match hot {
        Hot::Put => {
            let caller = caller(headers)?;
            framed(door, &caller, kv::put(door, &caller.call, decoded(message)?).await).await
        }
        Hot::Range => range(door, headers, decoded(message)?).await,
        Hot::Txn => {
            let caller = caller(headers)?;
            framed(door, &caller, kv::txn(door, &caller.call, decoded(message)?).await).await
        }
        Hot::DeleteRange => {
            let caller = caller(headers)?;
            framed(door, &caller, kv::delete_range(door, &caller.call, decoded(message)?).await).await
        }
    }
}

/// Of a range it is not known before it is read whether a learner serves it.
async fn range(door: &Coordinator, headers: HeaderMap, request: RangeRequest) -> Result<ReplyBody, Status> {
    let caller = Caller::of_range(&MetadataMap::from_headers(headers), door, &request)?;
    match kv::range_at_length(door, &caller.call, request).await {
        Ok(RangeAnswer::Long(header, range)) => {
            Ok(ReplyBody::Pieces(Box::new(Pieces::new(door, header, range)?)))
        }
        Ok(RangeAnswer::Short(reply)) => framed(door, &caller, Ok(reply)).await,
        Err(error) => Err(caller.status(&error)),
    }
}

/// In grpc-go's words.
fn decoded<M: Message + Default>(message: Bytes) -> Result<M, Status> {
    M::decode(message)
        .map_err(|error| Status::internal(format!("grpc: error unmarshalling request: {error}")))
}

/// `reply` with its prefix, or what its caller is told; a long one is put together, and dropped, on the work pool.
async fn framed<M: Message + 'static>(
    door: &Coordinator,
    caller: &Caller,
    reply: Result<M, Error>,
) -> Result<ReplyBody, Status> {
    let reply = reply.map_err(|error| caller.status(&error))?;
    let length = reply.encoded_len();
    if length <= REPLY_HERE_MAX {
        return encoded(&reply, length).map(ReplyBody::whole);
    }
    let framed = door.aside(move || encoded(&reply, length).map(cut)).await;
    framed.map_err(|reason| status::of(&reason.into()))?
}

/// A long message in parts with memory of their own: to give back megabytes at once takes the front thread long.
fn cut(message: Bytes) -> ReplyBody {
    if message.len() <= PIECE_BYTES {
        return ReplyBody::whole(message);
    }
    ReplyBody::Parts(message.chunks(PIECE_BYTES).map(Bytes::copy_from_slice).collect())
}

/// A message's length as its prefix has it.
fn wire_length(length: usize) -> Result<u32, Status> {
    u32::try_from(length).map_err(|_| Status::resource_exhausted("grpc: message too large: over 4 GiB"))
}

fn encoded<M: Message>(reply: &M, length: usize) -> Result<Bytes, Status> {
    let wire_length = wire_length(length)?;
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
    frame.put_u8(0);
    frame.put_u32(wire_length);
    reply.encode_raw(&mut frame);
    Ok(frame.freeze())
}

/// The one message of a request. Cost: nothing is copied if it came in one piece, as short ones do.
async fn message<B>(body: B, bytes_max: usize) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<tonic::codegen::StdError>,
{
    let mut body = pin!(body);
    let mut whole = Whole::Missing;
    let mut next = async || {
        let frame = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
        frame.transpose().map_err(|error| Status::from_error(error.into()))
    };
    while let Some(frame) = next().await? {
        if let Ok(piece) = frame.into_data() {
            whole.add(piece, bytes_max)?;
            quorate_tasks::poll::pause_if_overdue().await;
        }
    }
    whole.finish()
}

/// A message that is arriving, with its prefix.
#[derive(Debug)]
enum Whole {
    Missing,
    One(Bytes),
    Several(BytesMut),
}

impl Whole {
    fn add(&mut self, piece: Bytes, bytes_max: usize) -> Result<(), Status> {
        match self {
            _ if piece.is_empty() => {}
            Self::Missing => {
                check_prefix(&piece, bytes_max)?;
                *self = Self::One(piece);
            }
            Self::One(first) => {
                let mut all =
                    BytesMut::with_capacity(expected(first).unwrap_or(0).max(first.len() + piece.len()));
                all.extend_from_slice(first);
                all.extend_from_slice(&piece);
                check_prefix(&all, bytes_max)?;
                *self = Self::Several(all);
            }
            Self::Several(all) => {
                all.extend_from_slice(&piece);
                check_prefix(all, bytes_max)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Bytes, Status> {
        let mut whole = match self {
            Self::Missing => return Err(Status::internal("Missing request message.")),
            Self::One(whole) => whole,
            Self::Several(all) => all.freeze(),
        };
        if expected(&whole) != Some(whole.len()) {
            return Err(Status::internal("unexpected EOF"));
        }
        Ok(whole.split_off(PREFIX_BYTES))
    }
}

/// Bytes of the prefix and the message, once the prefix is there.
fn expected(start: &[u8]) -> Option<usize> {
    let (prefix, _) = start.split_first_chunk::<PREFIX_BYTES>()?;
    let [_flag, length @ ..] = *prefix;
    Some(PREFIX_BYTES + u32::from_be_bytes(length) as usize)
}

fn check_prefix(start: &[u8], bytes_max: usize) -> Result<(), Status> {
    let Some(expected) = expected(start) else { return Ok(()) };
    let length = expected - PREFIX_BYTES;
    if start[0] != 0 {
        return Err(Status::internal("grpc: compressed flag set with identity or empty encoding"));
    }
    if length > bytes_max {
        return Err(message_too_long(&length.to_string(), &bytes_max.to_string()));
    }
    if start.len() > expected {
        return Err(Status::internal("grpc: a second message in a call that takes one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
