//! A key's life, record by record: `cargo run -p quorate-mvcc --example revisions`

use quorate_mvcc::{Overlay, Put, Query, ReadError, Store, Tier, key_value};
use quorate_storage::{Engine, Space, SpaceSet};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{KeyRange, LeaseId, Revision};

const KEY: Space = Space::new(0, "key");
const META: Space = Space::new(1, "meta");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = MemoryEngine::volatile(SpaceSet::new(&[KEY, META]));
    let mut store = Store::open(KEY, META, engine.view().as_ref())?;
    let fruit = KeyRange::Single("fruit".into());

    for value in ["apple", "pear"] {
        let mut overlay = Overlay::new(engine.view());
        let mut writing = store.begin(&mut overlay);
        let value = Some(value.into());
        writing.put(&Put { key: "fruit".into(), value, lease: Some(LeaseId::NONE) })?;
        let _ = writing.end(); // no lease is concerned
        engine.write(overlay.into_batch())?;
        println!("put at revision {}: {}", store.revision(), shown(&store, &engine, &fruit)?);
    }

    let (then, view) = (store.snapshot(), engine.view());
    let mut overlay = Overlay::new(engine.view());
    let mut writing = store.begin(&mut overlay);
    let deleted = writing.delete_range(&fruit, false)?;
    let _ = writing.end();
    engine.write(overlay.into_batch())?;
    println!(
        "deleted {} at revision {}: {}",
        deleted.count,
        store.revision(),
        shown(&store, &engine, &fruit)?
    );

    let found = then.range(view.as_ref(), &Query::newest(fruit), Tier::Disk)?;
    println!("a snapshot from before still finds {}", found.count);

    let at_two = Query { revision: Some(Revision(2)), ..Query::newest(KeyRange::Single("fruit".into())) };
    let found = store.snapshot().range(engine.view().as_ref(), &at_two, Tier::Disk)?;
    println!("and so does a read at revision 2: {}", found.count);
    Ok(())
}

fn shown(
    store: &Store,
    engine: &MemoryEngine,
    range: &KeyRange,
) -> Result<String, Box<dyn std::error::Error>> {
    let query = Query::newest(range.clone());
    let found: Result<_, ReadError> = store.snapshot().range(engine.view().as_ref(), &query, Tier::Memory);
    let Some(record) = found?.records.into_iter().next() else { return Ok("nothing".into()) };
    let record = key_value(record)?;
    let value = String::from_utf8_lossy(&record.value).into_owned();
    Ok(format!("{value}, created {}, version {}", record.create_revision, record.version))
}
