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
use std::str::FromStr;

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};

use crate::options::Options;
use generator::{Generator, Parts};
use pair::Found;
use schema::Call;
use tree::{Tree, Value};

/// One request of a history.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) call: &'static Call,
    pub(crate) request: Tree,
}

/// The etcd that ours is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Etcd {
    /// It dies of some requests, which are not sent then, and differs from 3.7 in ways that are listed.
    V35,
    /// What we follow.
    V37,
}

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        self.call.word == other.call.word && self.request == other.request
    }
}

#[derive(Debug)]
struct Task {
    etcd: Etcd,
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
    let etcd = options.take("--etcd", Etcd::V37)?;
    let parts: String = options.take("--parts", "watch,lease".to_owned())?;
    let has = |part| parts.split(',').any(|found| found == part);
    let task = Task {
        etcd,
        seed: options.take("--seed", 1)?,
        operations: options.take("--ops", 20_000)?,
        length: options.take("--length", 10_000)?,
        parts: Parts { leases: has("lease"), watches: has("watch") },
        trials: options.take("--trials", 400)?,
        keep: PathBuf::from(options.take("--keep", ".".to_owned())?),
    };
    options.finish()?;
    let report = match replay {
        Some(path) => replayed(etcd, &path)?,
        None => task.run()?,
    };
    println!("{}", report.json());
    Ok(())
}

/// A history from a file, played once.
fn replayed(etcd: Etcd, path: &Path) -> anyhow::Result<Report> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let mut history = text::parse(&text).with_context(|| path.display().to_string())?;
    history.retain(|op| is_for(etcd, op));
    let mut report = Report::default();
    let found = report.play(etcd, &history)?;
    report.found = found.map(|found| (path.to_owned(), shown(&found)));
    Ok(report)
}

impl FromStr for Etcd {
    type Err = anyhow::Error;

    /// A version, as etcd says it.
    fn from_str(version: &str) -> anyhow::Result<Etcd> {
        match version.split('.').collect::<Vec<_>>().as_slice() {
            ["3", "5", ..] => Ok(Etcd::V35),
            ["3", "7", ..] => Ok(Etcd::V37),
            _ => bail!("histories are made for etcd 3.5 and 3.7 only"),
        }
    }
}

/// Whether `op` can be sent to it: 3.5 has no `RangeStream`, and dies of an unknown sort.
fn is_for(etcd: Etcd, op: &Op) -> bool {
    let is_new = || std::ptr::eq(op.call, &schema::RANGE_STREAM) || sorts_unknown(&op.request);
    etcd == Etcd::V37 || !is_new()
}

fn sorts_unknown(tree: &Tree) -> bool {
    let is_known =
        (0..=2).contains(&tree.number("sort_order")) && (0..=4).contains(&tree.number("sort_target"));
    let mut within = tree.fields.iter().filter_map(|(_, value)| match value {
        Value::Tree(within) => Some(within),
        _ => None,
    });
    !is_known || within.any(sorts_unknown)
}

impl Task {
    fn run(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        while report.operations < self.operations {
            let seed = self.seed + report.histories;
            let length = self.length.min(self.operations - report.operations);
            let history = Generator::new(seed, (self.etcd, self.parts)).history(length);
            if let Some(found) = report.play(self.etcd, &history)? {
                report.found = Some(self.keep(seed, &history, found)?);
                break;
            }
        }
        Ok(report)
    }

    /// Shrinks and writes it.
    fn keep(&self, seed: u64, history: &[Op], found: Found) -> anyhow::Result<(PathBuf, Vec<String>)> {
        eprintln!("differ: seed {seed}, operation {}: {}", found.at, shown(&found).join("; "));
        let shrunk = shrink::shrink(history, found, self.trials, |history| {
            Ok(landlord::fresh(self.etcd)?.play(history))
        })?;
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
    fn play(&mut self, etcd: Etcd, history: &[Op]) -> anyhow::Result<Option<Found>> {
        let mut pair = landlord::fresh(etcd)?;
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

#[cfg(test)]
mod tests;
