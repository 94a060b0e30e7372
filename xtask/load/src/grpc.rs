//! The client's end of one HTTP/2 connection that carries gRPC: bytes in, events out. No socket, no clock.
//!
//! It exists because a bench's client runs on the cores that the server is measured on: every microsecond it saves
//! shows the server's rate instead of its own. So it knows only what a gRPC client needs, copies a message once,
//! and batches: what many calls write goes to the socket in one piece. It refuses compression, server push and
//! further calls after GOAWAY.
//!
//! Laws: G1 DATA never exceeds the peer's windows, of the stream and of the connection. G2 every PING and every
//! SETTINGS is acknowledged. G3 events of one stream come in its order. G4 every header
//! block passes through the HPACK table, wanted or not.

mod call;
pub(crate) mod frame;
pub(crate) mod hpack;
mod huffman;
mod stream;

use std::collections::VecDeque;

use anyhow::{bail, ensure};

pub(crate) use call::{Event, Message, Method, Refused, What};

use frame::{HEAD_BYTES, Head, PAYLOAD_BYTES_MAX};
use hpack::{Decoder, Encoder, Headers};
use stream::{Lifetime, Stream};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Windows of a peer that has announced nothing (RFC 9113, 6.9.2).
const WINDOW_BYTES: u32 = 65_535;
/// Ours: one stream may have a range of 10,000 keys under way; the connection never waits for us.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 30;
/// What a socket is read into at once; a whole frame always fits.
const INPUT_BYTES: usize = 128 << 10;
const _: () = assert!(INPUT_BYTES > HEAD_BYTES + PAYLOAD_BYTES_MAX);

#[derive(Debug)]
pub(crate) struct Connection {
    input: Vec<u8>,
    /// `input[taken..filled]` came and is not yet understood.
    taken: usize,
    filled: usize,
    output: Vec<u8>,
    events: VecDeque<Event>,
    streams: Vec<Stream>,
    /// Calls that the peer's limit of streams keeps back.
    waiting: VecDeque<(u32, Method, Lifetime, Vec<u8>)>,
    next_stream: u32,
    encoder: Encoder,
    decoder: Decoder,
    peer: Peer,
    /// Bytes of DATA that were read and not yet given back to the peer's window of the connection.
    consumed: u32,
    /// The header block that CONTINUATION frames still add to, and its HEADERS.
    block: Option<(Head, Vec<u8>)>,
}

/// What the peer lets us do.
#[derive(Debug)]
struct Peer {
    greeted: bool,
    window: i64,
    stream_window: u32,
    streams_max: usize,
}

impl Connection {
    /// Begins with the preface, our settings and a wide window.
    pub(crate) fn new(authority: &str) -> Connection {
        let mut output = PREFACE.to_vec();
        Head { length: 12, kind: frame::SETTINGS, flags: 0, stream: 0 }.write(&mut output);
        // No push; the window of each stream.
        output.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 4]);
        output.extend_from_slice(&STREAM_WINDOW_BYTES.to_be_bytes());
        frame::write_number(&mut output, frame::WINDOW_UPDATE, 0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES);
        Connection {
            input: vec![0; INPUT_BYTES],
            taken: 0,
            filled: 0,
            output,
            events: VecDeque::new(),
            streams: Vec::new(),
            waiting: VecDeque::new(),
            next_stream: 1,
            encoder: Encoder::new(authority),
            decoder: Decoder::default(),
            peer: Peer {
                greeted: false,
                window: i64::from(WINDOW_BYTES),
                stream_window: WINDOW_BYTES,
                streams_max: usize::MAX,
            },
            consumed: 0,
            block: None,
        }
    }

    /// Whether the peer's settings came: calls before them would not know its limits.
    pub(crate) fn is_greeted(&self) -> bool {
        self.peer.greeted
    }

    /// A call with one request and one reply.
    pub(crate) fn call(&mut self, tag: u32, method: Method, message: &[u8]) {
        self.start(tag, method, Lifetime::Unary, message);
    }

    /// A call with one request and a reply in pieces, which come as one.
    pub(crate) fn call_in_pieces(&mut self, tag: u32, method: Method, message: &[u8]) {
        self.start(tag, method, Lifetime::Pieces, message);
    }

    /// A call that stays open; `send` sends more on it.
    pub(crate) fn open(&mut self, tag: u32, method: Method, message: &[u8]) {
        self.start(tag, method, Lifetime::Stream, message);
    }

    /// One more message on the open call of this tag.
    pub(crate) fn send(&mut self, tag: u32, message: &[u8]) -> anyhow::Result<()> {
        let found = self.streams.iter_mut().find(|stream| stream.tag == tag);
        let Some(stream) = found else { bail!("the call {tag} is not open") };
        stream.push(message);
        stream.write(&mut self.peer.window, &mut self.output);
        Ok(())
    }

    fn start(&mut self, tag: u32, method: Method, lifetime: Lifetime, message: &[u8]) {
        if self.streams.len() >= self.peer.streams_max {
            return self.waiting.push_back((tag, method, lifetime, message.to_vec()));
        }
        let id = self.next_stream;
        self.next_stream += 2;
        let head_at = self.output.len();
        self.output.extend_from_slice(&[0; HEAD_BYTES]);
        self.encoder.write(method, &mut self.output);
        let length = self.output.len() - head_at - HEAD_BYTES;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        Head { length, kind: frame::HEADERS, flags: frame::END_HEADERS, stream: id }.write(&mut head);
        self.output[head_at..head_at + HEAD_BYTES].copy_from_slice(&head);
        let mut stream = Stream::new((id, tag), lifetime, self.peer.stream_window);
        stream.push(message);
        stream.write(&mut self.peer.window, &mut self.output);
        self.streams.push(stream);
    }

    /// What must go to the socket; `sent` takes what went.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        if bytes == self.output.len() {
            self.output.clear();
        } else {
            self.output.drain(..bytes);
        }
    }

    /// Where to read from the socket; `received` says how much came.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.input.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        &mut self.input[self.filled..]
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.filled += bytes;
        assert!(self.filled <= self.input.len(), "nobody receives more than there was room for");
    }

    /// The next event of what was received; nothing if more must come first.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let unread = &self.input[self.taken..self.filled];
            let Some(head) = Head::parse(unread) else { return Ok(None) };
            ensure!(head.length <= PAYLOAD_BYTES_MAX, "a frame of {} bytes", head.length);
            if unread.len() < HEAD_BYTES + head.length {
                return Ok(None);
            }
            let from = self.taken + HEAD_BYTES;
            self.taken = from + head.length;
            let input = std::mem::take(&mut self.input);
            let outcome = self.frame(head, &input[from..from + head.length]);
            self.input = input;
            outcome?;
        }
    }

    fn frame(&mut self, head: Head, payload: &[u8]) -> anyhow::Result<()> {
        ensure!(
            self.block.is_none() || head.kind == frame::CONTINUATION,
            "a frame of kind {} inside a header block",
            head.kind
        );
        match head.kind {
            frame::DATA => self.data(head, payload),
            frame::HEADERS => {
                let fragment = head.content(payload)?;
                if head.has(frame::END_HEADERS) {
                    return self.headers(head, fragment);
                }
                self.block = Some((head, fragment.to_vec()));
                Ok(())
            }
            frame::CONTINUATION => self.continuation(head, payload),
            frame::RST_STREAM => self.reset(head.stream, payload),
            frame::SETTINGS => self.settings(head, payload),
            frame::PING => self.ping(head, payload),
            frame::WINDOW_UPDATE => self.window_update(head.stream, frame::number(payload)?),
            frame::GOAWAY => bail!("the server goes away: {:?}", payload.escape_ascii().to_string()),
            frame::PUSH_PROMISE => bail!("a pushed stream, which we had switched off"),
            _ => Ok(()),
        }
    }

    fn data(&mut self, head: Head, payload: &[u8]) -> anyhow::Result<()> {
        let length = u32::try_from(payload.len())?;
        self.consumed += length;
        if self.consumed > CONNECTION_WINDOW_BYTES / 2 {
            frame::write_number(&mut self.output, frame::WINDOW_UPDATE, 0, self.consumed);
            self.consumed = 0;
        }
        let content = head.content(payload)?;
        let Some(at) = self.position(head.stream) else { return Ok(()) };
        let stream = &mut self.streams[at];
        stream.receive(content, &mut self.events)?;
        if head.has(frame::END_STREAM) {
            return self.end(at, &Headers::default());
        }
        if let Some(consumed) = stream.give_back(length, STREAM_WINDOW_BYTES) {
            frame::write_number(&mut self.output, frame::WINDOW_UPDATE, head.stream, consumed);
        }
        Ok(())
    }

    fn continuation(&mut self, head: Head, payload: &[u8]) -> anyhow::Result<()> {
        let Some((first, mut block)) = self.block.take() else { bail!("CONTINUATION of nothing") };
        ensure!(first.stream == head.stream, "CONTINUATION of another stream");
        block.extend_from_slice(payload);
        if head.has(frame::END_HEADERS) {
            return self.headers(first, &block);
        }
        self.block = Some((first, block));
        Ok(())
    }

    /// G4: the block is read whether or not somebody still waits for it.
    fn headers(&mut self, head: Head, block: &[u8]) -> anyhow::Result<()> {
        let headers = self.decoder.read(block)?;
        let Some(at) = self.position(head.stream) else { return Ok(()) };
        if head.has(frame::END_STREAM) {
            return self.end(at, &headers);
        }
        self.streams[at].http_status = headers.http_status.or(self.streams[at].http_status);
        Ok(())
    }

    /// Streams mostly end in the order they began, so the search is short.
    fn position(&self, id: u32) -> Option<usize> {
        self.streams.iter().position(|stream| stream.id == id)
    }

    fn end(&mut self, at: usize, headers: &Headers) -> anyhow::Result<()> {
        let event = self.streams.remove(at).end(headers);
        self.events.push_back(event);
        self.start_waiting();
        Ok(())
    }

    fn start_waiting(&mut self) {
        while self.streams.len() < self.peer.streams_max
            && let Some((tag, method, lifetime, message)) = self.waiting.pop_front()
        {
            self.start(tag, method, lifetime, &message);
        }
    }

    fn reset(&mut self, id: u32, payload: &[u8]) -> anyhow::Result<()> {
        let reason = frame::number(payload)?;
        let Some(at) = self.position(id) else { return Ok(()) };
        let tag = self.streams.remove(at).tag;
        let text = format!("the server reset the stream, HTTP/2 error {reason}");
        self.events.push_back(Event { tag, what: What::End(Refused { code: 2, text }) });
        self.start_waiting();
        Ok(())
    }

    fn settings(&mut self, head: Head, payload: &[u8]) -> anyhow::Result<()> {
        if head.has(frame::ACK) {
            return Ok(());
        }
        for (name, value) in frame::settings(payload)? {
            match name {
                1 => self.encoder.limit(value),
                3 => self.peer.streams_max = usize::try_from(value)?,
                4 => self.widen(value)?,
                _ => (),
            }
        }
        self.peer.greeted = true;
        Head { length: 0, kind: frame::SETTINGS, flags: frame::ACK, stream: 0 }.write(&mut self.output);
        self.write_blocked();
        self.start_waiting();
        Ok(())
    }

    /// A new initial window also holds for the streams that are open; theirs may fall below zero.
    fn widen(&mut self, window: u32) -> anyhow::Result<()> {
        ensure!(window <= i32::MAX.unsigned_abs(), "a window of {window} bytes");
        let change = i64::from(window) - i64::from(self.peer.stream_window);
        self.peer.stream_window = window;
        self.streams.iter_mut().for_each(|stream| stream.window += change);
        Ok(())
    }

    fn ping(&mut self, head: Head, payload: &[u8]) -> anyhow::Result<()> {
        ensure!(payload.len() == 8, "PING of {} bytes", payload.len());
        if !head.has(frame::ACK) {
            Head { length: 8, kind: frame::PING, flags: frame::ACK, stream: 0 }.write(&mut self.output);
            self.output.extend_from_slice(payload);
        }
        Ok(())
    }

    fn window_update(&mut self, id: u32, bytes: u32) -> anyhow::Result<()> {
        if id == 0 {
            self.peer.window += i64::from(bytes);
        } else if let Some(at) = self.position(id) {
            self.streams[at].window += i64::from(bytes);
        }
        self.write_blocked();
        Ok(())
    }

    fn write_blocked(&mut self) {
        for stream in self.streams.iter_mut().filter(|stream| stream.is_blocked()) {
            stream.write(&mut self.peer.window, &mut self.output);
        }
    }
}

#[cfg(test)]
mod tests;
