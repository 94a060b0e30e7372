//! A hub under a seed, its history, and streams that a test reads.

use crate::testing::MemoryHistory;
use crate::{Feed, Handle, Mailbox, Message, Settings, Stream, start};
use futures::FutureExt;
use quorate_tasks::testing::{ManualClock, Scheduler};
use quorate_tasks::{Clock, Group, SystemClock};
use quorate_types::{Change, Changes, Revision};
use std::sync::Arc;
use std::time::Duration;

pub(super) struct World {
    pub(super) scheduler: Scheduler,
    pub(super) group: Group,
    pub(super) history: MemoryHistory,
    pub(super) clock: ManualClock,
    pub(super) handle: Handle,
    pub(super) feed: Feed,
    pub(super) mailbox: Mailbox,
}

impl World {
    pub(super) fn new(seed: u64, settings: Settings) -> Self {
        let (scheduler, group) = Scheduler::new(seed);
        let (history, clock) = (MemoryHistory::default(), ManualClock::default());
        let shared: Arc<ManualClock> = Arc::new(clock.clone());
        let (handle, feed) = start(&group, Arc::new(history.clone()), shared, settings);
        let mailbox = handle.mailbox();
        let attended = mailbox.clone();
        group.task("mailbox", async move {
            attended.attend().await;
            Ok(())
        });
        Self { scheduler, group, history, clock, handle, feed, mailbox }
    }

    pub(super) fn open(&self) -> Stream {
        self.handle.open(&self.mailbox)
    }

    /// Publishes a batch of revisions and feeds it.
    pub(super) fn write(&self, revisions: Vec<Vec<Change>>) {
        let batch = self.publish(revisions);
        self.feed.push(batch);
    }

    /// Publishes a state in which these revisions have happened too, and what is below `compacted` is gone.
    pub(super) fn replace(&self, revisions: Vec<Vec<Change>>, compacted: Option<Revision>) {
        use crate::History;
        self.publish(revisions);
        compacted.into_iter().for_each(|revision| self.history.compact(revision));
        self.feed.jump(self.history.newest());
    }

    fn publish(&self, revisions: Vec<Vec<Change>>) -> Vec<Changes> {
        use crate::History;
        let mut revision = self.history.newest();
        let next = |changes| {
            revision = revision.next();
            Changes { revision, changes }
        };
        let batch: Vec<Changes> = revisions.into_iter().map(next).collect();
        self.history.publish(&batch);
        batch
    }

    /// Gives everybody so many turns.
    pub(super) async fn turns(&mut self, turns: usize) {
        let mut left = turns;
        self.scheduler
            .drive(std::future::poll_fn(|context| {
                if left == 0 {
                    return std::task::Poll::Ready(());
                }
                left -= 1;
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            }))
            .await;
        assert!(self.group.failure().is_none(), "{:?}", self.group.failure());
    }

    /// Turns until nothing has anything left to do: only then does tokio's paused time move on.
    pub(super) async fn settle(&mut self) {
        let clock = SystemClock::new();
        self.scheduler.drive(clock.sleep_until(clock.now() + Duration::from_millis(1))).await;
        assert!(self.group.failure().is_none(), "{:?}", self.group.failure());
    }

    /// All that `stream` is told until nothing more comes.
    pub(super) async fn told(&mut self, stream: &mut Stream) -> Vec<Message> {
        let (mut told, mut quiet) = (Vec::new(), 0);
        // Twice nothing: the first look may be what tells the hub that there is room.
        while quiet < 2 {
            self.settle().await;
            quiet += 1;
            while let Some(message) = stream.next().now_or_never() {
                told.push(message);
                quiet = 0;
            }
        }
        told
    }
}

/// An event as a test reads it: `put a=1`, `del a`, with ` was …` for what was there before.
pub(super) fn read(event: &bytes::Bytes) -> (i64, String) {
    use prost::encoding::{WireType, decode_key, decode_varint};
    let mut rest = &event[..];
    let (mut kind, mut record, mut previous) = (0, String::new(), String::new());
    while !rest.is_empty() {
        let (tag, wire) = decode_key(&mut rest).unwrap();
        let number = decode_varint(&mut rest).unwrap();
        if wire == WireType::Varint {
            kind = number;
            continue;
        }
        let (content, tail) = rest.split_at(usize::try_from(number).unwrap());
        rest = tail;
        let content = String::from_utf8(content.to_vec()).unwrap();
        match tag {
            2 => record = content,
            3 => previous = format!(" was {content}"),
            other => panic!("field {other} in an event"),
        }
    }
    let verb = if kind == 0 { "put" } else { "del" };
    // Test values begin with their revision: `key=revision.sub`; a delete's record is `key@revision.sub`.
    let place = record.split(['=', '@']).nth(1).and_then(|place| place.split('.').next());
    (place.and_then(|place| place.parse().ok()).unwrap_or(0), format!("{verb} {record}{previous}"))
}

/// `revision`, for tests.
pub(super) fn at(revision: i64) -> Revision {
    Revision(revision)
}
