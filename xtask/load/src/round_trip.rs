//! `round-trip`: what a way there and back costs on this machine, without anybody agreeing on anything. Prints one line of JSON.
//!
//! Of one byte between two threads, and of the smallest call that a server answers by itself: a serializable range of a key that
//! is not there.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::anyhow;
use prost::Message;
use quorate_proto::etcdserverpb::RangeRequest;
use serde_json::json;

use crate::bench::{Limit, Source, drive};
use crate::grpc::Method;
use crate::latencies::Latencies;
use crate::lines::Lines;
use crate::options::Options;

const ROUNDS: u64 = 5000;

pub(crate) fn run(mut options: Options) -> anyhow::Result<()> {
    let endpoint: String = options.require("--endpoint")?;
    options.finish()?;
    println!("{}", json!({ "tcp_us": tcp_us()?, "call_us": call_us(&endpoint)? }));
    Ok(())
}

fn tcp_us() -> anyhow::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let echo = std::thread::spawn(move || {
        let mut byte = [0];
        while far.read_exact(&mut byte).is_ok() && far.write_all(&byte).is_ok() {}
    });
    let mut latencies = Latencies::with_room(ROUNDS);
    let mut byte = [0];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        near.write_all(&byte)?;
        near.read_exact(&mut byte)?;
        latencies.add(begun.elapsed());
    }
    drop(near);
    echo.join().map_err(|_| anyhow!("the echo panicked"))?;
    latencies.sort();
    Ok(latencies.quantile_us(50))
}

/// Asks for what is not there.
#[derive(Debug)]
struct Nothing;

impl Source for Nothing {
    fn request(&mut self, _client: usize, message: &mut Vec<u8>) -> Method {
        let request = RangeRequest { key: "nothing".into(), serializable: true, ..RangeRequest::default() };
        request.encode(message).expect("a vector grows");
        Method::Range
    }

    fn reply(&mut self, _client: usize, _reply: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }
}

fn call_us(endpoint: &str) -> anyhow::Result<f64> {
    let mut lines = Lines::open(endpoint, 1)?;
    let limit = Limit::new(ROUNDS, 0.0);
    drive(&mut lines, 1, limit, &mut Nothing)?;
    let mut latencies = drive(&mut lines, 1, limit, &mut Nothing)?;
    latencies.sort();
    Ok(latencies.quantile_us(50))
}
