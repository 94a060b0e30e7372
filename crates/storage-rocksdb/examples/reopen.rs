//! Writes two batches, makes the first durable, and opens the directory again:
//! `cargo run -p quorate-storage-rocksdb --example reopen`

use quorate_storage::{Batch, Engine, Order, Range, Space, SpaceSet};
use quorate_storage_rocksdb::{Options, RocksEngine};
use std::ops::ControlFlow;

const FRUIT: Space = Space::new(0, "fruit");
const SPACES: SpaceSet = SpaceSet::new(&[FRUIT]);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join("quorate-reopen-example");
    let engine = RocksEngine::open(&dir, SPACES, Options::default())?;

    let mut batch = Batch::default();
    batch.put(FRUIT, "apple", "red");
    batch.put(FRUIT, "pear", "green");
    engine.write(batch)?;
    engine.persist()?;

    let mut batch = Batch::default();
    batch.delete(FRUIT, "apple");
    engine.write(batch)?;
    println!("now: {} logical bytes", engine.view().size());
    drop(engine);

    let engine = RocksEngine::open(&dir, SPACES, Options::default())?;
    println!("durable: {} logical bytes", engine.view().size());
    engine.view().scan(FRUIT, Range::ALL, Order::Descending, &mut |key, value| {
        println!("durable: {} is {}", String::from_utf8_lossy(key), String::from_utf8_lossy(value));
        ControlFlow::Continue(())
    })?;
    drop(engine);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
