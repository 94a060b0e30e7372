//! Load and verification over gRPC, for `cargo xtask chaos`, `compat`, `bench` and `differ`.
//!
//! It is a program of its own so that xtask stays light. What it sends and what was acknowledged goes into a
//! journal; `verify` replays the journal and says whether a server has exactly what it must have. Nothing
//! here knows how the server works: the same checks hold for etcd.
//!
//! Laws: V1 a worker has at most one write under way, and its keys are its own, so that after a crash the fate
//! of at most one write per worker is unknown. V2 a value is sent once and never again, so that what is
//! found tells which write it came from. V3 what is sent is in the journal before it is on the wire.

mod bench;
mod chaos;
mod cluster;
mod connection;
mod differ;
mod failover;
mod grpc;
mod journal;
mod judge;
mod latencies;
mod ledger;
mod lines;
mod message;
mod meter;
mod model;
mod options;
mod random;
mod round_trip;
mod usage;
mod verify;

use std::process::ExitCode;

use options::Options;

const HELP: &str = "\
quorate-load measure      measures one workload; prints one line of JSON
             round-trip   measures a way there and back; prints one line of JSON
             failover     measures while members come and go; asks for that on stdout; prints one line of JSON
             chaos-write  writes until the connection dies; keeps the journal
             verify       compares the server with the journal; prints one line of JSON
             cluster      the clients of a cluster; records everything; takes commands on stdin
             judge        the verdict on what `cluster` recorded
             differ       compares two servers; asks on stdout for fresh ones; prints one line of JSON
cargo xtask chaos, compat, bench and differ call it";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let outcome = Options::parse(words).and_then(|options| run(&command, options));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quorate-load {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread: the client must not take the cores that the server is measured on.
fn run(command: &str, options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        "measure" => bench::run(options),
        "round-trip" => round_trip::run(options),
        "failover" => runtime.block_on(failover::run(options)),
        "chaos-write" => runtime.block_on(chaos::run(options)),
        "cluster" => runtime.block_on(cluster::run(options)),
        "judge" => cluster::judge(options),
        "differ" => differ::run(options),
        "verify" => runtime.block_on(verify::run(options)),
        _ => anyhow::bail!("no such command\n{HELP}"),
    }
}
