//! Whatever bytes come as a message of whatever method: an answer or a refusal, never a panic, never memory without end.
//!
//! Messages are made from the descriptors of the interface: nonsense, messages with fields of the right kind and values
//! that mean something now and then, and those with bytes changed. A run is told by its seed.
//!
//! ```text
//! QUORATE_BAD_INPUT_COUNT=1000000 QUORATE_BAD_INPUT_SEED=7 cargo test -p quorate-grpc --test bad_input
//! ```

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod chance;
mod message;
#[expect(dead_code, reason = "the unit tests use more of it")]
#[path = "../../src/scene.rs"]
mod scene;

use bytes::{BufMut, Bytes, BytesMut};
use chance::Chance;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use message::{Interface, Method};
use quorate_grpc::{Services, routes, services};
use scene::Scene;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::Poll;
use tonic::{Code, Status};
use tower::Service;

/// Messages to each service in CI.
const COUNT: u64 = 20_000;
const SEED: u64 = 0x5eed;
/// What the process may grow by.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// Turns of the runtime after which a call that waits for others is given up.
const TURNS_MAX: usize = 1000;
/// Calls before a new server takes over, so that what is stored stays small.
const CALLS_A_SCENE: u64 = 4_000;

#[tokio::test]
async fn no_bytes_whatever_do_harm() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let count = number("QUORATE_BAD_INPUT_COUNT").unwrap_or(COUNT);
    let seed = number("QUORATE_BAD_INPUT_SEED").unwrap_or(SEED);
    println!("seed {seed}, {count} messages a service");
    let interface = Interface::of(quorate_proto::DESCRIPTORS);
    let mut services: Vec<Sending> =
        interface.services().map(|(name, methods)| Sending::to(name, methods, seed)).collect();
    let mut before = None;
    while services.iter().any(|service| service.sent < count) {
        for service in &mut services {
            service.go_on(&interface, count).await;
        }
        // The first round brings in what every process needs once.
        before.get_or_insert_with(resident_bytes);
    }
    for Sending { name, codes, .. } in services {
        println!("{name}: calls by code, -1 for those given up: {codes:?}");
        let is_served = codes.keys().any(|code| *code != 12);
        assert!(codes.contains_key(&0) || !is_served, "{name}: nothing was answered");
    }
    let growth = resident_bytes().saturating_sub(before.unwrap());
    println!("grew by {} KiB", growth >> 10);
    assert!(growth < GROWTH_BYTES_MAX, "grew by {growth} bytes");
}

/// What one service is sent.
struct Sending<'a> {
    name: &'a str,
    methods: &'a [Method],
    chance: Chance,
    sent: u64,
    codes: BTreeMap<i32, u64>,
}

impl<'a> Sending<'a> {
    fn to(name: &'a str, methods: &'a [Method], seed: u64) -> Self {
        Self { name, methods, chance: Chance::new(seed), sent: 0, codes: BTreeMap::new() }
    }

    /// Some of the `count` messages, to a server of their own.
    async fn go_on(&mut self, interface: &Interface, count: u64) {
        let scene = Scene::new();
        let last = count.min(self.sent + CALLS_A_SCENE);
        while self.sent < last {
            let method = &self.methods[self.chance.below(self.methods.len())];
            let messages = if method.takes_many { 1 + self.chance.below(6) } else { 1 };
            let body = body(interface, method, messages, &mut self.chance);
            self.sent += messages as u64;
            let code = scene.run(end(scene.services(), method, body)).await;
            *self.codes.entry(code.map_or(-1, i32::from)).or_default() += 1;
        }
        assert!(scene.failure().is_none(), "{:?}", scene.failure());
    }
}

/// Some messages in their frames, a few of which are wrong themselves.
fn body(interface: &Interface, method: &Method, messages: usize, chance: &mut Chance) -> Bytes {
    let mut body = BytesMut::new();
    for _ in 0..messages {
        let message = interface.message(&method.input, chance);
        let flag = if chance.one_in(100) { chance.byte() } else { 0 };
        let off = if chance.one_in(100) { u32::from(chance.byte()) } else { 0 };
        body.put_u8(flag);
        body.put_u32(u32::try_from(message.len()).unwrap().wrapping_add(off));
        body.put_slice(&message);
    }
    body.freeze()
}

/// The code that a call ends with, OK for a stream that was answered and goes on; none if it waits for what does not come, and
/// is dropped.
async fn end(mut services: Services, method: &Method, body: Bytes) -> Option<Code> {
    let request = Request::post(format!("http://member{}", method.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(body))
        .unwrap();
    let is_answered = Cell::new(false);
    let work = async {
        let response = services.call(request).await.unwrap();
        assert_eq!(response.status(), 200, "{}", method.path);
        let (head, body) = response.into_parts();
        let mut ends = head.headers;
        let mut body = pin!(body);
        while let Some(frame) = body.frame().await {
            match frame.unwrap().into_trailers() {
                Ok(trailers) => ends.extend(trailers),
                Err(_message) => is_answered.set(true),
            }
        }
        ends
    };
    let ends = if method.waits { in_time(work).await } else { Some(work.await) };
    match ends {
        Some(ends) => Some(checked(method, &ends)),
        // A stream that was answered and goes on.
        None => is_answered.get().then_some(Code::Ok),
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    for _ in 0..TURNS_MAX {
        if let Poll::Ready(done) = futures::poll!(&mut work) {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// A code of gRPC's; internal errors are for what is no message, and a server that works is available.
fn checked(method: &Method, ends: &HeaderMap) -> Code {
    let status = Status::from_header_map(ends).unwrap_or_else(|| panic!("{}: no status", method.path));
    let (code, text) = (status.code(), status.message());
    let is_about_the_message =
        ["decode", "unmarshalling", "compress", "EOF", "second message", "Missing request"]
            .iter()
            .any(|words| text.contains(words));
    match code {
        Code::Internal => assert!(is_about_the_message, "{}: {text}", method.path),
        Code::Unavailable | Code::DataLoss => panic!("{}: {text}", method.path),
        _ => {}
    }
    code
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
