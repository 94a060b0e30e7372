//! What it costs to replace a state by another of the same size, and the most memory it took, in a new folder below the
//! current one: `cargo run --release -p quorate-storage-rocksdb --example replacement_rocksdb 1000000`

use quorate_storage::testing::{SPACES, replacement};
use quorate_storage_rocksdb::{Options, RocksEngine};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let dir = tempfile::tempdir_in(".")?;
    let engine = RocksEngine::open(dir.path(), SPACES, Options::default())?;
    #[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
    let start = std::time::Instant::now();
    for round in ["in the place of nothing", "in the place of as much"] {
        println!("{round}:");
        for figure in replacement(&engine, records, &|| start.elapsed())? {
            println!("{figure}");
        }
        println!("{}", most_memory());
    }
    Ok(())
}

/// What the system says was the most that this process had in memory.
fn most_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown").to_owned()
}
