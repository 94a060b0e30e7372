//! One call on a connection: what is still to be sent, what came so far.

use std::collections::VecDeque;

use anyhow::ensure;

use super::frame::{self, Head, PAYLOAD_BYTES_MAX};
use super::hpack::Headers;
use super::{Event, Message, Refused, What};

/// Compressed or not, and the length.
pub(crate) const PREFIX_BYTES: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    Unary,
    /// One request, and a reply in pieces. They are one reply when all have come: put together, messages of one kind are
    /// such a message, and a field that several of them have is there several times.
    Pieces,
    Stream,
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    pub(crate) tag: u32,
    lifetime: Lifetime,
    /// How much the peer lets us send.
    pub(crate) window: i64,
    pub(crate) http_status: Option<u32>,
    /// Framed messages that no window let through yet.
    unsent: Vec<u8>,
    unsent_from: usize,
    /// Received, from the prefix of the first message that is not whole.
    received: Vec<u8>,
    consumed: u32,
}

impl Stream {
    pub(crate) fn new((id, tag): (u32, u32), lifetime: Lifetime, window: u32) -> Stream {
        Stream {
            id,
            tag,
            lifetime,
            window: i64::from(window),
            http_status: None,
            unsent: Vec::new(),
            unsent_from: 0,
            received: Vec::new(),
            consumed: 0,
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.unsent_from < self.unsent.len()
    }

    /// Takes a message to be sent; `write` sends it.
    pub(crate) fn push(&mut self, message: &[u8]) {
        let length = u32::try_from(message.len()).expect("a request has less than 4 GiB");
        self.unsent.reserve(PREFIX_BYTES + message.len());
        self.unsent.push(0);
        self.unsent.extend_from_slice(&length.to_be_bytes());
        self.unsent.extend_from_slice(message);
    }

    /// Sends as much as the windows allow (G1); a unary request ends with its last byte.
    pub(crate) fn write(&mut self, connection_window: &mut i64, output: &mut Vec<u8>) {
        while self.is_blocked() {
            let rest = &self.unsent[self.unsent_from..];
            let allowed = usize::try_from(self.window.min(*connection_window)).unwrap_or(0);
            let length = rest.len().min(allowed).min(PAYLOAD_BYTES_MAX);
            if length == 0 {
                return;
            }
            let is_last = length == rest.len() && self.lifetime != Lifetime::Stream;
            let flags = if is_last { frame::END_STREAM } else { 0 };
            Head { length, kind: frame::DATA, flags, stream: self.id }.write(output);
            output.extend_from_slice(&rest[..length]);
            let taken = i64::try_from(length).expect("a frame is small");
            self.window -= taken;
            *connection_window -= taken;
            self.unsent_from += length;
        }
        self.unsent.clear();
        self.unsent_from = 0;
    }

    /// Takes what a DATA frame held; a stream's whole messages become events at once.
    pub(crate) fn receive(&mut self, content: &[u8], events: &mut VecDeque<Event>) -> anyhow::Result<()> {
        self.received.extend_from_slice(content);
        if self.lifetime != Lifetime::Stream {
            return Ok(());
        }
        let mut from = 0;
        while let Some(length) = whole(&self.received[from..])? {
            let framed = self.received[from..from + length].to_vec();
            events.push_back(Event { tag: self.tag, what: What::Message(Message { framed }) });
            from += length;
        }
        self.received.drain(..from);
        Ok(())
    }

    /// What the peer's window gets back once half of ours is used up.
    pub(crate) fn give_back(&mut self, length: u32, window: u32) -> Option<u32> {
        self.consumed += length;
        (self.consumed > window / 2).then(|| std::mem::take(&mut self.consumed))
    }

    /// What the end of the stream, with these trailers, means to the caller.
    pub(crate) fn end(self, headers: &Headers) -> Event {
        let what = match headers.grpc_status {
            Some(0) if self.lifetime == Lifetime::Unary => reply(self.received),
            Some(0) if self.lifetime == Lifetime::Pieces => joined(&self.received),
            Some(code) => What::End(Refused { code, text: headers.grpc_message.clone().unwrap_or_default() }),
            None => {
                let status = headers.http_status.or(self.http_status);
                What::End(Refused { code: 2, text: format!("no grpc-status, HTTP status {status:?}") })
            }
        };
        Event { tag: self.tag, what }
    }
}

fn reply(framed: Vec<u8>) -> What {
    match whole(&framed) {
        Ok(Some(length)) if length == framed.len() => What::Reply(Message { framed }),
        _ => What::End(Refused { code: 13, text: format!("{} bytes are not one message", framed.len()) }),
    }
}

fn joined(framed: &[u8]) -> What {
    let mut joined = vec![0; PREFIX_BYTES];
    let mut rest = framed;
    while let Ok(Some(length)) = whole(rest) {
        joined.extend_from_slice(&rest[PREFIX_BYTES..length]);
        rest = &rest[length..];
    }
    match rest {
        [] => What::Reply(Message { framed: joined }),
        rest => What::End(Refused { code: 13, text: format!("{} bytes are no message", rest.len()) }),
    }
}

/// The length of the first message with its prefix, if it is all there.
fn whole(framed: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(&[compressed, l0, l1, l2, l3]) = framed.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    ensure!(compressed == 0, "a compressed message, which we did not ask for");
    let length = PREFIX_BYTES + usize::try_from(u32::from_be_bytes([l0, l1, l2, l3]))?;
    Ok((framed.len() >= length).then_some(length))
}
