//! What the store must hold after the events of a journal, by etcd's rules of revisions.
//!
//! Laws: M1 a write that changes something takes one revision of its own. M2 revisions of one worker rise.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};

use crate::journal::{Event, Op, Value};

/// A key as it must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) value: Value,
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
}

/// A put that was acknowledged at a revision; it must stay readable there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) key: String,
    pub(crate) record: Record,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) records: BTreeMap<String, Record>,
    /// By worker: sent and not acknowledged. V1: at most one.
    pub(crate) pending: BTreeMap<u32, Op>,
    pub(crate) acknowledged: u64,
    /// Writes that took a revision: the store's revision is one more.
    pub(crate) writes: i64,
    pub(crate) past: Vec<Past>,
    revisions: BTreeSet<i64>,
    newest: BTreeMap<u32, i64>,
}

impl Model {
    pub(crate) fn replay(events: Vec<Event>) -> anyhow::Result<Model> {
        let mut model = Model::default();
        for event in events {
            let text = format!("{event:?}");
            model.apply(event).with_context(|| format!("at {text}"))?;
        }
        Ok(model)
    }

    /// The highest revision that was seen.
    pub(crate) fn revision(&self) -> i64 {
        self.revisions.last().copied().unwrap_or(1)
    }

    fn apply(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Sent { worker, op } => {
                let before = self.pending.insert(worker, op);
                ensure!(before.is_none(), "V1: {before:?} is still under way");
            }
            Event::Acknowledged { worker, revision, deleted } => {
                let op = self.pending.remove(&worker).context("acknowledged and never sent")?;
                self.acknowledged += 1;
                let removed = self.write(worker, op, revision)?;
                ensure!(removed == deleted, "{deleted} keys were reported as deleted, {removed} were there");
            }
            Event::Others { writes } => self.writes += writes,
            Event::Settled { worker, applied, revision } => {
                let op = self.pending.remove(&worker).context("settled and never sent")?;
                if applied {
                    self.write(worker, op, revision)?;
                }
            }
        }
        Ok(())
    }

    /// Does what the write did; gives the number of keys it removed.
    pub(crate) fn write(&mut self, worker: u32, op: Op, revision: i64) -> anyhow::Result<i64> {
        match op {
            Op::Put { key, value } => {
                self.take_revision(worker, revision)?;
                let before = self.records.remove(&key);
                let record = Record {
                    value,
                    create_revision: before.as_ref().map_or(revision, |before| before.create_revision),
                    mod_revision: revision,
                    version: before.map_or(1, |before| before.version + 1),
                };
                self.past.push(Past { key: key.clone(), record: record.clone() });
                self.records.insert(key, record);
                Ok(0)
            }
            Op::Delete { prefix } => {
                let keys = self.below(&prefix);
                if !keys.is_empty() {
                    self.take_revision(worker, revision)?;
                }
                keys.iter().for_each(|key| drop(self.records.remove(key)));
                Ok(i64::try_from(keys.len())?)
            }
        }
    }

    /// M1, M2. A delete that nobody acknowledged leaves no trace of its revision: that one is 0.
    fn take_revision(&mut self, worker: u32, revision: i64) -> anyhow::Result<()> {
        self.writes += 1;
        if revision == 0 {
            return Ok(());
        }
        let newest = self.newest.entry(worker).or_insert(0);
        if revision <= *newest {
            bail!("M2: revision {revision} came to worker {worker} after {newest}");
        }
        *newest = revision;
        ensure!(self.revisions.insert(revision), "M1: two writes have revision {revision}");
        Ok(())
    }

    /// The keys that begin with `prefix`.
    pub(crate) fn below(&self, prefix: &str) -> Vec<String> {
        let from = self.records.range(prefix.to_owned()..).map(|(key, _)| key);
        from.take_while(|key| key.starts_with(prefix)).cloned().collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
