//! Sockets of many connections on one thread, and what comes from any of them, one event after the other.
//!
//! A caller pulls: `next` gives the events of what was read, then sends what the caller wrote meanwhile, and only
//! then waits. So the calls that answer one read leave in one write, and nothing waits for a timer.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};

use crate::grpc::{Connection, Event, Method};

/// A crash closes the connection at once; whoever answers later than this hangs.
const REPLY_WITHIN: Duration = Duration::from_secs(60);
const READY_MAX: usize = 256;

pub(crate) struct Lines {
    lines: Vec<Line>,
    poll: OwnedFd,
    polled: Vec<epoll::Event>,
    /// Which lines have something to read.
    ready: Vec<usize>,
    /// The line whose events are being handed out.
    current: Option<usize>,
    /// Lines that wrote something, in no order.
    unsent: Vec<usize>,
}

#[derive(Debug)]
struct Line {
    socket: TcpStream,
    connection: Connection,
    is_unsent: bool,
    /// The socket is full: we are told when it is not.
    is_full: bool,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Lines {
    /// Connects so many times and waits for each greeting.
    pub(crate) fn open(endpoint: &str, count: u32) -> anyhow::Result<Lines> {
        Lines::open_each((0..count).map(|_| endpoint))
    }

    /// Connects to each of them, once, in their order.
    pub(crate) fn open_each<'a>(endpoints: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Lines> {
        let mut lines = Lines {
            lines: Vec::new(),
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            polled: Vec::with_capacity(READY_MAX),
            ready: Vec::new(),
            current: None,
            unsent: Vec::new(),
        };
        for (at, endpoint) in endpoints.into_iter().enumerate() {
            let authority = endpoint.trim_start_matches("http://");
            let socket = TcpStream::connect(authority).with_context(|| format!("connect to {endpoint}"))?;
            socket.set_nodelay(true)?;
            let mut line =
                Line { socket, connection: Connection::new(authority), is_unsent: false, is_full: false };
            line.greet().with_context(|| format!("greet {endpoint}"))?;
            line.socket.set_nonblocking(true)?;
            epoll::add(&lines.poll, &line.socket, EventData::new_u64(u64::try_from(at)?), EventFlags::IN)?;
            lines.lines.push(line);
        }
        Ok(lines)
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A unary call on the line; its reply comes from `next`.
    pub(crate) fn call(&mut self, line: usize, tag: u32, method: Method, message: &[u8]) {
        self.lines[line].connection.call(tag, method, message);
        self.note_unsent(line);
    }

    /// A call whose reply comes in pieces; `next` gives them as one.
    pub(crate) fn call_in_pieces(&mut self, line: usize, tag: u32, method: Method, message: &[u8]) {
        self.lines[line].connection.call_in_pieces(tag, method, message);
        self.note_unsent(line);
    }

    /// A call that stays open.
    pub(crate) fn start(&mut self, line: usize, tag: u32, method: Method, message: &[u8]) {
        self.lines[line].connection.open(tag, method, message);
        self.note_unsent(line);
    }

    /// One more message on it.
    pub(crate) fn send(&mut self, line: usize, tag: u32, message: &[u8]) -> anyhow::Result<()> {
        self.lines[line].connection.send(tag, message)?;
        self.note_unsent(line);
        Ok(())
    }

    fn note_unsent(&mut self, line: usize) {
        if !std::mem::replace(&mut self.lines[line].is_unsent, true) {
            self.unsent.push(line);
        }
    }

    /// The next event of any line, and the line it came from.
    pub(crate) fn next(&mut self) -> anyhow::Result<(usize, Event)> {
        let next = self.next_within(REPLY_WITHIN)?;
        next.with_context(|| format!("no reply within {REPLY_WITHIN:?}"))
    }

    /// The same; nothing if for so long nothing comes on any line.
    pub(crate) fn next_within(&mut self, silence: Duration) -> anyhow::Result<Option<(usize, Event)>> {
        loop {
            if let Some(at) = self.current.take() {
                if let Some(event) = self.lines[at].connection.next()? {
                    self.current = Some(at);
                    return Ok(Some((at, event)));
                }
                // An acknowledgement of its own may wait here without any call of the caller's.
                self.flush(at)?;
            } else if let Some(at) = self.ready.pop() {
                if self.lines[at].read()? {
                    self.current = Some(at);
                }
            } else {
                while let Some(at) = self.unsent.pop() {
                    self.flush(at)?;
                }
                if !self.wait(silence)? {
                    return Ok(None);
                }
            }
        }
    }

    fn flush(&mut self, at: usize) -> anyhow::Result<()> {
        let line = &mut self.lines[at];
        line.is_unsent = false;
        let is_full = line.write()?;
        if is_full != line.is_full {
            line.is_full = is_full;
            let flags = if is_full { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.poll, &line.socket, EventData::new_u64(u64::try_from(at)?), flags)?;
        }
        Ok(())
    }

    /// Whether anything came, or might have, before the time was over.
    fn wait(&mut self, silence: Duration) -> anyhow::Result<bool> {
        let timeout = Timespec::try_from(silence)?;
        self.polled.clear();
        let outcome = epoll::wait(&self.poll, spare_capacity(&mut self.polled), Some(&timeout));
        match outcome {
            Ok(0) => return Ok(false),
            Err(rustix::io::Errno::INTR) => return Ok(true),
            outcome => outcome?,
        };
        for &epoll::Event { flags, data, .. } in &self.polled {
            let at = usize::try_from(data.u64())?;
            if flags.contains(EventFlags::OUT) {
                self.unsent.push(at);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.ready.push(at);
            }
        }
        Ok(true)
    }
}

impl Line {
    fn greet(&mut self) -> anyhow::Result<()> {
        self.socket.set_read_timeout(Some(REPLY_WITHIN))?;
        while !self.connection.is_greeted() {
            self.write()?;
            self.read()?;
            if let Some(event) = self.connection.next()? {
                bail!("{event:?} before any call");
            }
        }
        Ok(())
    }

    /// Reads once; whether anything came.
    fn read(&mut self) -> anyhow::Result<bool> {
        match self.socket.read(self.connection.room()) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(bytes) => {
                self.connection.received(bytes);
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error).context("read from the server"),
        }
    }

    /// Writes what there is; whether the socket took less.
    fn write(&mut self) -> anyhow::Result<bool> {
        while !self.connection.output().is_empty() {
            match self.socket.write(self.connection.output()) {
                Ok(bytes) => self.connection.sent(bytes),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error).context("write to the server"),
            }
        }
        Ok(false)
    }
}
