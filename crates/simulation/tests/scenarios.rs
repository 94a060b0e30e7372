//! Every scenario in `scenarios/`, under a few seeds.

use quorate_simulation::{STORMS, Script, Sum, scenario};
use std::path::Path;

/// Each scenario is run under so many.
const SEEDS: u64 = 5;

#[test]
fn every_scenario_comes_to_its_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 6, "{paths:?}");
    for path in paths {
        let script = Script::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let replay = format!("{STORMS} --scenario {}", path.display());
        let sum = Sum::of(0..SEEDS, &replay, |seed| scenario(&script, seed), |line| println!("{line}"));
        assert!(sum.failed.is_empty(), "{}: {sum}", path.display());
    }
}

#[test]
fn a_step_that_fails_is_named_by_its_line() {
    for (text, said) in [
        ("start 3\nwait leader\nput a 1 at 1\nexpect a = 2 at 2\n", "line 4: a is Some(\"1\")"),
        ("start 3\ncrash 1\n\nput a 1 at 1\n", "line 4: it was not acknowledged"),
        ("start 1\nwait leader\nisolate 7\n", "line 3: there is no member Named(\"7\")"),
    ] {
        let report = scenario(&Script::parse(text).unwrap(), 1);
        assert_eq!(report.failure.as_deref(), Some(said), "{text:?}");
    }
}
