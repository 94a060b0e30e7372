//! `etcdserverpb.Watch`: many watches over one stream each way.
//!
//! Requests are read while replies are polled, on the one thread of the connection: a client that does not read its replies
//! is not read either. The client's half-close ends nothing; its reset ends everything, by dropping the stream. When the
//! server stops, or has long known of no leader and the client asked for one, the stream ends with a status that says so.

use crate::call::{Caller, StreamEnd, header};
use crate::limit;
use futures::Stream;
use quorate_coordinator::Coordinator;
use quorate_coordinator::watch::{Create, Message, News, WatchRefusal};
use quorate_proto::encoded::WatchReply;
use quorate_proto::etcdserverpb::watch_create_request::FilterType;
use quorate_proto::etcdserverpb::watch_request::RequestUnion;
use quorate_proto::etcdserverpb::watch_server::Watch;
use quorate_proto::etcdserverpb::{WatchCreateRequest, WatchRequest};
use quorate_types::{KeyRange, Revision};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::{Request, Response, Status, Streaming};

/// Requests read in one go; then the replies have their turn.
const REQUESTS_AT_ONCE: usize = 64;

/// The service as tonic carries it.
pub(crate) struct Service {
    door: Coordinator,
}

impl Service {
    pub(crate) fn new(door: Coordinator) -> Self {
        Self { door }
    }
}

#[tonic::async_trait]
impl Watch for Service {
    type WatchStream = Replies;

    async fn watch(&self, request: Request<Streaming<WatchRequest>>) -> Result<Response<Replies>, Status> {
        let caller = Caller::of(request.metadata(), &self.door)?;
        let watches = self.door.watch().map_err(|error| caller.status(&error))?;
        let requests = Some(request.into_inner());
        Ok(Response::new(Replies {
            end: caller.end_of_stream(&self.door),
            door: self.door.clone(),
            requests,
            watches,
            is_held_up: false,
        }))
    }
}

/// The replies of one stream. Polling it also reads the requests.
pub(crate) struct Replies {
    door: Coordinator,
    /// None once the client has said all it has to say.
    requests: Option<Streaming<WatchRequest>>,
    watches: quorate_coordinator::watch::Stream,
    /// Requests were left unread, for there is enough to do.
    is_held_up: bool,
    /// Nothing is polled any more once it has come.
    end: StreamEnd,
}

impl Stream for Replies {
    type Item = Result<WatchReply, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(status) = self.end.as_mut().poll(context) {
            return Poll::Ready(Some(Err(status)));
        }
        loop {
            if let Err(status) = self.read(context) {
                return Poll::Ready(Some(Err(status)));
            }
            if let Poll::Ready(message) = self.watches.poll_next(context) {
                return Poll::Ready(Some(Ok(reply(&self.door, message))));
            }
            // The last reply may have been what held the requests up.
            if !(self.is_held_up && self.watches.takes_requests()) {
                return Poll::Pending;
            }
        }
    }
}

impl Replies {
    /// Reads the requests that have arrived, unless there is enough to do.
    fn read(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        self.is_held_up = false;
        for _ in 0..REQUESTS_AT_ONCE {
            let Some(requests) = &mut self.requests else { return Ok(()) };
            if !self.watches.takes_requests() {
                self.is_held_up = true;
                return Ok(());
            }
            match Pin::new(requests).poll_next(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(None) => self.requests = None,
                Poll::Ready(Some(Ok(request))) => self.ask(request),
                Poll::Ready(Some(Err(status))) => {
                    self.requests = None;
                    return Err(limit::reworded(&status).unwrap_or(status));
                }
            }
        }
        context.waker().wake_by_ref();
        Ok(())
    }

    /// A request of a kind that is not known is passed over, as in etcd.
    fn ask(&self, request: WatchRequest) {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => self.watches.create(create(&request)),
            Some(RequestUnion::CancelRequest(request)) => self.watches.cancel(request.watch_id),
            Some(RequestUnion::ProgressRequest(_)) => self.watches.ask_progress(),
            None => {}
        }
    }
}

/// What a create request asks for. An empty key is the least there is. The bytes are copied: as slices of the request they
/// would keep all of it in memory for as long as the watch lives.
fn create(request: &WatchCreateRequest) -> Create {
    let key = if request.key.is_empty() { &b"\0"[..] } else { &request.key };
    let copied = |bytes: &[u8]| bytes::Bytes::copy_from_slice(bytes);
    let leaves_out = |kind: FilterType| request.filters.contains(&kind.into());
    Create {
        watch_id: Some(request.watch_id),
        range: KeyRange::from_wire(copied(key), copied(&request.range_end)),
        start: Revision(request.start_revision),
        with_previous: request.prev_kv,
        without_puts: leaves_out(FilterType::Noput),
        without_deletes: leaves_out(FilterType::Nodelete),
        in_fragments: request.fragment,
        with_progress: request.progress_notify,
    }
}

fn reply(door: &Coordinator, message: Message) -> WatchReply {
    let Message { watch_id, revision, news } = message;
    let reply = WatchReply { header: Some(header(door, Some(revision))), watch_id, ..WatchReply::default() };
    match news {
        News::Created => WatchReply { created: true, ..reply },
        News::Refused(refusal) => {
            let cancel_reason = reason(refusal).to_owned();
            WatchReply { created: true, canceled: true, cancel_reason, ..reply }
        }
        News::Cancelled => WatchReply { canceled: true, ..reply },
        News::Compacted(compacted) => WatchReply { canceled: true, compact_revision: compacted.0, ..reply },
        News::Progress => reply,
        News::Events { events, more_follows } => WatchReply { events, fragment: more_follows, ..reply },
    }
}

/// etcd's words; clients compare them.
fn reason(refusal: WatchRefusal) -> &'static str {
    match refusal {
        WatchRefusal::DuplicateId => "mvcc: duplicate watch ID provided on the WatchStream",
        WatchRefusal::EmptyRange => "mvcc: watcher range is empty",
        WatchRefusal::NegativeStart => "etcdserver: mvcc: required revision has been compacted",
    }
}

#[cfg(test)]
mod tests;
