//! What a call answers with.

use super::pieces::Pieces;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::Status;

/// The body of a response: one message that is ready, or whatever tonic makes.
#[derive(Debug)]
pub enum ReplyBody {
    /// A message with its prefix, and then the status "OK".
    Whole(Bytes),
    /// A message with its prefix, in parts.
    Parts(VecDeque<Bytes>),
    /// A message that is encoded while it is sent.
    Pieces(Box<Pieces>),
    /// The message has been sent; the status is still to go.
    Status,
    /// Everything has been sent.
    Done,
    /// tonic's own.
    Tonic(tonic::body::Body),
}

impl ReplyBody {
    pub(super) fn whole(message: Bytes) -> Self {
        Self::Whole(message)
    }
}

/// A refusal has no body.
impl Default for ReplyBody {
    fn default() -> Self {
        Self::Done
    }
}

fn well() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
    trailers
}

/// What has begun ends with this status: the client takes it for the call's, and drops what came of the message.
fn ill(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    // A status made of digits and plain words always fits a header.
    drop(status.add_header(&mut trailers));
    trailers
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let (frame, rest) = match &mut *self {
            Self::Tonic(body) => return Pin::new(body).poll_frame(context),
            Self::Pieces(pieces) => match ready!(pieces.poll_next(context)) {
                Some(Ok(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Some(Err(status)) => (Frame::trailers(ill(&status)), Self::Done),
                None => (Frame::trailers(well()), Self::Done),
            },
            Self::Done => return Poll::Ready(None),
            Self::Parts(parts) => match parts.pop_front() {
                Some(part) => return Poll::Ready(Some(Ok(Frame::data(part)))),
                None => (Frame::trailers(well()), Self::Done),
            },
            Self::Whole(message) => (Frame::data(std::mem::take(message)), Self::Status),
            Self::Status => (Frame::trailers(well()), Self::Done),
        };
        *self = rest;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Tonic(body) => body.is_end_stream(),
            Self::Done => true,
            Self::Whole(_) | Self::Parts(_) | Self::Pieces(_) | Self::Status => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Tonic(body) => body.size_hint(),
            // A length would put `content-length` into the headers, which gRPC's replies do not have.
            _ => SizeHint::default(),
        }
    }
}
