//! Many seeds, one after the other.

use crate::report::Report;
use crate::tally::Counts;
use std::fmt;
use std::ops::Range;

/// What runs storms.
pub const STORMS: &str = "cargo xtask sim";
/// How often it is said how far it is, in seeds.
const PROGRESS: u64 = 25;
/// A sum of fewer seeds may be idle in some way.
const ENOUGH: u64 = 100;

/// What many runs were together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many runs.
    pub runs: u64,
    /// The seeds of those in which something was wrong.
    pub failed: Vec<u64>,
    /// What all of them were.
    pub counts: Counts,
}

impl Sum {
    /// Runs `seeds` and says how far it is, what is wrong, and how to see it again: `replay` is the command but for its seed.
    pub fn of(
        seeds: Range<u64>,
        replay: &str,
        run: impl Fn(u64) -> Report,
        mut say: impl FnMut(fmt::Arguments<'_>),
    ) -> Self {
        let mut sum = Self::default();
        let all = seeds.end - seeds.start;
        for seed in seeds {
            let report = run(seed);
            sum.runs += 1;
            sum.counts.add(&report.counts);
            if let Some(failure) = &report.failure {
                sum.failed.push(seed);
                say(format_args!("seed {seed}: {failure}"));
                say(format_args!("  replay: {replay} --seed {seed}"));
                match report.write(&std::env::temp_dir()) {
                    Ok(path) => say(format_args!("  recording: {}", path.display())),
                    Err(error) => say(format_args!("  the recording cannot be written: {error}")),
                }
            }
            if sum.runs % PROGRESS == 0 || sum.runs == all {
                let (runs, failed) = (sum.runs, sum.failed.len());
                say(format_args!("{runs} of {all} seeds, {failed} failed"));
            }
        }
        sum
    }

    /// What never happened, though there were runs enough for it.
    #[must_use]
    pub fn idle(&self) -> Vec<&'static str> {
        if self.runs < ENOUGH { Vec::new() } else { self.counts.idle().collect() }
    }

    /// Whether nothing was wrong, and enough went on.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failed.is_empty() && self.idle().is_empty()
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} runs: {}", self.runs, self.counts)?;
        if !self.failed.is_empty() {
            write!(formatter, "; failed: {:?}", self.failed)?;
        }
        let idle = self.idle();
        if !idle.is_empty() {
            write!(formatter, "; never: {}", idle.join(", "))?;
        }
        Ok(())
    }
}
