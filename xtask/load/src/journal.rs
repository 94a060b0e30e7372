//! The journal: what was sent, what was acknowledged, and what became of the rest. One event a line.
//!
//! It outlives the server and is only appended to; each `verify` replays it from the start. The program that
//! writes it is never killed, so it needs no syncing.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};

/// A value of any length that is told apart by its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) tag: String,
    pub(crate) length: usize,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Put {
        key: String,
        value: Value,
    },
    /// Every key with the prefix, in one request.
    Delete {
        prefix: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Sent {
        worker: u32,
        op: Op,
    },
    Acknowledged {
        worker: u32,
        revision: i64,
        deleted: i64,
    },
    /// Writes of keys that are not the workers', each a revision.
    Others {
        writes: i64,
    },
    /// What `verify` found out about a write that was not acknowledged; revision 0 if that cannot be seen.
    Settled {
        worker: u32,
        applied: bool,
        revision: i64,
    },
}

impl Value {
    /// The tag, and points up to the length.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.tag.clone().into_bytes();
        bytes.resize(self.length.max(bytes.len()), b'.');
        bytes
    }
}

/// The end of the range of keys that begin with `prefix`; our keys are ASCII, so no byte overflows.
pub(crate) fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

impl Event {
    fn line(&self) -> String {
        match self {
            Event::Sent { worker, op: Op::Put { key, value } } => {
                format!("put {worker} {key} {} {}", value.tag, value.length)
            }
            Event::Sent { worker, op: Op::Delete { prefix } } => format!("delete {worker} {prefix}"),
            Event::Acknowledged { worker, revision, deleted } => format!("ack {worker} {revision} {deleted}"),
            Event::Others { writes } => format!("others {writes}"),
            Event::Settled { worker, applied, revision } => format!("settled {worker} {applied} {revision}"),
        }
    }

    fn parse(line: &str) -> anyhow::Result<Event> {
        let words: Vec<&str> = line.split(' ').collect();
        Ok(match words[..] {
            ["put", worker, key, tag, length] => {
                let value = Value { tag: tag.to_owned(), length: length.parse()? };
                Event::Sent { worker: worker.parse()?, op: Op::Put { key: key.to_owned(), value } }
            }
            ["delete", worker, prefix] => {
                Event::Sent { worker: worker.parse()?, op: Op::Delete { prefix: prefix.to_owned() } }
            }
            ["ack", worker, revision, deleted] => Event::Acknowledged {
                worker: worker.parse()?,
                revision: revision.parse()?,
                deleted: deleted.parse()?,
            },
            ["others", writes] => Event::Others { writes: writes.parse()? },
            ["settled", worker, applied, revision] => Event::Settled {
                worker: worker.parse()?,
                applied: applied.parse()?,
                revision: revision.parse()?,
            },
            _ => bail!("not a line of a journal: {line:?}"),
        })
    }
}

/// The open end of a journal. What is written is there once `finish` has been called.
#[derive(Debug)]
pub(crate) struct Journal {
    file: BufWriter<File>,
}

impl Journal {
    pub(crate) fn append(path: &Path) -> anyhow::Result<Journal> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("open the journal {}", path.display()))?;
        Ok(Journal { file: BufWriter::new(file) })
    }

    pub(crate) fn write(&mut self, event: &Event) -> anyhow::Result<()> {
        writeln!(self.file, "{}", event.line()).context("write the journal")
    }

    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.file.flush().context("write the journal")
    }
}

pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Event>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("read the journal {}", path.display()))?;
    text.lines().map(Event::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_read_as_it_was_written() {
        let value = Value { tag: "a-1".to_owned(), length: 9 };
        let events = [
            Event::Sent { worker: 1, op: Op::Put { key: "w1/k".to_owned(), value } },
            Event::Sent { worker: 2, op: Op::Delete { prefix: "w2/".to_owned() } },
            Event::Acknowledged { worker: 1, revision: 7, deleted: 0 },
            Event::Settled { worker: 2, applied: true, revision: 0 },
            Event::Others { writes: 100 },
        ];
        for event in events {
            assert_eq!(Event::parse(&event.line()).unwrap(), event);
        }
        assert!(Event::parse("ack 1").is_err());
    }

    #[test]
    fn a_value_is_padded_to_its_length_but_never_cut() {
        assert_eq!(Value { tag: "ab".to_owned(), length: 4 }.bytes(), b"ab..");
        assert_eq!(Value { tag: "ab".to_owned(), length: 1 }.bytes(), b"ab");
    }

    #[test]
    fn the_end_of_a_prefix_is_the_next_one() {
        assert_eq!(end_of("w1/"), b"w10");
    }
}
