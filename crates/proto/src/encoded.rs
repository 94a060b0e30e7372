//! Replies whose records stay in wire form.
//!
//! The store keeps a key-value pair as the encoding of [`mvccpb::KeyValue`], and that is also what a
//! reply carries. With the ordinary messages a Range would decode each stored pair and encode it again,
//! to arrive at the bytes it started from. The replies here take the stored bytes as they are: a
//! protobuf field of message type and one of type `bytes` have the same wire form, a length and then
//! the content, so a client cannot tell the difference.
//!
//! They are for sending. Decoding works, and the tests use it, but a record is not looked into: bytes
//! that are no `KeyValue` pass, in and out. Whoever fills these fields answers for the content.
//!
//! Law: E1 a reply here encodes to what its counterpart in [`etcdserverpb`] encodes to, byte for byte.
//!
//! [`mvccpb::KeyValue`]: crate::mvccpb::KeyValue
//! [`etcdserverpb`]: crate::etcdserverpb

mod watch;

pub use watch::{WatchReply, event};

use bytes::Bytes;

use crate::etcdserverpb::ResponseHeader;

/// A `RangeResponse` of stored pairs.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RangeReply {
    /// Where and when the reply was made.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Encoded `KeyValue`s, in the order asked for.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub kvs: Vec<Bytes>,
    /// The limit left out some pairs.
    #[prost(bool, tag = "3")]
    pub more: bool,
    /// Keys in the range, whatever the limit.
    #[prost(int64, tag = "4")]
    pub count: i64,
}

/// A `RangeStreamResponse`: one piece of a streamed range.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RangeStreamReply {
    /// The next pairs; header, `more` and `count` are in the last piece only.
    #[prost(message, optional, tag = "1")]
    pub range_response: Option<RangeReply>,
}

/// A `PutResponse` with the stored pair it replaced.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PutReply {
    /// Where and when the reply was made.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The encoded `KeyValue` before the put, if there was one and it was asked for.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub prev_kv: Option<Bytes>,
}

/// A `DeleteRangeResponse` with the stored pairs it deleted.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DeleteRangeReply {
    /// Where and when the reply was made.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Keys deleted.
    #[prost(int64, tag = "2")]
    pub deleted: i64,
    /// Encoded `KeyValue`s before the deletion, in key order, if asked for.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub prev_kvs: Vec<Bytes>,
}

/// A `TxnResponse`, whose steps answer with the replies of this module.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct TxnReply {
    /// Where and when the reply was made.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The comparisons held, so `success` ran.
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
    /// One for each step of the branch that ran, in its order.
    #[prost(message, repeated, tag = "3")]
    pub responses: Vec<OpReply>,
}

/// A `ResponseOp`: the reply to one step of a transaction.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct OpReply {
    /// Always set by a server.
    #[prost(oneof = "Response", tags = "1, 2, 3, 4")]
    pub response: Option<Response>,
}

/// What an [`OpReply`] is a reply to.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum Response {
    /// To a range.
    #[prost(message, tag = "1")]
    ResponseRange(RangeReply),
    /// To a put.
    #[prost(message, tag = "2")]
    ResponsePut(PutReply),
    /// To a deletion.
    #[prost(message, tag = "3")]
    ResponseDeleteRange(DeleteRangeReply),
    /// To a transaction inside the transaction.
    #[prost(message, tag = "4")]
    ResponseTxn(TxnReply),
}

#[cfg(test)]
mod tests;
