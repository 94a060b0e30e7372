//! What clients write down: every call and what it was told, with the time.

use parking_lot::Mutex;
use quorate_tasks::Clock;
use quorate_testkit::{
    Answer, Ask, Id, LeaseId, MemberHash, Operation, Outcome, Range, Recording, Revision, Told,
};
use std::sync::Arc;

/// The recording of one world. Clones are the same; it outlives the world, whatever becomes of that.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    clock: Option<Arc<dyn Clock>>,
    recording: Recording,
    /// The newest revision that anybody was told of.
    newest: i64,
}

impl State {
    fn ms(&self) -> u64 {
        let now = self.clock.as_ref().map(|clock| clock.now().0.as_millis());
        now.map_or(0, |now| u64::try_from(now).unwrap_or(u64::MAX))
    }

    fn hear(&mut self, revision: Revision) {
        self.newest = self.newest.max(revision.0);
    }
}

impl Notes {
    /// Time is told by `clock` from here on.
    pub(crate) fn begin(&self, clock: Arc<dyn Clock>) {
        self.shared.lock().clock = Some(clock);
    }

    /// The clock of a world that has ended tells no time any more.
    pub(crate) fn end(&self) -> Recording {
        let mut state = self.shared.lock();
        state.clock = None;
        std::mem::take(&mut state.recording)
    }

    pub(crate) fn newest(&self) -> i64 {
        self.shared.lock().newest
    }

    pub(crate) fn invoke(&self, client: u32, operation: Operation) -> Id {
        let mut state = self.shared.lock();
        let ms = state.ms();
        state.recording.invoke(client, ms, operation)
    }

    pub(crate) fn complete(&self, call: Id, outcome: Outcome) {
        let mut state = self.shared.lock();
        if let Outcome::Done(Answer { revision, .. }) = &outcome {
            state.hear(*revision);
        }
        let ms = state.ms();
        state.recording.complete(call, ms, outcome);
    }

    pub(crate) fn watch(&self, range: Range, start: Option<Revision>) -> Id {
        let mut state = self.shared.lock();
        let ms = state.ms();
        state.recording.watch(ms, range, start)
    }

    pub(crate) fn tell(&self, watch: Id, header: Revision, told: Told) {
        let mut state = self.shared.lock();
        let ms = state.ms();
        state.hear(header);
        state.recording.tell(watch, ms, header, told);
    }

    pub(crate) fn ask(&self, lease: LeaseId, what: Ask) -> Id {
        let mut state = self.shared.lock();
        let ms = state.ms();
        state.recording.ask(ms, lease, what)
    }

    pub(crate) fn ttl(&self, ask: Id, ttl: i64) {
        let mut state = self.shared.lock();
        let ms = state.ms();
        state.recording.ttl(ask, ms, ttl);
    }

    pub(crate) fn hash(&self, hash: MemberHash) {
        self.shared.lock().recording.hash(hash);
    }
}
