//! What a call answers with.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;

/// The body of a response: one message that is ready, or whatever tonic makes.
#[derive(Debug)]
pub enum ReplyBody {
    /// A message with its prefix, and then the status "OK".
    Whole(Bytes),
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

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let (frame, rest) = match &mut *self {
            Self::Tonic(body) => return Pin::new(body).poll_frame(context),
            Self::Done => return Poll::Ready(None),
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
            Self::Whole(_) | Self::Status => false,
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
