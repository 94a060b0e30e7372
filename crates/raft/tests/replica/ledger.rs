//! What was asked for, what was answered, and whether a state agrees with both.

use bytes::Bytes;
use prost::Message;
use quorate_proto::mvccpb::KeyValue;
use quorate_state_machine::mvcc::RecordKey;
use quorate_state_machine::{Answer, Published, Reply, spaces};
use quorate_storage::{Order, Range};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Every command of all lives, and what became of it as far as its caller knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    asked: BTreeMap<u64, Asked>,
    /// What was once seen: never to change again.
    seen: History,
    applied: Option<u64>,
}

#[derive(Debug)]
struct Asked {
    key: String,
    is_put: bool,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It may have happened, or may yet.
    Open,
    /// It made this revision.
    Made(i64),
    /// A delete that found nothing.
    Idle,
    /// It was refused before anything happened.
    Never,
}

/// One change of the key space: the value, or none for a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    key: Bytes,
    value: Option<Bytes>,
}

impl Change {
    pub(crate) fn of(key: &str, value: Option<Bytes>) -> Self {
        Self { key: Bytes::copy_from_slice(key.as_bytes()), value }
    }

    pub(crate) fn is_of(&self, key: &str) -> bool {
        self.key == key
    }

    /// The id of the put that made it.
    pub(crate) fn put_id(&self) -> Option<u64> {
        let value = self.value.as_ref()?;
        Some(u64::from_be_bytes(value.as_ref().try_into().unwrap()))
    }
}

/// Every change by revision.
pub(crate) type History = BTreeMap<i64, Change>;

/// Everything that ever happened to the keys of `state`, straight from the records.
pub(crate) fn history(state: &Published) -> History {
    let mut history = History::new();
    let visit = &mut |key: &[u8], record: &[u8]| {
        let (at, is_deleted) = RecordKey::decode(key).unwrap();
        let pair = KeyValue::decode(record).unwrap();
        let change = Change { key: pair.key, value: (!is_deleted).then_some(pair.value) };
        let earlier = history.insert(at.main.0, change);
        assert_eq!(earlier, None, "each command changes one key");
        ControlFlow::Continue(())
    };
    state.view().scan(spaces::KEY, Range::ALL, Order::Ascending, visit).unwrap();
    history
}

/// A put's value: the id of its command.
pub(crate) fn value(id: u64) -> Bytes {
    Bytes::copy_from_slice(&id.to_be_bytes())
}

impl Ledger {
    pub(crate) fn ask(&mut self, id: u64, key: &str, is_put: bool) {
        let earlier = self.asked.insert(id, Asked { key: key.into(), is_put, fate: Fate::Open });
        assert!(earlier.is_none(), "id {id} was given twice");
    }

    pub(crate) fn refuse(&mut self, id: u64) {
        self.settle(id, Fate::Never);
    }

    pub(crate) fn answer(&mut self, id: u64, answer: &Answer) {
        match answer {
            Answer::Applied(outcome) => match outcome.result.as_ref().unwrap() {
                Reply::DeleteRange(deleted) if deleted.count == 0 => self.settle(id, Fate::Idle),
                _ => self.settle(id, Fate::Made(outcome.revision.0)),
            },
            Answer::Failed(_) => {}
            Answer::Current => panic!("command {id} was answered like a read"),
        }
    }

    fn settle(&mut self, id: u64, fate: Fate) {
        let asked = self.asked.get_mut(&id).unwrap();
        assert_eq!(asked.fate, Fate::Open, "command {id} was answered twice");
        asked.fate = fate;
    }

    pub(crate) fn answered(&self) -> usize {
        self.asked.values().filter(|asked| matches!(asked.fate, Fate::Made(_) | Fate::Idle)).count()
    }

    /// Holds `state`, which a linearizable read may see, to all that was said.
    pub(crate) fn check(&mut self, state: &Published) {
        let history = history(state);
        self.check_answers(&history);
        self.check_origins(&history);
        self.check_past(&history);
        assert!(state.applied_index() >= self.applied, "the applied index went back");
        assert!(history.keys().copied().eq(2..=state.revision().0), "revisions have no gap");
        self.applied = state.applied_index();
        self.seen = history;
    }

    /// Notes `state`, which somebody could have read, as never to be lost. A life that ended early may not have
    /// come as far again as the one before it.
    pub(crate) fn witness(&mut self, state: &Published) {
        for (revision, change) in history(state) {
            let earlier = self.seen.entry(revision).or_insert_with(|| change.clone());
            assert_eq!(*earlier, change, "revision {revision} was seen and changed since");
        }
        self.applied = self.applied.max(state.applied_index());
    }

    fn check_answers(&self, history: &History) {
        for (id, asked) in &self.asked {
            if let Fate::Made(revision) = asked.fate {
                let change = history.get(&revision);
                let change = change.unwrap_or_else(|| panic!("acknowledged command {id} is lost: {asked:?}"));
                assert_eq!(change.key, asked.key, "command {id} made revision {revision}");
                assert_eq!(change.value, asked.is_put.then(|| value(*id)), "revision {revision}");
            }
        }
    }

    fn check_origins(&self, history: &History) {
        let mut puts = BTreeSet::new();
        let is_open_delete = |asked: &&Asked| !asked.is_put && asked.fate == Fate::Open;
        let mut open: Vec<&str> =
            self.asked.values().filter(is_open_delete).map(|asked| asked.key.as_str()).collect();
        let made: BTreeMap<i64, u64> = self
            .asked
            .iter()
            .filter_map(|(id, asked)| match asked.fate {
                Fate::Made(revision) => Some((revision, *id)),
                _ => None,
            })
            .collect();
        for (revision, change) in history {
            match &change.value {
                Some(bytes) => {
                    let id = u64::from_be_bytes(bytes.as_ref().try_into().unwrap());
                    let asked = self.asked.get(&id).unwrap_or_else(|| panic!("nobody proposed {id}"));
                    assert!(asked.is_put && change.key == asked.key, "{id} was not this put");
                    assert!(puts.insert(id), "command {id} was applied twice");
                    assert!([Fate::Open, Fate::Made(*revision)].contains(&asked.fate), "{id}: {asked:?}");
                }
                None if made.contains_key(revision) => {} // see `check_answers`
                None => {
                    let origin = open.iter().position(|key| change.key == *key);
                    open.swap_remove(origin.expect("nobody proposed this delete, or it was applied twice"));
                }
            }
        }
    }

    fn check_past(&self, history: &History) {
        for (revision, change) in &self.seen {
            assert_eq!(history.get(revision), Some(change), "revision {revision} was seen and changed since");
        }
    }
}
