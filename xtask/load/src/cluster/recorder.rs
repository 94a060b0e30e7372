//! Keeps what clients ask and are told, in memory and as lines of a file, and counts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use quorate_testkit::{
    Ask, Entry, Id, LeaseId, MemberHash, Operation, Outcome, Range, Recording, Revision, Told,
};

/// The one recorder of a history, with the one clock.
#[derive(Debug)]
pub(super) struct Recorder {
    recording: Recording,
    file: BufWriter<File>,
    begun: Instant,
    /// When the newest acknowledged write through each endpoint began.
    written: Vec<Option<Instant>>,
    /// When the newest write was acknowledged, and the longest time without one since it was last asked for.
    newest_write: Instant,
    pause: Duration,
    pub(super) acknowledged: u64,
    /// By what was said.
    pub(super) unknown: BTreeMap<String, u64>,
    pub(super) refused: BTreeMap<String, u64>,
    /// What no server may do, and what we could not do (V6).
    wrongs: Vec<String>,
}

/// A call under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    call: Id,
    at: Instant,
    endpoint: usize,
    is_write: bool,
}

impl Recorder {
    pub(super) fn create(path: &Path, endpoints: usize) -> anyhow::Result<Recorder> {
        let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Recorder {
            recording: Recording::default(),
            file: BufWriter::new(file),
            begun: Instant::now(),
            written: vec![None; endpoints],
            newest_write: Instant::now(),
            pause: Duration::ZERO,
            acknowledged: 0,
            unknown: BTreeMap::new(),
            refused: BTreeMap::new(),
            wrongs: Vec::new(),
        })
    }

    /// V4: before it is sent.
    pub(super) fn invoke(&mut self, client: u32, operation: &Operation, endpoint: usize) -> Sent {
        let is_write = !matches!(operation, Operation::Step(quorate_testkit::Step::Range { .. }));
        let call = self.recording.invoke(client, self.ms(), operation.clone());
        self.keep();
        Sent { call, at: Instant::now(), endpoint, is_write }
    }

    pub(super) fn complete(&mut self, sent: Sent, outcome: Outcome) {
        match &outcome {
            Outcome::Done(_) if sent.is_write => {
                self.acknowledged += 1;
                let newest = &mut self.written[sent.endpoint];
                *newest = (*newest).max(Some(sent.at));
                self.pause = self.pause.max(self.newest_write.elapsed());
                self.newest_write = Instant::now();
            }
            Outcome::Done(_) => self.acknowledged += 1,
            Outcome::Unknown(why) => *self.unknown.entry(why.clone()).or_default() += 1,
            Outcome::Refused(why) => *self.refused.entry(why.clone()).or_default() += 1,
        }
        self.recording.complete(sent.call, self.ms(), outcome);
        self.keep();
    }

    pub(super) fn watch(&mut self, range: Range, start: Option<Revision>) -> Id {
        let watch = self.recording.watch(self.ms(), range, start);
        self.keep();
        watch
    }

    pub(super) fn tell(&mut self, watch: Id, header: Revision, told: Told) {
        self.recording.tell(watch, self.ms(), header, told);
        self.keep();
    }

    pub(super) fn ask(&mut self, lease: LeaseId, what: Ask) -> Id {
        let ask = self.recording.ask(self.ms(), lease, what);
        self.keep();
        ask
    }

    pub(super) fn ttl(&mut self, ask: Id, ttl: i64) {
        self.recording.ttl(ask, self.ms(), ttl);
        self.keep();
    }

    pub(super) fn hash(&mut self, hash: MemberHash) {
        self.recording.hash(hash);
        self.keep();
    }

    pub(super) fn wrong(&mut self, what: String) {
        self.wrongs.push(what);
    }

    pub(super) fn wrongs(&self) -> &[String] {
        &self.wrongs
    }

    /// The longest time without an acknowledged write since this was last called.
    pub(super) fn take_pause(&mut self) -> Duration {
        std::mem::take(&mut self.pause).max(self.newest_write.elapsed())
    }

    /// The places of the endpoints through which nobody has written since.
    pub(super) fn silent_since(&self, since: Instant) -> Vec<usize> {
        let silent = |at: &usize| self.written[*at].is_none_or(|written| written <= since);
        (0..self.written.len()).filter(silent).collect()
    }

    pub(super) fn entries(&self) -> usize {
        self.recording.entries().len()
    }

    /// What was recorded is in the file after this.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.file.flush().context("write the history")
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).expect("nobody waits so long")
    }

    /// Writes the newest entry as a line.
    fn keep(&mut self) {
        let newest: &Entry = self.recording.entries().last().expect("an entry was added");
        let line = serde_json::to_string(newest).expect("an entry is made of strings and numbers");
        if let Err(error) = writeln!(self.file, "{line}") {
            self.wrongs.push(format!("write the history: {error}"));
        }
    }
}
