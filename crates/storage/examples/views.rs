//! Two moments of one engine, and what a crash leaves: `cargo run -p quorate-storage --example views`

use quorate_storage::testing::{Disk, ModelEngine};
use quorate_storage::{Batch, Engine, Error, Order, Range, Space, SpaceSet, View};
use std::ops::ControlFlow;

const FRUIT: Space = Space::new(0, "fruit");
const SPACES: SpaceSet = SpaceSet::new(&[FRUIT]);

fn main() -> Result<(), Error> {
    let disk = Disk::default();
    let engine = ModelEngine::open(&disk, SPACES);

    let mut batch = Batch::default();
    batch.put(FRUIT, "apple", "red");
    batch.put(FRUIT, "pear", "green");
    engine.write(batch)?; // at once: nobody sees the apple without the pear
    engine.persist()?;
    let before = engine.view();

    let mut batch = Batch::default();
    batch.delete(FRUIT, "apple");
    engine.write(batch)?;
    println!("before:        {}", shown(before.as_ref())?);
    println!("now:           {}", shown(engine.view().as_ref())?);

    drop(engine); // a crash: what was not persisted is gone, and its owner's log would replay it
    println!("after a crash: {}", shown(ModelEngine::open(&disk, SPACES).view().as_ref())?);
    Ok(())
}

fn shown(view: &dyn View) -> Result<String, Error> {
    let mut text = format!("{} bytes:", view.size());
    view.scan(FRUIT, Range::ALL, Order::Ascending, &mut |key, value| {
        text += &format!(" {}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(value));
        ControlFlow::Continue(())
    })?;
    Ok(text)
}
