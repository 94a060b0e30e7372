//! Storms under many seeds, and whether the harness sees what is wrong.
//!
//! `QUORATE_SIM_SEEDS=first..end` runs these seeds instead of the few of CI; `cargo xtask sim` is made for that.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use quorate_simulation::{STORMS, Sum, storm, storm_with_doubled_forwards};
use std::ops::Range;

/// In CI.
const SEEDS: Range<u64> = 0..200;
/// Within so many seeds something that is wrong must be seen.
const SUSPECTS: Range<u64> = 0..10;

#[test]
fn what_clients_are_told_is_right_whatever_happens() {
    let sum = Sum::of(seeds(), STORMS, storm, |line| println!("{line}"));
    println!("{sum}");
    assert!(sum.holds(), "{sum}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [4, 7] {
        let (one, other) = (storm(seed), storm(seed));
        assert_eq!(one.recording.entries().len(), other.recording.entries().len(), "seed {seed}");
        assert_eq!(one, other, "seed {seed}");
        assert!(one.recording.entries().len() > 100, "seed {seed} does too little");
    }
}

#[test]
fn with_doubled_forwards_the_checker_finds_what_is_wrong() {
    let failures: Vec<String> =
        SUSPECTS.filter_map(|seed| storm_with_doubled_forwards(seed).failure).collect();
    println!("{} of {} runs: {}", failures.len(), SUSPECTS.end, failures.join("\n"));
    assert!(failures.iter().any(|failure| failure.contains("K4")), "a write that was done twice went unseen");
}

fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("QUORATE_SIM_SEEDS") else { return SEEDS };
    let (start, end) = asked.split_once("..").expect("QUORATE_SIM_SEEDS=first..end");
    start.parse().unwrap()..end.parse().unwrap()
}
