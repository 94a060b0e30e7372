use super::*;
use quorate_storage::{Engine, SpaceSet};
use quorate_storage_memory::MemoryEngine;
use std::sync::Arc;

const LEASE: Space = Space::new(0, "lease");

struct Scene {
    engine: Arc<MemoryEngine>,
    table: Table,
}

impl Scene {
    fn new() -> Self {
        let engine = Arc::new(MemoryEngine::volatile(SpaceSet::new(&[LEASE])));
        let table = Table::open(LEASE, engine.view().as_ref()).unwrap();
        Self { engine, table }
    }

    fn write<T>(&mut self, work: impl FnOnce(&mut Table, &mut Batch) -> T) -> T {
        let mut batch = Batch::default();
        let answer = work(&mut self.table, &mut batch);
        self.engine.write(batch).unwrap();
        answer
    }

    fn restarted(&self) -> Table {
        Table::open(LEASE, self.engine.view().as_ref()).unwrap()
    }
}

fn shown(table: &Table) -> Vec<(i64, i64, Option<i64>)> {
    table.iter().map(|(id, lease)| (id.0, lease.ttl_seconds, lease.remaining_seconds)).collect()
}

#[test]
fn a_lease_is_granted_once_and_lives_until_it_is_ended() {
    let mut scene = Scene::new();
    assert_eq!(scene.write(|table, batch| table.grant(LeaseId(7), 60, batch)), Ok(()));
    assert_eq!(scene.write(|table, batch| table.grant(LeaseId(7), 5, batch)), Err(Refusal::Exists));
    assert_eq!(scene.write(|table, batch| table.grant(LeaseId(0), 5, batch)), Err(Refusal::NotFound));
    assert_eq!(shown(&scene.restarted()), [(7, 60, None)]);
    scene.write(|table, batch| table.end(LeaseId(7), batch));
    assert!(scene.table.is_empty() && scene.restarted().is_empty());
}

#[test]
fn a_checkpoint_survives_a_restart_and_an_unknown_lease_has_none() {
    let mut scene = Scene::new();
    scene.write(|table, batch| table.grant(LeaseId(7), 600, batch)).unwrap();
    scene.write(|table, batch| table.checkpoint(LeaseId(7), 300, batch));
    scene.write(|table, batch| table.checkpoint(LeaseId(8), 300, batch));
    assert_eq!(shown(&scene.restarted()), [(7, 600, Some(300))]);
    assert_eq!(scene.table.get(LeaseId(7)).unwrap().left_seconds(), 300);
    scene.write(|table, batch| table.checkpoint(LeaseId(7), 0, batch));
    assert_eq!(scene.restarted().get(LeaseId(7)).unwrap().left_seconds(), 600);
}

#[test]
fn keys_are_in_order_and_a_clone_stays_as_it_is() {
    let mut scene = Scene::new();
    scene.write(|table, batch| table.grant(LeaseId(7), 60, batch)).unwrap();
    scene.table.attach(b"b", LeaseId(7));
    scene.table.attach(b"a", LeaseId(7));
    let before = scene.table.clone();
    scene.table.detach(b"b", LeaseId(7));
    scene.table.detach(b"b", LeaseId(8)); // an imported record may name a lease that never was
    let keys = |table: &Table| table.get(LeaseId(7)).unwrap().keys.iter().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&before), ["a", "b"]);
    assert_eq!(keys(&scene.table), ["a"]);
}

#[test]
#[should_panic(expected = "L2")]
fn a_lease_does_not_end_before_its_keys() {
    let mut scene = Scene::new();
    scene.write(|table, batch| table.grant(LeaseId(7), 60, batch)).unwrap();
    scene.table.attach(b"a", LeaseId(7));
    scene.write(|table, batch| table.end(LeaseId(7), batch));
}

#[test]
fn a_record_that_is_no_lease_is_found_at_the_start() {
    let scene = Scene::new();
    let mut batch = Batch::default();
    batch.put(LEASE, &b"12345678"[..], &b"\xff"[..]);
    scene.engine.write(batch).unwrap();
    assert!(matches!(Table::open(LEASE, scene.engine.view().as_ref()), Err(OpenError::Corrupt)));
}
