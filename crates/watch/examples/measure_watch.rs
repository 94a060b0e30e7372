//! What a delivered event costs: one key, many watchers, each message encoded as a server would. Prints CPU of the process.
//!
//! `cargo run --release -p quorate-watch --example measure_watch`

use prost::Message as _;
use quorate_proto::encoded::WatchReply;
use quorate_proto::etcdserverpb::ResponseHeader;
use quorate_tasks::{Group, SystemClock};
use quorate_types::{Changes, KeyRange, Revision};
use quorate_watch::testing::{MemoryHistory, put};
use quorate_watch::{Create, Message, News, Settings, Stream, start};
use std::sync::Arc;

const EVENTS: i64 = 2000;

/// CPU of this process so far, in ticks of 10 ms.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn encode(message: Message, buffer: &mut Vec<u8>) {
    let header = ResponseHeader {
        cluster_id: 1 << 60,
        member_id: 1 << 61,
        revision: message.revision.0,
        raft_term: 2,
    };
    let reply = WatchReply { header: Some(header), watch_id: message.watch_id, ..WatchReply::default() };
    let reply = match message.news {
        News::Events { events, more_follows } => WatchReply { events, fragment: more_follows, ..reply },
        _ => reply,
    };
    buffer.clear();
    reply.encode(buffer).expect("a growing buffer has room");
}

async fn measure(streams: i64, watchers: i64) {
    let (group, history) = (Group::threads(), MemoryHistory::default());
    let clock = Arc::new(SystemClock::new());
    let (handle, feed) = start(&group, Arc::new(history.clone()), clock, Settings::default());
    let mailbox = handle.mailbox();
    let work = async {
        let mut all: Vec<Stream> = (0..streams).map(|_| handle.open(&mailbox)).collect();
        let mut buffer = Vec::new();
        for stream in &mut all {
            for _ in 0..watchers {
                stream.create(Create::of(KeyRange::Single("key".into())));
                stream.next().await;
            }
        }
        let before = ticks();
        for event in 0..EVENTS {
            let changes =
                Changes { revision: Revision(2 + event), changes: vec![put("key", &"v".repeat(200))] };
            history.publish(std::slice::from_ref(&changes));
            feed.push(vec![changes]);
            for stream in &mut all {
                for _ in 0..watchers {
                    encode(stream.next().await, &mut buffer);
                }
            }
        }
        let spent = (ticks() - before) as f64 * 0.01;
        let delivered = (EVENTS * streams * watchers) as f64;
        println!(
            "{streams} streams of {watchers} watchers: {:.3} us a delivered event",
            spent * 1e6 / delivered
        );
    };
    tokio::select! {
        () = work => {}
        () = mailbox.attend() => {}
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    measure(1, 1000).await;
    measure(1000, 1).await;
    measure(10, 100).await;
}
