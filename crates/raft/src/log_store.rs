//! openraft's log over ours.

use crate::codec;
use crate::shortcut::Shortcut;
use crate::types::{Entry, LogId, TypeConfig, Vote};
use openraft::OptionalSend;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use quorate_proto::log;
use quorate_wal::{Log, Mark};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use tokio::sync::oneshot;

/// So much of the log is read at a time: an answer to a follower, or a step of a replay.
const READ_BYTES_MAX: usize = 1 << 20;

/// See the module. Clones read the same log.
#[derive(Clone)]
pub(crate) struct LogStore {
    log: Log,
    shortcut: Shortcut,
}

impl LogStore {
    pub(crate) fn new(log: Log, shortcut: Shortcut) -> Self {
        Self { log, shortcut }
    }

    /// The entries of `start..end`, as far as one read goes.
    fn read(&self, start: u64, end: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let records = self.log.read(start..end, bytes_max).map_err(io::Error::other)?;
        records.iter().map(|record| codec::decode_entry(&record.payload)).collect()
    }

    /// The bounds of the log that lie within `range`.
    fn clip(&self, range: &impl RangeBounds<u64>) -> (u64, u64) {
        let (first, end_of_log) = self.held();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        (start.max(first), end.min(end_of_log))
    }

    /// The first entry there is, and the one after the last.
    fn held(&self) -> (u64, u64) {
        match (self.log.first(), self.log.last()) {
            (Some(first), Some(last)) => (first, last + 1),
            _ => (0, 0),
        }
    }

    fn last_log_id(&self) -> io::Result<Option<LogId>> {
        let Some(last) = self.log.last() else { return self.purged() };
        let last = self.read(last, last + 1, READ_BYTES_MAX)?;
        Ok(last.first().map(RaftEntry::log_id))
    }

    fn purged(&self) -> io::Result<Option<LogId>> {
        self.log.purged().map(|mark| log_id(&mark)).transpose()
    }
}

/// A log id as a mark in the log.
fn mark(id: &LogId) -> Mark {
    Mark { index: id.index, payload: codec::encode(&codec::encode_log_id(id)) }
}

fn log_id(mark: &Mark) -> io::Result<LogId> {
    Ok(codec::decode_log_id(codec::decode::<log::LogId>(&mark.payload)?))
}

/// The log's error as openraft passes it on.
fn io_result(result: Result<(), Arc<quorate_wal::Error>>) -> io::Result<()> {
    result.map_err(io::Error::other)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (mut start, end) = self.clip(&range);
        let mut entries = Vec::new();
        while start < end {
            let mut next = self.read(start, end, READ_BYTES_MAX)?;
            let Some(last) = next.last() else { break };
            start = last.index() + 1;
            entries.append(&mut next);
        }
        Ok(entries)
    }

    /// At least one entry, at most about [`READ_BYTES_MAX`]; none if the log begins later by now. What was purged is asked for by a
    /// replication of a leadership that is over, or by one that waited while the log was cut, which `network` then ends.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        if start < self.held().0 {
            return Ok(Vec::new());
        }
        let (start, end) = self.clip(&(start..end));
        if start >= end { Ok(Vec::new()) } else { self.read(start, end, READ_BYTES_MAX) }
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.log.vote().map(|record| codec::decode_vote(&record)).transpose()
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        Ok(LogState { last_purged_log_id: self.purged()?, last_log_id: self.last_log_id()? })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, saved) = oneshot::channel();
        let done = Box::new(move |result| drop(done.send(result))); // whoever asked may have stopped
        self.log.save_vote(codec::encode_vote(vote), done).map_err(io::Error::other)?;
        io_result(saved.await.map_err(|_| io::Error::other("the log has stopped"))?)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        match committed {
            Some(committed) => self.log.save_committed(mark(&committed)).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        self.log.committed().map(|mark| log_id(&mark)).transpose()
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let record =
            |entry: Entry| quorate_wal::Entry { index: entry.index(), payload: codec::encode_entry(&entry) };
        let records = entries.into_iter().map(record).collect();
        let shortcut = self.shortcut.clone();
        let done = Box::new(move |result| shortcut.synced(|| callback.io_completed(io_result(result))));
        if !self.shortcut.may_write() {
            return self.log.append(records, done).map_err(io::Error::other);
        }
        self.log.lay(records, done).map_err(io::Error::other)?;
        self.shortcut.writer.turn();
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.log.truncate_after(last.map(|id| id.index)).map_err(io::Error::other)
    }

    async fn purge(&mut self, through: LogId) -> io::Result<()> {
        self.log.purge(mark(&through)).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests;
