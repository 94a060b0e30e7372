//! What each operation costs on this machine, in a new folder below the current one:
//! `cargo run --release -p quorate-storage-memory --example measure_memory 1000000`

use quorate_storage::testing::{SPACES, workload};
use quorate_storage_memory::{MemoryEngine, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let dir = tempfile::tempdir_in(".")?;
    let engine = MemoryEngine::open(dir.path(), SPACES, Options::default())?;
    #[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
    let start = std::time::Instant::now();
    for figure in workload(&engine, records, &|| start.elapsed())? {
        println!("{figure}");
    }
    Ok(())
}
