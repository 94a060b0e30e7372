//! openraft's own suite for what is under it.

use super::*;
use crate::machine::Machine;
use crate::pending::Pending;
use crate::shortcut::VotesAlone;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use quorate_state_machine::{StateMachine, spaces};
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::{Group, Strand};
use quorate_wal::testing::SimDisk;

/// Small segments and next to no cache: the suite reads from disk and across segments.
fn small() -> quorate_wal::Options {
    quorate_wal::Options {
        segment_bytes: 1024,
        zero_bytes: 512,
        tail_bytes_max: 64,
        nonce: 7,
        ..quorate_wal::Options::default()
    }
}

struct Builder(quorate_wal::Options);

/// The threads under one store; waits for their end when the store is gone.
struct Running(Group);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.join();
        assert!(self.0.failure().is_none(), "no step failed");
    }
}

impl StoreBuilder<TypeConfig, LogStore, Machine, Running> for Builder {
    async fn build(&self) -> Result<(Running, LogStore, Machine), StorageError<TypeConfig>> {
        let group = Group::threads();
        let opened = quorate_wal::open(Arc::new(SimDisk::new(1)), &self.0).unwrap();
        let writer = group.stage("wal", opened.inbox, opened.writer);
        let strand = Strand::new().downgrade(); // already gone: nothing is driven from the log's thread
        let shortcut = Shortcut { writer, strand, votes_alone: VotesAlone::default() };
        let engine = Arc::new(MemoryEngine::volatile(spaces::ALL));
        let mut state = StateMachine::open(engine.clone()).unwrap();
        state.tolerate_gaps();
        let votes_alone = VotesAlone::default();
        let (machine, _) =
            Machine::start(engine, state, Arc::new(Pending::default()), votes_alone.clone(), None, 0, &group);
        Ok((Running(group), LogStore::new(opened.log, shortcut), machine))
    }
}

#[tokio::test]
async fn openraft_accepts_the_log_and_the_state_machine() {
    Suite::test_all(Builder(quorate_wal::Options { nonce: 7, ..quorate_wal::Options::default() }))
        .await
        .unwrap();
}

#[tokio::test]
async fn openraft_accepts_a_log_that_it_reads_from_disk() {
    Suite::test_all(Builder(small())).await.unwrap();
}
