//! Skipping hops while the node idles.
//!
//! Between a call and its outcome lie the consensus tasks, the log's writer and the apply step, each with a thread: under
//! load they work side by side. A command that comes alone would only pay for their wake-ups, about 30 us each, so
//! whoever has the work at hand goes on with it:
//!
//! - a front thread that proposes runs the consensus tasks itself, if nobody else does;
//! - if nobody else is served by that thread, it also writes and syncs the log, and applies: no other thread is woken;
//! - else the log's thread, once it has synced and nothing waits for it, runs the consensus tasks, and applies.
//!
//! Only a member that votes alone waits for its disk that way: others must hear from a leader meanwhile (law R1).

use quorate_tasks::strand::{Patience, Turn, WeakStrand};
use quorate_tasks::{Stage, Strand};
use quorate_wal::Writer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// So many times the consensus tasks are looked at before their own thread is left to go on.
pub(crate) const ROUNDS: usize = 32;
/// More entries than this are left to the apply thread.
const ENTRIES_MAX: usize = 8;

/// Whether this member votes alone. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct VotesAlone(Arc<AtomicBool>);

impl VotesAlone {
    pub(crate) fn set(&self, votes_alone: bool) {
        self.0.store(votes_alone, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The log's end of it.
#[derive(Clone)]
pub(crate) struct Shortcut {
    pub(crate) writer: Stage<Writer>,
    pub(crate) strand: WeakStrand,
    pub(crate) votes_alone: VotesAlone,
}

impl Shortcut {
    /// Whether the thread that appends may write and sync the log itself.
    pub(crate) fn may_write(&self) -> bool {
        Strand::patience() == Patience::Any && self.votes_alone.get() && self.writer.is_idle()
    }

    /// Tells consensus by `tell` that the log has been synced, and goes on with what follows from it if this is the
    /// log's thread and nothing waits for it.
    pub(crate) fn synced(&self, tell: impl FnOnce()) {
        let strand = self.strand.upgrade();
        let turn = strand.as_ref().and_then(|strand| self.begin(strand));
        tell();
        turn.map(|turn| turn.run(ROUNDS));
    }

    fn begin<'a>(&self, strand: &'a Strand) -> Option<Turn<'a>> {
        let is_idle = self.votes_alone.get() && self.writer.is_idle();
        if is_idle { strand.begin(Patience::Any) } else { None }
    }
}

/// Whether the thread that runs consensus may apply `entries` itself.
pub(crate) fn may_apply(entries: usize, votes_alone: &VotesAlone) -> bool {
    Strand::patience() == Patience::Any && votes_alone.get() && entries <= ENTRIES_MAX
}
