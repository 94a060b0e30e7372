//! What was asked of a cluster, what its members answered, and what they show.

use crate::ledger::{Change, History, history, value};
use quorate_state_machine::{Answer, Published, Reply};
use std::collections::BTreeMap;

/// Everything all clients know.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    asked: BTreeMap<u64, Asked>,
    /// Every change that any member ever showed.
    seen: History,
    /// The newest revision that somebody was told of: a read that begins now must show it.
    told: i64,
}

#[derive(Debug)]
struct Asked {
    key: String,
    is_put: bool,
    /// The revision it was answered with; an idle delete has none.
    answered: Option<Option<i64>>,
}

impl Chronicle {
    pub(crate) fn ask(&mut self, id: u64, key: &str, is_put: bool) {
        let earlier = self.asked.insert(id, Asked { key: key.into(), is_put, answered: None });
        assert!(earlier.is_none(), "id {id} was given twice");
    }

    pub(crate) fn answer(&mut self, id: u64, answer: &Answer) {
        let Answer::Applied(outcome) = answer else { return };
        let asked = self.asked.get_mut(&id).unwrap();
        assert_eq!(asked.answered, None, "command {id} was answered twice");
        let is_idle =
            matches!(outcome.result.as_ref().unwrap(), Reply::DeleteRange(deleted) if deleted.count == 0);
        asked.answered = Some((!is_idle).then_some(outcome.revision.0));
        self.told = self.told.max(outcome.revision.0);
    }

    pub(crate) fn answered(&self) -> usize {
        self.asked.values().filter(|asked| asked.answered.is_some()).count()
    }

    /// A linearizable read begins: what it must show at least.
    pub(crate) fn begin_read(&self) -> i64 {
        self.told
    }

    /// It shows `state`.
    pub(crate) fn end_read(&mut self, told: i64, state: &Published) {
        let shown = state.revision().0;
        assert!(shown >= told, "a read shows revision {shown}, and {told} had been told of before it began");
        self.witness(state);
        self.told = self.told.max(shown);
    }

    /// Anybody could have read `state`.
    pub(crate) fn witness(&mut self, state: &Published) {
        let history = history(state);
        assert!(history.keys().copied().eq(2..=state.revision().0), "revisions have no gap");
        for (revision, change) in history {
            let earlier = self.seen.entry(revision).or_insert_with(|| change.clone());
            assert_eq!(*earlier, change, "two members, or moments, differ at revision {revision}");
        }
    }

    /// All that was answered is there, as it was answered, and every change is one that was asked for, once.
    pub(crate) fn close(&self) {
        let mut puts = BTreeMap::new();
        for (revision, change) in &self.seen {
            if let Some(id) = change.put_id() {
                let asked = self.asked.get(&id).unwrap_or_else(|| panic!("nobody proposed {id}"));
                assert!(asked.is_put && change.is_of(&asked.key), "{id} was not this put");
                let earlier = puts.insert(id, *revision);
                assert_eq!(earlier, None, "command {id} was applied again at revision {revision}");
            }
        }
        for (id, asked) in &self.asked {
            let Some(Some(revision)) = asked.answered else { continue };
            let change = self.seen.get(&revision);
            let change = change.unwrap_or_else(|| panic!("acknowledged command {id} is lost: {asked:?}"));
            let expected = Change::of(&asked.key, asked.is_put.then(|| value(*id)));
            assert_eq!(*change, expected, "command {id} was told that it made revision {revision}");
        }
    }
}
