//! A run and what became of it.

use crate::notes::Notes;
use crate::tally::{Counts, Event, Tally};
use crate::world::{self, World};
use quorate_testkit::{History, Recording, Settings, Writer, check};
use std::io::BufWriter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

/// How long after its time a lease may still be there: each change of leader gives it its time again, for as long as things go
/// wrong. Whether all end in peace is looked at there.
const LEASE_GRACE: Duration = Duration::from_secs(60);

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What it was.
    pub counts: Counts,
    /// All that its clients were told.
    pub recording: Recording,
    /// What is wrong, if anything is.
    pub failure: Option<String>,
}

/// How a run begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// How many members found the cluster.
    pub(crate) members: u64,
    /// In a thousand parcels of commands to the leader, how many are carried out twice, which no network does.
    pub(crate) doubled: usize,
}

impl Report {
    /// Writes the recording into `folder`, as `cargo run -p quorate-testkit --example check` reads it. Returns where.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(format!("quorate-sim-{}.jsonl", self.seed));
        self.recording.write(BufWriter::new(fs::File::create(&path)?))?;
        Ok(path)
    }
}

impl Run {
    /// Has `body` done in a world, and judges what clients were told in it. A panic is a failure like any other.
    pub(crate) fn report<F: Future<Output = ()>>(self, body: impl FnOnce(Arc<World>) -> F) -> Report {
        let (notes, tally) = (Notes::default(), Tally::default());
        let outcome = catch_unwind(AssertUnwindSafe(|| world::run(self, notes.clone(), tally.clone(), body)));
        let recording = notes.end();
        let failure = match outcome {
            Ok(()) => judge(&recording, &tally),
            Err(panic) => Some(words(panic.as_ref())),
        };
        Report { seed: self.seed, counts: tally.counts(), recording, failure }
    }
}

/// Holds what clients were told to the laws.
fn judge(recording: &Recording, tally: &Tally) -> Option<String> {
    let history = match History::try_from(recording) {
        Ok(history) => history,
        Err(malformed) => return Some(malformed.to_string()),
    };
    let lease_grace_ms = u64::try_from(LEASE_GRACE.as_millis()).unwrap_or(u64::MAX);
    let verdict = check(&history, &Settings { lease_grace_ms, ..Settings::default() });
    let expired = verdict.order.iter().filter(|placed| matches!(placed.writer, Writer::Expiry(_))).count();
    tally.add(Event::LeaseExpired, expired);
    (!verdict.holds()).then(|| verdict.to_string())
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}
