//! A connection's socket, which ends polls that become too long, and has replies gathered before they are written.
//!
//! hyper reads and writes for as long as the socket lets it: a client that sends thousands of requests at once, or takes
//! megabytes at once, would have the thread for all of it. Once the poll is overdue this socket says "not now" and asks
//! to be polled again, after whoever else waits.
//!
//! What was read is worked on before anybody looks at the time again: h2 takes apart all that it has, and hyper begins
//! every call in it. A read of 16 KiB may hold hundreds of calls. So the socket follows the frames of HTTP/2, gives what
//! is not the rest of a frame in small parts, and ends a poll that has begun enough calls.
//!
//! It also says that it cannot write from several places at once. It could, but then h2 flushes after every frame of 256
//! bytes or more; so it copies frames of up to a kilobyte into one buffer, and many replies leave in one write.

mod frames;

use frames::Frames;
use quorate_tasks::poll::{is_overdue, running};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// So much is read at a time beyond the end of a frame: some fifty of the shortest calls.
const PART_BYTES: usize = 2048;
/// A poll that has read the beginnings of so many calls reads no more; a call takes it about 5 us.
const CALLS_A_POLL: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    frames: Frames,
    /// The poll in which it was last read, and how many calls were begun in what that poll has read.
    poll: Option<u64>,
    calls: usize,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, frames: Frames::default(), poll: None, calls: 0 }
    }

    /// Whether this poll has read enough; one that nobody measures never has.
    fn has_enough(&mut self) -> bool {
        let poll = running();
        if self.poll != poll || poll.is_none() {
            (self.poll, self.calls) = (poll, 0);
        }
        self.calls >= CALLS_A_POLL
    }
}

/// Whether the rest has to wait for the next poll; if so, there will be one.
fn is_over(context: &Context<'_>) -> bool {
    let is_over = is_overdue();
    if is_over {
        context.waker().wake_by_ref();
    }
    is_over
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_enough() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if is_over(context) {
            return Poll::Pending;
        }
        let part = self.frames.left().saturating_add(PART_BYTES).min(buffer.remaining());
        let mut read = ReadBuf::new(buffer.initialize_unfilled_to(part));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        self.calls += self.frames.follow(read.filled());
        let bytes = read.filled().len();
        buffer.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if is_over(context) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        false
    }
}
