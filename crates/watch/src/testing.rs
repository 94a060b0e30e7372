//! A past that a test writes: the double of [`History`].

use crate::history::{History, HistoryError};
use bytes::Bytes;
use parking_lot::Mutex;
use quorate_types::{Change, ChangeKind, Changes, Revision};
use std::ops::ControlFlow;
use std::sync::Arc;

/// All that was ever published, in memory. Clones are the same past.
#[derive(Debug, Clone, Default)]
pub struct MemoryHistory {
    shared: Arc<Mutex<Past>>,
}

#[derive(Debug, Default)]
struct Past {
    /// Revision 2 is the first.
    changes: Vec<Changes>,
    compacted: Option<Revision>,
    is_broken: bool,
}

impl Past {
    fn newest(&self) -> Revision {
        self.changes.last().map_or(Revision::FIRST, |changes| changes.revision)
    }

    fn check(&self, from: Revision) -> Result<(), HistoryError> {
        if self.is_broken {
            return Err(HistoryError::Failed("the disk is gone".into()));
        }
        match self.compacted {
            Some(compacted) if from < compacted => Err(HistoryError::Compacted(compacted)),
            _ => Ok(()),
        }
    }
}

impl MemoryHistory {
    /// Publishes the revisions that follow the newest.
    ///
    /// # Panics
    /// If they do not.
    pub fn publish(&self, changes: &[Changes]) {
        let mut past = self.shared.lock();
        for changes in changes {
            assert_eq!(changes.revision, past.newest().next(), "revisions are published in order");
            past.changes.push(changes.clone());
        }
    }

    /// Forgets what is below `revision`.
    pub fn compact(&self, revision: Revision) {
        self.shared.lock().compacted = Some(revision);
    }

    /// From here on every read fails.
    pub fn break_down(&self) {
        self.shared.lock().is_broken = true;
    }
}

impl History for MemoryHistory {
    fn newest(&self) -> Revision {
        self.shared.lock().newest()
    }

    fn compacted(&self) -> Option<Revision> {
        self.shared.lock().compacted
    }

    fn changes(
        &self,
        from: Revision,
        through: Revision,
        visit: &mut dyn FnMut(Changes) -> ControlFlow<()>,
    ) -> Result<(), HistoryError> {
        let past = self.shared.lock();
        past.check(from)?;
        let wanted = past.changes.iter().filter(|changes| (from..=through).contains(&changes.revision));
        for changes in wanted {
            if visit(changes.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn record_before(&self, key: &[u8], revision: Revision) -> Result<Option<Bytes>, HistoryError> {
        let past = self.shared.lock();
        past.check(Revision(revision.0 - 1))?;
        let earlier = past.changes.iter().rev().filter(|changes| changes.revision < revision);
        let last = earlier.flat_map(|changes| changes.changes.iter().rev()).find(|change| change.key == key);
        Ok(last.filter(|change| change.kind == ChangeKind::Put).map(|change| change.record.clone()))
    }
}

/// A put of `key`, with a record that says `value`.
#[must_use]
pub fn put(key: &str, value: &str) -> Change {
    let record = Bytes::from(format!("{key}={value}"));
    Change { key: Bytes::copy_from_slice(key.as_bytes()), kind: ChangeKind::Put, record }
}

/// A delete of `key`.
#[must_use]
pub fn delete(key: &str) -> Change {
    let key = Bytes::copy_from_slice(key.as_bytes());
    Change { record: key.clone(), key, kind: ChangeKind::Delete }
}
