//! Counting many keys, and paging through them as Kubernetes lists: at most 500 at a pinned revision.
//!
//! A page begins at a random key and asks for the rest of the range, so that what `count` and `more` cost is met
//! at every distance from the end. The revision is the newest of the preload, or one `history` writes older.

use anyhow::ensure;
use prost::Message;
use quorate_proto::etcdserverpb::RangeRequest;
use serde_json::{Map, Value as Json};

use super::Task;
use super::closed::Source;
use super::preload::{self, ALL, key};
use crate::grpc::Method;
use crate::lines::Lines;
use crate::message::RangeReply;
use crate::random::Random;

const PAGE: u64 = 500;

#[derive(Debug)]
struct Pages {
    keys: u64,
    /// Nothing: count all. 0: pages at the newest revision.
    page_at: Option<i64>,
    random: Random,
    /// By client: the number of the key its page begins with.
    from: Vec<u64>,
}

pub(super) fn run(task: &Task, lines: &mut Lines) -> anyhow::Result<Map<String, Json>> {
    let old = preload::packed(lines, task.writes(task.keys))?;
    if task.history > 0 {
        preload::packed(lines, task.writes(task.history))?;
    }
    let page_at = match task.workload.as_str() {
        "count" => None,
        "page-old" => Some(old),
        _ => Some(0),
    };
    let from = vec![0; usize::try_from(task.clients)?];
    let mut pages = Pages { keys: task.keys, page_at, random: Random::new(1), from };
    task.measure(lines, &mut pages)
}

impl Source for Pages {
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method {
        let mut request = RangeRequest { range_end: ALL.1.into(), ..RangeRequest::default() };
        match self.page_at {
            None => {
                request.key = ALL.0.into();
                request.count_only = true;
            }
            Some(revision) => {
                self.from[client] = self.random.below(self.keys);
                request.key = key(self.from[client]).into();
                request.limit = PAGE.cast_signed();
                request.revision = revision;
            }
        }
        request.encode(message).expect("a vector grows");
        Method::Range
    }

    fn reply(&mut self, client: usize, reply: &[u8]) -> anyhow::Result<()> {
        let reply = RangeReply::read(reply)?;
        let count = self.keys - self.from[client];
        let returned = self.page_at.map_or(0, |_| count.min(PAGE));
        ensure!(
            (reply.count, reply.returned) == (count.cast_signed(), returned),
            "{reply:?}, but {count} keys are there and {returned} were to come"
        );
        Ok(())
    }
}
