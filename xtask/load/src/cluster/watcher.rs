//! One watcher: a watch after the other, each of which goes on through another endpoint when its connection breaks.

use std::rc::Rc;
use std::time::{Duration, Instant};

use quorate_proto::etcdserverpb::watch_client::WatchClient;
use quorate_proto::etcdserverpb::watch_request::RequestUnion;
use quorate_proto::etcdserverpb::{WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse};
use quorate_proto::mvccpb;
use quorate_proto::mvccpb::event::EventType;
use quorate_testkit::{Event, Id, Range, Revision, Told};
use tokio::sync::mpsc;
use tonic::Streaming;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use super::{Links, Shared, wire};
use crate::random::Random;

/// The life of one watch.
const LIFE_MS: std::ops::Range<u64> = 4_000..25_000;
/// How long a stream may say nothing before its progress is asked for, and before it is given up.
const QUIET: Duration = Duration::from_millis(500);
const SILENT: Duration = Duration::from_secs(4);
const RETRY: Duration = Duration::from_millis(20);
/// How far in the past some watches start.
const PAST: u64 = 300;
const RANGES: [(&str, &str); 6] =
    [("a", "z"), ("even/", "even0"), ("odd/", "odd0"), ("lease/", "lease0"), ("even/0", ""), ("odd", "\0")];

#[derive(Debug)]
pub(super) struct Watcher {
    number: u32,
    shared: Rc<Shared>,
    links: Links,
    random: Random,
    /// The newest revision that this watcher was told of.
    newest: Revision,
}

/// A watch as it is now.
#[derive(Debug)]
struct Watch {
    id: Id,
    range: Range,
    prev_kv: bool,
    /// The first revision that it has not been told of; nothing before the first `Created` of one that starts now.
    next: Option<Revision>,
    ends: Instant,
}

impl Watcher {
    pub(super) fn new(number: u32, seed: u64, shared: Rc<Shared>) -> Watcher {
        Watcher {
            number,
            links: Links::new(&shared.endpoints),
            shared,
            random: Random::new(seed ^ (u64::from(number) + 1) << 52),
            newest: Revision(1),
        }
    }

    /// Until all watches are told to end; the last one ends with everything told.
    pub(super) async fn run(mut self) {
        loop {
            let mut watch = self.begin();
            while !self.is_over(&watch) {
                let Some((at, channel)) = self.links.any(&mut self.random).await else {
                    tokio::time::sleep(RETRY).await;
                    continue;
                };
                if !self.follow(&mut watch, channel).await {
                    self.links.forget(at);
                }
            }
            if self.shared.until.get().is_some() {
                return;
            }
        }
    }

    /// The first watcher sees everything from the beginning: each of its watches goes on where the last one ended.
    fn begin(&mut self) -> Watch {
        let chosen = if self.number == 0 { 0 } else { self.random.below(RANGES.len() as u64) };
        let (key, range_end) = RANGES[usize::try_from(chosen).expect("there are few")];
        let range = Range { key: key.to_owned(), range_end: range_end.to_owned() };
        let start = match (self.number, self.random.below(2)) {
            (0, _) => Some(Revision(self.newest.0 + 1)),
            (_, 0) => None,
            _ => Some(Revision((self.newest.0 - self.random.below(PAST).cast_signed()).max(1))),
        };
        let life = Duration::from_millis(LIFE_MS.start + self.random.below(LIFE_MS.end - LIFE_MS.start));
        Watch {
            id: self.shared.recorder.borrow_mut().watch(range.clone(), start),
            range,
            prev_kv: self.random.below(2) == 0,
            next: start,
            ends: Instant::now() + life,
        }
    }

    /// It has lived long enough, or has been told all that it must be told in the end.
    fn is_over(&self, watch: &Watch) -> bool {
        match self.shared.until.get() {
            Some(until) => watch.next.is_some_and(|next| next > until),
            None => Instant::now() > watch.ends,
        }
    }

    /// Follows one stream; whether the connection is still good.
    async fn follow(&mut self, watch: &mut Watch, channel: Channel) -> bool {
        let Some((requests, mut answers)) = open(watch, channel).await else { return false };
        let mut heard = Instant::now();
        while !self.is_over(watch) {
            match tokio::time::timeout(QUIET, answers.message()).await {
                Ok(Ok(Some(answer))) => {
                    heard = Instant::now();
                    if answer.canceled {
                        return false;
                    }
                    self.told(watch, &answer);
                }
                Ok(Ok(None) | Err(_)) => return false,
                Err(_) if heard.elapsed() > SILENT => return false,
                Err(_) => {
                    let ask = WatchRequest {
                        request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})),
                    };
                    // Full: it has been asked already.
                    let _ = requests.try_send(ask);
                }
            }
        }
        true
    }

    fn told(&mut self, watch: &mut Watch, answer: &WatchResponse) {
        let header = Revision(answer.header.as_ref().map_or(0, |header| header.revision));
        let mut recorder = self.shared.recorder.borrow_mut();
        if answer.created {
            recorder.tell(watch.id, header, Told::Created);
            watch.next = watch.next.or(Some(Revision(header.0 + 1)));
            return;
        }
        if answer.events.is_empty() {
            recorder.tell(watch.id, header, Told::Progress);
            watch.next = watch.next.max(Some(Revision(header.0 + 1)));
            self.newest = self.newest.max(header);
            return;
        }
        let events: Option<Vec<Event>> = answer.events.iter().map(event).collect();
        let Some(events) = events else {
            recorder.wrong(format!("an event without a key: {answer:?}"));
            return;
        };
        let last = events.last().map(|event| event.revision);
        self.newest = self.newest.max(last.unwrap_or_default());
        watch.next = watch.next.max(last.map(|last| Revision(last.0 + 1)));
        recorder.tell(watch.id, header, Told::Events(events));
    }
}

/// Begins the watch where it is now.
async fn open(
    watch: &Watch,
    channel: Channel,
) -> Option<(mpsc::Sender<WatchRequest>, Streaming<WatchResponse>)> {
    let (requests, stream) = mpsc::channel(2);
    let create = WatchCreateRequest {
        key: watch.range.key.clone().into(),
        range_end: watch.range.range_end.clone().into(),
        start_revision: watch.next.map_or(0, |next| next.0),
        prev_kv: watch.prev_kv,
        ..WatchCreateRequest::default()
    };
    requests.send(WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }).await.ok()?;
    let mut client = WatchClient::new(channel);
    let answers = client.watch(ReceiverStream::new(stream));
    let answers = tokio::time::timeout(SILENT, answers).await.ok()?.ok()?;
    Some((requests, answers.into_inner()))
}

fn event(event: &mvccpb::Event) -> Option<Event> {
    let pair = event.kv.as_ref()?;
    Some(Event {
        key: wire::text(&pair.key),
        revision: Revision(pair.mod_revision),
        record: (event.r#type() == EventType::Put).then(|| wire::record(pair)),
        prev_kv: event.prev_kv.as_ref().map(wire::record),
    })
}
