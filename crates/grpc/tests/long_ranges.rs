//! A long list costs little memory, however many ask for it at once and from whatever engine.
//!
//! With `QUORATE_LARGE` in the environment the list has 10,000 keys of 100 KB, five clients, and 256 MiB for all.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use prost::Message;
use quorate_coordinator::testing::{LocalConsensus, MEMBER};
use quorate_coordinator::{Call, Coordinator, Identity, Limits, Put, Work};
use quorate_grpc::{ReplyBody, services};
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest, RangeResponse};
use quorate_state_machine::spaces;
use quorate_storage::{Batch, Cached, Engine, Error, Order, Range, Replacement, Space, View};
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::reply::Desk;
use quorate_tasks::testing::ManualClock;
use quorate_tasks::{Clock, Group};
use quorate_types::ClusterId;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const VALUE_BYTES: usize = 100_000;
const CLIENTS: usize = 5;

/// An engine that hands out copies, as one does that has its records on a disk.
struct Copying(MemoryEngine);

struct CopyingView(Arc<dyn View>);

impl Engine for Copying {
    fn name(&self) -> &'static str {
        "copying"
    }

    fn view(&self) -> Arc<dyn View> {
        Arc::new(CopyingView(self.0.view()))
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        self.0.write(batch)
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        self.0.persist()
    }

    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error> {
        self.0.begin_replacement()
    }
}

impl View for CopyingView {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.0.get(space, key)?.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn get_cached(&self, _: Space, _: &[u8]) -> Result<Cached, Error> {
        Ok(Cached::Unknown)
    }

    fn scan(
        &self,
        space: Space,
        range: Range<'_>,
        order: Order,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.0.scan(space, range, order, visit)
    }

    fn size(&self) -> u64 {
        self.0.size()
    }
}

/// What this process has in memory.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

fn framed(message: &impl Message) -> Bytes {
    let length = u32::try_from(message.encoded_len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message.encode_to_vec()].concat().into()
}

/// A list under way, of which only the length and the first bytes are kept.
struct Client {
    body: ReplyBody,
    start: Vec<u8>,
    bytes: usize,
}

impl Client {
    async fn begin(door: &Coordinator) -> Self {
        let all = RangeRequest { key: "k".into(), range_end: "l".into(), ..Default::default() };
        let request = Request::post("http://scene/etcdserverpb.KV/Range").body(Full::new(framed(&all)));
        let reply = services(door).oneshot(request.unwrap()).await.unwrap();
        assert!(!reply.headers().contains_key("grpc-status"), "{:?}", reply.headers());
        Self { body: reply.into_body(), start: Vec::new(), bytes: 0 }
    }

    /// Takes a frame; false after the last.
    async fn take(&mut self) -> bool {
        let Some(frame) = self.body.frame().await else { return false };
        match frame.unwrap().into_data() {
            Ok(data) => {
                self.start.extend(data.iter().take(64usize.saturating_sub(self.start.len())));
                self.bytes += data.len();
            }
            Err(frame) => assert_eq!(frame.into_trailers().unwrap()["grpc-status"], "0"),
        }
        true
    }
}

#[tokio::test]
async fn five_clients_with_a_list_each_take_a_piece_of_memory_each() {
    let (keys, extra_max) =
        if std::env::var_os("QUORATE_LARGE").is_some() { (10_000, 256 << 20) } else { (500, 40 << 20) };
    let engine = Arc::new(Copying(MemoryEngine::volatile(spaces::ALL)));
    let consensus = Arc::new(LocalConsensus::on(engine).unwrap());
    let (clock, desk) = (Arc::new(ManualClock::default()), Desk::default());
    let work = Work::start(&Group::threads(), 2);
    let door = Coordinator::new(ClusterId(1), MEMBER, consensus, clock.clone(), Limits::default(), work)
        .at(desk.clone());
    let asking = async {
        for number in 0..keys {
            let call = Call { identity: Identity::Anonymous, deadline: clock.now() + Duration::from_secs(7) };
            let (key, value) = (format!("k{number:05}").into(), vec![7; VALUE_BYTES].into());
            door.put(&call, Put::from(PutRequest { key, value, ..Default::default() })).await.unwrap();
        }
        let before = resident_bytes();
        let mut most = before;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(Client::begin(&door).await);
        }
        let mut open = CLIENTS;
        while open > 0 {
            open = 0;
            for client in &mut clients {
                open += usize::from(client.take().await);
            }
            most = most.max(resident_bytes());
        }
        let extra = most - before;
        eprintln!(
            "{CLIENTS} lists of {keys} x {VALUE_BYTES} bytes at once: {} KiB more in memory",
            extra >> 10
        );
        assert!(extra < extra_max, "{extra} of {extra_max}");
        for client in clients {
            let length = u32::from_be_bytes(client.start[1..5].try_into().unwrap()) as usize;
            assert_eq!(client.bytes, 5 + length);
            assert!(length > keys * VALUE_BYTES);
            let header =
                RangeResponse::decode(&client.start[5..5 + 2 + usize::from(client.start[6])]).unwrap();
            assert_eq!(header.header.unwrap().revision, i64::try_from(keys).unwrap() + 1);
        }
    };
    tokio::select! {
        () = asking => {}
        () = desk.attend() => unreachable!("a desk is attended for ever"),
    }
}
