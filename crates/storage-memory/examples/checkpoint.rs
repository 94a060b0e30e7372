//! Writes, looks at two moments, makes one durable and opens it again:
//! `cargo run -p quorate-storage-memory --example checkpoint`

use quorate_storage::{Batch, Engine, Order, Range, Space, SpaceSet};
use quorate_storage_memory::{MemoryEngine, Options};
use std::ops::ControlFlow;

const FRUIT: Space = Space::new(0, "fruit");
const SPACES: SpaceSet = SpaceSet::new(&[FRUIT]);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join("quorate-checkpoint-example");
    let engine = MemoryEngine::open(&dir, SPACES, Options::default())?;

    let mut batch = Batch::default();
    batch.put(FRUIT, "apple", "red");
    batch.put(FRUIT, "pear", "green");
    engine.write(batch)?;
    let before = engine.view();

    let mut batch = Batch::default();
    batch.delete(FRUIT, "apple");
    engine.write(batch)?;
    println!("before: {:?}, now: {:?}", before.get(FRUIT, b"apple")?, engine.view().get(FRUIT, b"apple")?);

    engine.persist()?;
    drop(engine);
    let engine = MemoryEngine::open(&dir, SPACES, Options::default())?;
    engine.view().scan(FRUIT, Range::ALL, Order::Ascending, &mut |key, value| {
        println!("durable: {} is {}", String::from_utf8_lossy(key), String::from_utf8_lossy(value));
        ControlFlow::Continue(())
    })?;
    drop(engine);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
