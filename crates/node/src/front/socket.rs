//! A connection's socket, which ends polls that become too long, and has replies gathered before they are written.
//!
//! hyper reads and writes for as long as the socket lets it: a client that sends thousands of requests at once, or takes
//! megabytes at once, would have the thread for all of it. Once the poll is overdue this socket says "not now" and asks
//! to be polled again, after whoever else waits.
//!
//! It also says that it cannot write from several places at once. It could, but then h2 flushes after every frame of 256
//! bytes or more; so it copies frames of up to a kilobyte into one buffer, and many replies leave in one write.

use quorate_tasks::poll::is_overdue;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// See the module.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream }
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
        if is_over(context) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
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
