//! Counts gRPC calls by method and code, their messages and bytes, in a layer around the services.
//!
//! Each front thread has a [`Calls`] of its own; a scrape adds them up. A call costs a look-up of its path in a short
//! table, a few additions to counters that no other core writes, and no allocation (law H1).
//!
//! As in etcd, a call to a method that does not exist is not counted, and one that the client gave up is `Canceled`.

mod body;
mod methods;

use http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tower::{Layer, Service};

pub use body::CountedBody;
pub(crate) use methods::{CODES, METHODS, Method};

const CANCELED: usize = 1;
const UNKNOWN: usize = 2;

/// The counters of one front thread. Clones count together.
#[derive(Debug, Clone)]
pub struct Calls {
    tallies: Arc<[Tally]>,
}

/// The counters of one method.
#[derive(Debug, Default)]
struct Tally {
    started: AtomicU64,
    handled: [AtomicU64; CODES.len()],
    /// What clients sent, and what they were sent.
    received: Traffic,
    sent: Traffic,
}

/// Messages, and their bytes without gRPC's prefixes.
#[derive(Debug, Default)]
struct Traffic {
    messages: AtomicU64,
    bytes: AtomicU64,
}

/// What was counted for one method, by all front threads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    pub(crate) started: u64,
    pub(crate) handled: [u64; CODES.len()],
    pub(crate) messages_received: u64,
    pub(crate) messages_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self { tallies: METHODS.iter().map(|_| Tally::default()).collect() }
    }
}

impl Calls {
    /// What all of `fronts` counted, in the order of [`METHODS`].
    pub(crate) fn sums<'a>(fronts: impl Iterator<Item = &'a Self>) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); METHODS.len()];
        for front in fronts {
            for (sum, tally) in sums.iter_mut().zip(front.tallies.iter()) {
                tally.add_to(sum);
            }
        }
        sums
    }
}

impl Tally {
    fn add_to(&self, sum: &mut Sum) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        sum.started += read(&self.started);
        for (sum, counter) in sum.handled.iter_mut().zip(&self.handled) {
            *sum += read(counter);
        }
        sum.messages_received += read(&self.received.messages);
        sum.messages_sent += read(&self.sent.messages);
        sum.bytes_received += read(&self.received.bytes);
        sum.bytes_sent += read(&self.sent.bytes);
    }
}

/// The services with their calls counted; see [`Calls`].
#[derive(Debug, Clone)]
pub struct Counted<S> {
    inner: S,
    calls: Calls,
}

impl<S> Layer<S> for Calls {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, calls: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Counted<S>
where
    S: Service<Request<CountedBody<B>>, Response = Response<R>>,
{
    type Response = Response<CountedBody<R>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = Open::begin(&self.calls, request.uri().path());
        let received = call.as_ref().map(Open::received);
        let request = request.map(|body| CountedBody::request(body, received));
        Answering { answer: self.inner.call(request), call }
    }
}

/// The right to count towards one method's tally.
#[derive(Debug, Clone)]
struct Slot {
    tallies: Arc<[Tally]>,
    method: usize,
}

impl Slot {
    fn tally(&self) -> &Tally {
        &self.tallies[self.method]
    }
}

/// A call that has begun: it is counted as handled once, whatever becomes of it.
#[derive(Debug)]
pub(crate) struct Open {
    slot: Slot,
    is_counted: bool,
}

impl Open {
    fn begin(calls: &Calls, path: &str) -> Option<Self> {
        let method = METHODS.iter().position(|method| method.is_at(path))?;
        calls.tallies[method].started.fetch_add(1, Ordering::Relaxed);
        let slot = Slot { tallies: calls.tallies.clone(), method };
        Some(Self { slot, is_counted: false })
    }

    fn received(&self) -> Slot {
        self.slot.clone()
    }

    /// Counts the call by the status in `headers`, if there is one.
    fn close_by(&mut self, headers: &HeaderMap) {
        let Some(status) = headers.get("grpc-status") else { return };
        let code = status.to_str().ok().and_then(|text| text.parse().ok());
        self.close(code.filter(|code| *code < CODES.len()).unwrap_or(UNKNOWN));
    }

    fn close(&mut self, code: usize) {
        if !std::mem::replace(&mut self.is_counted, true) {
            self.slot.tally().handled[code].fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close(CANCELED);
    }
}

pin_project! {
    /// An answer on its way.
    #[derive(Debug)]
    pub struct Answering<F> {
        #[pin]
        answer: F,
        call: Option<Open>,
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<CountedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        let mut call = this.call.take();
        Poll::Ready(answer.map(|response| {
            if let Some(call) = &mut call {
                call.close_by(response.headers());
            }
            response.map(|body| CountedBody::response(body, call))
        }))
    }
}

#[cfg(test)]
mod tests;
