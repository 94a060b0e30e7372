//! `differ`: one history for etcd and for our server, and every field of every answer and event compared.
//!
//! It exists because a client sees more than anybody writes tests for. Histories come from a seed (`generator`) or from
//! a file (`text`); a difference is either in the table of accepted ones (`accepted`, `docs/differ.md`), or it is shrunk
//! to a small history that shows it (`shrink`), written to a file, and the run fails. Servers are started by whoever
//! started us, fresh ones for each history and each trial (`landlord`).
//!
//! Laws: D1, D2 of `pair`. D3 a message is compared whole: what the schema does not know is an error (`tree`). D4 what
//! is not in the table is not accepted.

mod accepted;
mod compare;
mod generator;
mod landlord;
mod pair;
mod schema;
mod shrink;
mod text;
mod tree;
mod watched;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value as Json, json};

use crate::options::Options;
use generator::{Generator, Parts};
use pair::Found;
use schema::Call;
use tree::Tree;

/// One request of a history.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) call: &'static Call,
    pub(crate) request: Tree,
}

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        self.call.word == other.call.word && self.request == other.request
    }
}

#[derive(Debug)]
struct Task {
    seed: u64,
    operations: usize,
    /// Of one history, at most.
    length: usize,
    parts: Parts,
    /// Trials of shrinking.
    trials: u32,
    /// Where to write a history that shows a difference.
    keep: PathBuf,
}

/// What is said at the end.
#[derive(Debug, Default)]
struct Report {
    operations: usize,
    histories: u64,
    accepted: BTreeMap<&'static str, u64>,
    /// The file of the history, and what it shows.
    found: Option<(PathBuf, Vec<String>)>,
}

/// Prints one line of JSON; a difference that was found is in it.
pub(crate) fn run(mut options: Options) -> anyhow::Result<()> {
    let replay: Option<PathBuf> = match options.take("--replay", String::new())? {
        path if path.is_empty() => None,
        path => Some(path.into()),
    };
    let parts: String = options.take("--parts", "watch".to_owned())?;
    let has = |part| parts.split(',').any(|found| found == part);
    let task = Task {
        seed: options.take("--seed", 1)?,
        operations: options.take("--ops", 20_000)?,
        length: options.take("--length", 10_000)?,
        parts: Parts { leases: has("lease"), watches: has("watch") },
        trials: options.take("--trials", 400)?,
        keep: PathBuf::from(options.take("--keep", ".".to_owned())?),
    };
    options.finish()?;
    let report = match replay {
        Some(path) => replayed(&path)?,
        None => task.run()?,
    };
    println!("{}", report.json());
    Ok(())
}

/// A history from a file, played once.
fn replayed(path: &Path) -> anyhow::Result<Report> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let history = text::parse(&text).with_context(|| path.display().to_string())?;
    let mut report = Report::default();
    let found = report.play(&history)?;
    report.found = found.map(|found| (path.to_owned(), shown(&found)));
    Ok(report)
}

impl Task {
    fn run(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        while report.operations < self.operations {
            let seed = self.seed + report.histories;
            let length = self.length.min(self.operations - report.operations);
            let history = Generator::new(seed, self.parts).history(length);
            if let Some(found) = report.play(&history)? {
                report.found = Some(self.keep(seed, &history, found)?);
                break;
            }
        }
        Ok(report)
    }

    /// Shrinks and writes it.
    fn keep(&self, seed: u64, history: &[Op], found: Found) -> anyhow::Result<(PathBuf, Vec<String>)> {
        eprintln!("differ: seed {seed}, operation {}: {}", found.at, shown(&found).join("; "));
        let shrunk =
            shrink::shrink(history, found, self.trials, |history| Ok(landlord::fresh()?.play(history)))?;
        let shown = shown(&shrunk.found);
        let mut text = format!("# seed {seed}\n");
        shown.iter().for_each(|line| text += &format!("# {line}\n"));
        shrunk.history.iter().for_each(|op| text += &format!("{op}\n"));
        fs::create_dir_all(&self.keep)?;
        let path = self.keep.join(format!("seed-{seed}.txt"));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok((path, shown))
    }
}

impl Report {
    /// Plays it on fresh servers and counts.
    fn play(&mut self, history: &[Op]) -> anyhow::Result<Option<Found>> {
        let mut pair = landlord::fresh()?;
        let found = pair.play(history);
        self.operations += history.len();
        self.histories += 1;
        for (name, count) in &pair.accepted {
            *self.accepted.entry(name).or_default() += count;
        }
        Ok(found)
    }

    fn json(&self) -> Json {
        let found = self.found.as_ref();
        let found = found.map(|(path, shown)| json!({ "file": path, "differences": shown }));
        json!({
            "operations": self.operations,
            "histories": self.histories,
            "accepted": self.accepted,
            "found": found,
        })
    }
}

fn shown(found: &Found) -> Vec<String> {
    found.differences.iter().take(5).map(ToString::to_string).collect()
}
