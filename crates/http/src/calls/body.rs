//! A body whose gRPC messages are counted as they pass.

use super::{Open, Slot};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

/// Bytes before each message: a flag and the length.
const PREFIX_BYTES: u32 = 5;

pin_project! {
    /// A body of gRPC messages, and the call it belongs to.
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        body: B,
        role: Role,
        framing: Framing,
    }
}

#[derive(Debug)]
enum Role {
    /// What belongs to no method that exists.
    Uncounted,
    Request(Slot),
    /// The end of the response is the end of the call.
    Response(Open),
}

/// Where in the stream of messages a body is.
#[derive(Debug, Default, Clone, Copy)]
struct Framing {
    /// Bytes of the prefix that have passed.
    prefix: u32,
    length: u32,
    /// Bytes of the message that have not.
    left: usize,
}

/// What passed in one frame.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Passed {
    messages: u64,
    bytes: u64,
}

impl<B> CountedBody<B> {
    pub(super) fn request(body: B, slot: Option<Slot>) -> Self {
        let role = slot.map_or(Role::Uncounted, Role::Request);
        Self { body, role, framing: Framing::default() }
    }

    pub(super) fn response(body: B, call: Option<Open>) -> Self {
        let role = call.map_or(Role::Uncounted, Role::Response);
        Self { body, role, framing: Framing::default() }
    }
}

impl Role {
    fn count(&self, passed: Passed) {
        let traffic = match self {
            Self::Uncounted => return,
            Self::Request(slot) => &slot.tally().received,
            Self::Response(call) => &call.slot.tally().sent,
        };
        traffic.messages.fetch_add(passed.messages, Ordering::Relaxed);
        traffic.bytes.fetch_add(passed.bytes, Ordering::Relaxed);
    }
}

impl Framing {
    /// Follows `data`. A message counts when its prefix is complete.
    fn follow(&mut self, mut data: &[u8]) -> Passed {
        let mut passed = Passed::default();
        while let Some((&byte, rest)) = data.split_first() {
            if self.left > 0 {
                let part = self.left.min(data.len());
                self.left -= part;
                passed.bytes += part as u64;
                data.advance(part);
                continue;
            }
            // The flag is shifted out again by the four bytes of the length.
            self.length = self.length << 8 | u32::from(byte);
            self.prefix += 1;
            data = rest;
            if self.prefix == PREFIX_BYTES {
                *self = Self { prefix: 0, length: 0, left: self.length as usize };
                passed.messages += 1;
            }
        }
        passed
    }
}

impl<B: Body<Data = Bytes>> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(context));
        match (&frame, this.role) {
            (_, Role::Uncounted) => {}
            (Some(Ok(frame)), role) => match (frame.data_ref(), frame.trailers_ref(), role) {
                (Some(data), _, role) => role.count(this.framing.follow(data)),
                (_, Some(trailers), Role::Response(call)) => call.close_by(trailers),
                _ => {}
            },
            (Some(Err(_)), Role::Response(call)) => call.close(super::UNKNOWN),
            _ => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three messages of 3, 0 and 300 bytes.
    fn stream() -> Vec<u8> {
        let mut stream = vec![0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 1, 0, 0, 1, 44];
        stream.extend([7; 300]);
        stream
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        for cut in 1..stream().len() {
            let mut framing = Framing::default();
            let mut sum = Passed::default();
            for piece in stream().chunks(cut) {
                let passed = framing.follow(piece);
                sum.messages += passed.messages;
                sum.bytes += passed.bytes;
            }
            assert_eq!(sum, Passed { messages: 3, bytes: 303 }, "in pieces of {cut}");
        }
    }
}
