//! `cargo xtask test`: what must hold before anything is pushed.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail};

use crate::args::Args;
use crate::backend::BACKENDS;
use crate::command;
use crate::places::Places;
use crate::setup::{self, Ready};
use crate::steps::{Step, Steps, Tally};
use crate::tidy;

pub(crate) fn main(places: &Places, args: Args) -> anyhow::Result<ExitCode> {
    args.finish()?;
    let mut steps = Steps::new(places);
    let Some(ready) = steps.run(&Step::of("setup"), |_| setup::prepare(places, &BACKENDS)) else {
        return Ok(steps.finish());
    };
    steps.run(&Step::of("format"), |_| command::run(&mut cargo(&ready, places, "fmt --all --check")));
    steps.run(&Step::of("tidy"), |tally| tidy::check(places, tally));
    let lints = "clippy --workspace --all-targets -- -D warnings";
    steps.run(&Step::of("clippy"), |_| command::run(&mut cargo(&ready, places, lints)));
    if places.root.join("bin/quorate").is_dir() {
        let other =
            "clippy --package quorate --no-default-features --features memory --all-targets -- -D warnings";
        steps.run(&Step::of("clippy memory"), |_| command::run(&mut cargo(&ready, places, other)));
    }
    // The crates switch on their own `testing` features through a dev-dependency on themselves.
    let tests = "test --workspace --no-fail-fast";
    steps.run(&Step::of("cargo test"), |tally| count_tests(cargo(&ready, places, tests), tally));
    Ok(steps.finish())
}

fn cargo(ready: &Ready, places: &Places, words: &str) -> Command {
    let mut command = ready.cargo(places);
    command.args(words.split(' '));
    command
}

/// Runs it, passes its output on as it comes, and sums what the test programs said.
fn count_tests(mut cargo: Command, tally: &mut Tally) -> anyhow::Result<()> {
    let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("start cargo")?;
    let output = child.stdout.take().context("stdout is a pipe")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some(counted) = counted(&line) {
            tally.add(counted);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("cargo test: {status}");
    }
    Ok(())
}

/// `test result: ok. 12 passed; 0 failed; …`
fn counted(line: &str) -> Option<Tally> {
    let counts = line.trim_start().strip_prefix("test result: ")?.split_once(". ")?.1;
    let number = |word: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(word));
        part.and_then(|digits| digits.parse().ok())
    };
    Some(Tally { passed: number(" passed")?, failed: number(" failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_the_lines_of_test_programs() {
        let said = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(counted(said), Some(Tally { passed: 12, failed: 3 }));
        let said =
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(counted(said), Some(Tally::default()));
        assert_eq!(counted("test a::result ... ok"), None);
    }
}
