use super::*;
use quorate_mvcc::Refusal;
use quorate_proto::log;
use quorate_state_machine::{Command, Entry, Installed, Kind, Payload, Prepared, Put, StateMachine, spaces};
use quorate_storage_memory::MemoryEngine;
use std::sync::Arc;

#[test]
fn only_a_compaction_is_no_failure_of_the_history() {
    let compacted = Refusal::Compacted { asked: Revision(3), oldest: Revision(5) };
    assert!(matches!(untold(compacted.into()), HistoryError::Compacted(Revision(5))));
    assert!(matches!(untold(ReadError::NeedsDisk), HistoryError::Failed(_)));
}

/// Revisions as the history tells them, from `from` to the newest.
fn told(history: &StateHistory, from: i64) -> Result<Vec<i64>, HistoryError> {
    let mut revisions = Vec::new();
    history.changes(Revision(from), history.newest(), &mut |changes| {
        revisions.push(changes.revision.0);
        ControlFlow::Continue(())
    })?;
    Ok(revisions)
}

/// A state, and the log that it is told.
struct Member {
    state: StateMachine,
    index: u64,
}

impl Member {
    fn new() -> Self {
        let engine = Arc::new(MemoryEngine::volatile(spaces::ALL));
        Self { state: StateMachine::open(engine).unwrap(), index: 0 }
    }

    fn run(&mut self, kind: Kind) {
        let envelope = Command { id: 1, user: String::new(), auth_revision: 0, kind }.encode();
        let id = log::LogId { term: 1, index: self.index };
        self.index += 1;
        let entry = Entry { id, payload: Payload::Commands(vec![envelope]) };
        self.state.apply(&[entry], &mut Vec::new()).unwrap();
    }

    fn put(&mut self, value: &'static str) {
        let change = quorate_mvcc::Put {
            key: "a".into(),
            value: Some(value.into()),
            lease: Some(quorate_types::LeaseId::NONE),
        };
        self.run(Kind::Put(Put { change, with_previous: false }));
    }

    fn catch_up_with(&mut self, other: &Self) {
        let prepared =
            Prepared::copy(self.state.engine().as_ref(), other.state.engine().view().as_ref()).unwrap();
        assert_ne!(self.state.install(prepared).unwrap(), Installed::Stale);
        self.index = other.index;
    }
}

#[test]
fn a_state_that_replaced_another_tells_what_led_to_it_unless_that_was_compacted() {
    let (mut behind, mut ahead) = (Member::new(), Member::new());
    let history = StateHistory::new(behind.state.reader());
    ["1", "2"].into_iter().for_each(|value| behind.put(value));
    ["1", "2", "3", "4", "5"].into_iter().for_each(|value| ahead.put(value));
    behind.catch_up_with(&ahead);
    assert_eq!(told(&history, 4).unwrap(), [4, 5, 6]);
    ["6", "7"].into_iter().for_each(|value| ahead.put(value));
    ahead.run(Kind::Compact { revision: Revision(8) });
    behind.catch_up_with(&ahead);
    assert!(matches!(told(&history, 7), Err(HistoryError::Compacted(Revision(8)))));
    assert_eq!(told(&history, 8).unwrap(), [8]);
}
