//! Named steps with their seconds beside a budget, and one sum at the end.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::budget;
use crate::command;
use crate::fingerprint::fingerprint;
use crate::places::Places;

/// How many checks of a step held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    pub(crate) fn count(&mut self, holds: bool) {
        if holds {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// A step's row in the budget table, and what tells it from others with the same row.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    row: &'static str,
    detail: String,
}

impl Step {
    pub(crate) fn of(row: &'static str) -> Step {
        Step { row, detail: String::new() }
    }

    pub(crate) fn with(row: &'static str, detail: impl std::fmt::Display) -> Step {
        Step { row, detail: format!(" {detail}") }
    }

    fn name(&self) -> String {
        format!("{}{}", self.row, self.detail)
    }
}

#[derive(Debug)]
pub(crate) struct Steps {
    stamps: PathBuf,
    /// What a warm target folder was built from.
    inputs: String,
    rows: Vec<Row>,
    sum: Tally,
}

#[derive(Debug)]
struct Row {
    name: String,
    taken: Duration,
    budget: Duration,
    warm: bool,
    verdict: &'static str,
}

impl Steps {
    pub(crate) fn new(places: &Places) -> Steps {
        Steps {
            stamps: places.target.join("xtask-steps"),
            inputs: inputs(places),
            rows: Vec::new(),
            sum: Tally::default(),
        }
    }

    /// Runs a step and keeps its account; what it gives back is there if it did not break off.
    pub(crate) fn run<T>(
        &mut self,
        step: &Step,
        work: impl FnOnce(&mut Tally) -> anyhow::Result<T>,
    ) -> Option<T> {
        let name = step.name();
        println!("== {name}");
        let warm = self.is_warm(&name);
        let budgets = budget::of(step.row);
        let budget = if warm { budgets.warm } else { budgets.cold };
        let begun = Instant::now();
        let mut tally = Tally::default();
        let given = work(&mut tally);
        let taken = begun.elapsed();
        let verdict = verdict(&given, tally, budget::is_broken(taken, budget));
        if let Err(error) = &given {
            println!("{name}: {error:#}");
        }
        if verdict != "ok" && tally.failed == 0 {
            tally.failed = 1;
        }
        if verdict == "ok" {
            self.remember(&name);
        }
        println!("== {name}: {verdict}, {:.1} s of {}", taken.as_secs_f64(), budget.as_secs());
        self.sum.add(tally);
        self.rows.push(Row { name, taken, budget, warm, verdict });
        given.ok()
    }

    /// Prints the table and, as the last line, the sum.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n{:<34} {:>8} {:>8}", "step", "seconds", "budget");
        for row in &self.rows {
            let Row { name, taken, budget, warm, verdict } = row;
            let kind = if *warm { "warm" } else { "cold" };
            println!("{name:<34} {:>8.1} {:>8} {kind}  {verdict}", taken.as_secs_f64(), budget.as_secs());
        }
        for row in self.rows.iter().filter(|row| budget::is_broken(row.taken, row.budget)) {
            println!("step `{}` took over twice its budget (xtask/src/budget.rs)", row.name);
        }
        println!("{} passed, {} failed", self.sum.passed, self.sum.failed);
        if self.sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn is_warm(&self, name: &str) -> bool {
        fs::read_to_string(self.stamp(name)).is_ok_and(|stamp| stamp == self.inputs)
    }

    /// Only a hint for the next run's budget: if it cannot be written, that run counts as cold.
    fn remember(&self, name: &str) {
        let written =
            fs::create_dir_all(&self.stamps).and_then(|()| fs::write(self.stamp(name), &self.inputs));
        if let Err(error) = written {
            eprintln!("steps: {}: {error}", self.stamps.display());
        }
    }

    fn stamp(&self, name: &str) -> PathBuf {
        self.stamps.join(name.replace([' ', '/'], "-"))
    }
}

fn verdict<T>(given: &anyhow::Result<T>, tally: Tally, slow: bool) -> &'static str {
    match given {
        Err(_) => "FAILED",
        Ok(_) if tally.failed > 0 => "FAILED",
        Ok(_) if slow => "TOO SLOW",
        Ok(_) => "ok",
    }
}

/// A change of any of these compiles the dependencies again.
fn inputs(places: &Places) -> String {
    let files = ["Cargo.lock", "Cargo.toml", ".cargo/config.toml"].map(|name| places.root.join(name));
    let texts: String = files.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    let compiler = command::text(Command::new("rustc").arg("-V")).unwrap_or_default();
    format!("{:08x}", fingerprint(&(texts + &compiler)))
}

#[cfg(test)]
mod tests;
