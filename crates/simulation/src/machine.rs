//! One member's machine: what survives a crash, and what does not.

use crate::life::Life;
use crate::witness::Witness;
use crate::world::CLUSTER;
use parking_lot::Mutex;
use quorate_raft::{Node, Options, Pace};
use quorate_state_machine::spaces;
use quorate_storage::testing::FaultyEngine;
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::testing::Seed;
use quorate_types::MemberId;
use quorate_wal::testing::Powered;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A machine of which one member's process is run, again and again.
pub(crate) struct Machine {
    pub(crate) member: MemberId,
    pub(crate) options: Options,
    pub(crate) wal: quorate_wal::Options,
    pub(crate) disk: Powered,
    pub(crate) engine: Arc<FaultyEngine>,
    /// Its disk has died, and the process with it, as soon as it notices.
    is_dying: AtomicBool,
    is_starting: AtomicBool,
    life: Mutex<Option<Life>>,
    lives: Mutex<u64>,
}

/// How a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Between two turns of whatever runs.
    Now,
    /// So many operations on the log's disk later, be it between a write and its sync.
    After(u64),
}

/// What every member of the initial cluster is told of it.
pub(crate) fn founders(size: u64) -> BTreeMap<u64, Node> {
    (1..=size).map(|id| (id, node(id, peer_url(id)))).collect()
}

/// Where the machine of this number is reached by others.
pub(crate) fn peer_url(number: u64) -> String {
    format!("http://10.0.0.{number}:2380")
}

fn node(number: u64, peer_url: String) -> Node {
    Node { name: format!("m{number}"), peer_urls: vec![peer_url], ..Node::default() }
}

impl Machine {
    /// A machine with an empty disk. It founds a cluster with `founders`, or joins one if there are none.
    pub(crate) fn new(member: MemberId, founders: BTreeMap<u64, Node>, seed: u64) -> Self {
        let mut chance = Seed::new(seed);
        let options = Options {
            cluster: CLUSTER,
            founders,
            // Little of the log stays: who was away for long needs the whole state.
            snapshot_entries: 1 + chance.below(60) as u64,
            catchup_entries: chance.below(20) as u64,
            heartbeat: Duration::from_millis([100, 200, 200][chance.below(3)]),
            prune: Pace { records: 1 + chance.below(8), rest: Duration::from_millis(4) },
            ..Options::alone(member, Node::default(), 0)
        };
        // Small enough that a run has many segments, and reads of the log that its memory does not answer.
        let wal = quorate_wal::Options {
            segment_bytes: 8192,
            zero_bytes: 2048,
            batch_bytes_max: 2048,
            tail_bytes_max: 512,
            inbox_max: usize::MAX,
            nonce: chance.next_u64(),
            ..quorate_wal::Options::default()
        };
        let engine = FaultyEngine::new(Arc::new(MemoryEngine::volatile(spaces::ALL)), spaces::ALL);
        Self {
            member,
            options,
            wal,
            disk: Powered::new(chance.next_u64()),
            engine: Arc::new(engine),
            is_dying: AtomicBool::new(false),
            is_starting: AtomicBool::new(false),
            life: Mutex::default(),
            lives: Mutex::default(),
        }
    }

    /// The process, if it runs.
    pub(crate) fn life(&self) -> Option<Life> {
        self.life.lock().clone()
    }

    /// The number of the life that begins now, from 1.
    pub(crate) fn next_life(&self) -> u64 {
        let mut lives = self.lives.lock();
        *lives += 1;
        *lives
    }

    /// Whether a life may begin now; then it is about to, until it [`lives`](Self::lives).
    pub(crate) fn may_begin(&self) -> bool {
        self.life.lock().is_none() && !self.is_starting.swap(true, Ordering::Relaxed)
    }

    /// The life that was about to begin does not.
    pub(crate) fn stays_down(&self) {
        self.is_starting.store(false, Ordering::Relaxed);
    }

    pub(crate) fn lives(&self, life: Life) {
        *self.life.lock() = Some(life);
        self.is_starting.store(false, Ordering::Relaxed);
    }

    /// The disk takes so many more operations, and then none.
    pub(crate) fn begin_to_die(&self, operations: u64) {
        self.is_dying.store(true, Ordering::Relaxed);
        self.disk.cut_after(operations);
    }

    pub(crate) fn is_dying(&self) -> bool {
        self.is_dying.load(Ordering::Relaxed)
    }

    /// The process is gone, and what it had not synced is lost or not. Whoever it had yet to answer never hears of it.
    pub(crate) fn die(&self, witness: &Witness, kept: impl FnOnce(usize) -> usize) -> bool {
        let Some(life) = self.life.lock().take() else { return false };
        self.disk.cut_after(0);
        life.end();
        witness.see(self.member, &life.reader().newest());
        drop(life);
        self.disk.crash();
        self.is_dying.store(false, Ordering::Relaxed);
        let kept = kept(self.engine.unpersisted() + 1);
        self.engine.crash(kept).expect("an engine in memory does not fail by itself");
        true
    }
}
