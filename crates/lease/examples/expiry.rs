//! Two leases, one of which is kept alive. `cargo run -p quorate-lease --example expiry`

use quorate_lease::{Deadlines, Effect, Renewal, Settings, Table};
use quorate_storage::{Batch, Engine, Space, SpaceSet};
use quorate_storage_memory::MemoryEngine;
use quorate_types::LeaseId;
use std::time::Duration;

const LEASE: Space = Space::new(0, "lease");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let second = Duration::from_secs(1);
    let engine = MemoryEngine::volatile(SpaceSet::new(&[LEASE]));
    let mut table = Table::open(LEASE, engine.view().as_ref())?;
    let settings = Settings { grace: second, gap_max: second * 2, checkpoint_interval: None };
    let mut deadlines = Deadlines::begin(&table, Duration::ZERO, settings);

    let mut batch = Batch::default();
    for id in [LeaseId(1), LeaseId(2)] {
        table.grant(id, 5, &mut batch)?;
        table.attach(format!("key of {id}").as_bytes(), id);
        deadlines.note(Effect::Granted { id, ttl_seconds: 5 }, Duration::ZERO);
    }
    engine.write(batch)?;

    for now in 1..=8 {
        let now = second * now;
        let renewal = deadlines.renew(LeaseId(2), now);
        assert!(matches!(renewal, Renewal::Renewed { ttl_seconds: 5, .. }));
        for id in deadlines.due(now, 100) {
            let keys = table.get(id).map(|lease| lease.keys.len());
            println!("after {} s lease {id} is due, with {keys:?} key", now.as_secs());
        }
    }
    Ok(())
}
