//! What a recorder writes down, one entry after the other, and how that becomes a file of JSON lines.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::operation::{Answer, LeaseId, Operation, Record, Revision};

/// When something happened, as the one recorder of a history saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time {
    /// A counter that grows with every entry: the order of things.
    pub order: u64,
    /// The recorder's clock in milliseconds, for leases only. It may start anywhere but never goes back.
    pub ms: u64,
}

/// Names one call, one watch or one request about a lease within a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub u64);

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done, with this answer.
    Done(Answer),
    /// It was refused in a way that proves it was not and will not be done.
    Refused(String),
    /// Nobody knows: it may have been done, may be done at any later time, or never.
    Unknown(String),
}

/// Keys, as etcd's `key` and `range_end` name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first key.
    pub key: String,
    /// Empty: that key alone. One zero byte: every key from it on. Else the first key past the range.
    #[serde(default)]
    pub range_end: String,
}

/// One event of a watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The key.
    pub key: String,
    /// The revision of the change.
    pub revision: Revision,
    /// What was put; nothing for a delete.
    #[serde(default)]
    pub record: Option<Record>,
    /// What was there before, if it was told.
    #[serde(default)]
    pub prev_kv: Option<Record>,
}

/// What a watch was told by one response; fragments are put together by the recorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It exists. A client that goes on by itself after a lost connection may be told so again.
    Created,
    /// Events.
    Events(Vec<Event>),
    /// All events up to the header's revision have been told.
    Progress,
    /// It has ended.
    Canceled,
}

/// What was asked about a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// `LeaseGrant`.
    Grant {
        /// The time asked for, in seconds.
        ttl: i64,
    },
    /// `LeaseKeepAlive`.
    KeepAlive,
}

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A client makes a call. A client may have several calls under way.
    Invoke {
        /// The call.
        call: Id,
        /// The client, for people who read the finding.
        client: u32,
        /// When.
        at: Time,
        /// What it asks.
        operation: Operation,
    },
    /// A call has ended. A call without this entry is unknown.
    Complete {
        /// The call.
        call: Id,
        /// When.
        at: Time,
        /// How.
        outcome: Outcome,
    },
    /// A client begins to watch.
    Watch {
        /// The watch.
        watch: Id,
        /// When.
        at: Time,
        /// Whose changes it wants.
        range: Range,
        /// The first revision it wants; without one, what follows its `Created`.
        #[serde(default)]
        start: Option<Revision>,
    },
    /// A watch is told something.
    Tell {
        /// The watch.
        watch: Id,
        /// When.
        at: Time,
        /// `header.revision`; 0 if there was none.
        header: Revision,
        /// What.
        told: Told,
    },
    /// A client asks about a lease.
    Ask {
        /// The request.
        ask: Id,
        /// When.
        at: Time,
        /// The lease; a grant names it itself.
        lease: LeaseId,
        /// What.
        what: Ask,
    },
    /// A request about a lease has its answer.
    Ttl {
        /// The request.
        ask: Id,
        /// When.
        at: Time,
        /// The answered TTL in seconds; 0 or less: there is no such lease.
        ttl: i64,
    },
    /// A member was asked for its hash.
    Hash(MemberHash),
}

/// A member's `HashKV`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberHash {
    /// The member, by any name.
    pub member: String,
    /// `hash_revision`.
    pub revision: Revision,
    /// `compact_revision`.
    pub compact_revision: Revision,
    /// `hash`.
    pub hash: u32,
}

/// The entries of one recorder, in their order. It hands out ids and the order of times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    entries: Vec<Entry>,
}

/// Why a file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("read line {line}")]
    Io {
        /// The line, from 1.
        line: usize,
        /// Why.
        source: io::Error,
    },
    /// A line is no entry.
    #[error("line {line} is no entry of a recording")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

impl Range {
    /// Whether `key` is meant.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        match self.range_end.as_str() {
            "" => self.key == key,
            "\0" => self.key.as_str() <= key,
            end => self.key.as_str() <= key && key < end,
        }
    }
}

impl Recording {
    /// Everything so far.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds what another recorder wrote; its ids and times are its own.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// A client makes a call, at `ms` of the recorder's clock.
    pub fn invoke(&mut self, client: u32, ms: u64, operation: Operation) -> Id {
        let (call, at) = self.next(ms);
        self.push(Entry::Invoke { call, client, at, operation });
        call
    }

    /// A call has ended.
    pub fn complete(&mut self, call: Id, ms: u64, outcome: Outcome) {
        let (_, at) = self.next(ms);
        self.push(Entry::Complete { call, at, outcome });
    }

    /// A client begins to watch, from `start` or from what follows its `Created`.
    pub fn watch(&mut self, ms: u64, range: Range, start: Option<Revision>) -> Id {
        let (watch, at) = self.next(ms);
        self.push(Entry::Watch { watch, at, range, start });
        watch
    }

    /// A watch is told something.
    pub fn tell(&mut self, watch: Id, ms: u64, header: Revision, told: Told) {
        let (_, at) = self.next(ms);
        self.push(Entry::Tell { watch, at, header, told });
    }

    /// A client asks about a lease.
    pub fn ask(&mut self, ms: u64, lease: LeaseId, what: Ask) -> Id {
        let (ask, at) = self.next(ms);
        self.push(Entry::Ask { ask, at, lease, what });
        ask
    }

    /// A request about a lease has its answer.
    pub fn ttl(&mut self, ask: Id, ms: u64, ttl: i64) {
        let (_, at) = self.next(ms);
        self.push(Entry::Ttl { ask, at, ttl });
    }

    /// A member was asked for its hash.
    pub fn hash(&mut self, hash: MemberHash) {
        self.push(Entry::Hash(hash));
    }

    /// Writes one line of JSON an entry.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        for entry in &self.entries {
            serde_json::to_writer(&mut out, entry)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Reads what [`Recording::write`] wrote.
    ///
    /// # Errors
    /// The first line that cannot be read or is no entry, a torn last one included.
    pub fn read(input: impl BufRead) -> Result<Recording, ReadError> {
        let mut recording = Recording::default();
        for (at, line) in input.lines().enumerate() {
            let line_number = at + 1;
            let line = line.map_err(|source| ReadError::Io { line: line_number, source })?;
            let entry = serde_json::from_str(&line);
            recording.push(entry.map_err(|source| ReadError::Line { line: line_number, source })?);
        }
        Ok(recording)
    }

    /// The place of the next entry: an id that nobody has, and a time after all others.
    fn next(&self, ms: u64) -> (Id, Time) {
        let order = self.entries.len() as u64;
        (Id(order), Time { order, ms })
    }
}

#[cfg(test)]
mod tests;
