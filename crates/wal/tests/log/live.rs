//! An open log whose writer runs when the test says so.

use bytes::Bytes;
use quorate_tasks::inbox::Receiver;
use quorate_tasks::{Failure, Step};
use quorate_wal::testing::SimDisk;
use quorate_wal::{Done, Entry, Error, Log, Mark, Opened, Options, Recovery, Request, Writer, open};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

pub(crate) struct Live {
    pub(crate) log: Log,
    pub(crate) recovery: Recovery,
    writer: Writer,
    inbox: Receiver<Request>,
    told: Arc<Mutex<Vec<Told>>>,
}

/// Which `Done` was called, and with what.
pub(crate) type Told = (u64, Result<(), String>);

/// Segments of a few batches, a tail of a few entries.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 2048,
        zero_bytes: 1024,
        batch_bytes_max: 512,
        tail_bytes_max: 64,
        nonce: 7,
        ..Options::default()
    }
}

impl Live {
    pub(crate) fn open(disk: &SimDisk, options: &Options) -> Self {
        Self::try_open(disk, options).unwrap()
    }

    pub(crate) fn try_open(disk: &SimDisk, options: &Options) -> Result<Self, Error> {
        let Opened { log, writer, inbox, recovery } = open(Arc::new(disk.clone()), options)?;
        Ok(Self { log, recovery, writer, inbox, told: Arc::default() })
    }

    /// A `Done` that notes `id` and its outcome.
    pub(crate) fn done(&self, id: u64) -> Done {
        let told = self.told.clone();
        Box::new(move |outcome| {
            let outcome = outcome.map_err(|error| error.to_string());
            told.lock().unwrap().push((id, outcome));
        })
    }

    /// Appends entries `first..first + count` of `size` bytes each; their `Done` is named by `first`.
    pub(crate) fn append(&self, first: u64, count: u64, size: usize) {
        let entries = (first..first + count).map(|index| entry(index, size)).collect();
        self.log.append(entries, self.done(first)).unwrap();
    }

    /// Lets the writer work through all that waits.
    pub(crate) fn turn(&mut self) -> Result<(), Failure> {
        let mut batch = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        while self.inbox.poll_next(&mut context, &mut batch).is_ready() && !batch.is_empty() {
            self.writer.turn(&mut batch)?;
        }
        Ok(())
    }

    /// Ends the writer as a clean stop does.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.turn()?;
        self.writer.finish()
    }

    pub(crate) fn told_handle(&self) -> Arc<Mutex<Vec<Told>>> {
        self.told.clone()
    }

    /// What the `Done`s said since the last call.
    pub(crate) fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// The indexes of all entries that can be read, each checked to be what `append` wrote.
    pub(crate) fn indexes(&self, size: usize) -> Vec<u64> {
        let entries = self.log.read(0..u64::MAX, usize::MAX).unwrap();
        entries.iter().for_each(|read| assert_eq!(*read, entry(read.index, size)));
        entries.into_iter().map(|entry| entry.index).collect()
    }
}

pub(crate) fn entry(index: u64, size: usize) -> Entry {
    let payload = (0..size).map(|at| (index as usize * 31 + at) as u8).collect::<Vec<_>>();
    Entry { index, payload: payload.into() }
}

pub(crate) fn mark(index: u64) -> Mark {
    Mark { index, payload: Bytes::from(format!("mark {index}")) }
}

pub(crate) fn name(segment: u64) -> String {
    format!("{segment:016x}.wal")
}
