//! How long each step of `test` and `compat` may take.
//!
//! The whole must stay under 75 minutes on a new machine with two cores and under 20 on a warm one. A step over
//! twice its budget fails by name: whoever made it slower makes it quick again, or changes the row with a reason.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// With nothing built yet.
    pub(crate) cold: Duration,
    /// With the dependencies built.
    pub(crate) warm: Duration,
}

/// Step, seconds cold, seconds warm. Seen on two cores; where only the first number is larger, it compiles.
const TABLE: [(&str, u64, u64); 21] = [
    ("setup", 1500, 10),
    ("format", 10, 10),
    ("tidy", 5, 5),
    ("clippy", 250, 50),
    ("clippy memory", 110, 40),
    ("cargo test", 900, 360),
    ("build", 400, 85),
    ("build load", 240, 60),
    ("build etcd", 150, 5),
    ("reference", 24, 24),
    ("etcdctl", 25, 25),
    ("process", 30, 30),
    ("unit", 10, 10),
    ("readme", 8, 8),
    ("differ", 30, 30),
    ("kills", 45, 26),
    ("cluster", 30, 28),
    ("fetch", 300, 300),
    ("suite", 180, 180),
    ("build go", 240, 20),
    ("go", 30, 30),
];

/// The budget of a step. `cold` where the step has never succeeded with these dependencies in this target folder.
pub(crate) fn of(step: &str) -> Budget {
    let row = TABLE.iter().find(|(name, ..)| *name == step).expect("every step has a row in budget.rs");
    Budget { cold: Duration::from_secs(row.1), warm: Duration::from_secs(row.2) }
}

/// Whether a step that took so long has failed by that alone.
pub(crate) fn is_broken(taken: Duration, budget: Duration) -> bool {
    taken > 2 * budget
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_budget_is_the_limit() {
        let budget = Duration::from_secs(10);
        assert!(!is_broken(Duration::from_secs(20), budget));
        assert!(is_broken(Duration::from_millis(20_001), budget));
    }

    #[test]
    fn the_sums_keep_what_ci_promises() {
        // compat runs its steps for two backends, etcdctl for three versions.
        let times = |step: &str| match step {
            "etcdctl" => 6,
            "build" | "process" | "unit" | "readme" | "differ" | "kills" | "cluster" => 2,
            "reference" => 3,
            // By hand: `compat --suites` is not part of CI.
            "fetch" | "suite" => 0,
            "build go" | "go" => 0, // not with --quick, which is what CI runs
            _ => 1,
        };
        let cold: u64 = TABLE.iter().map(|(step, cold, _)| cold * times(step)).sum();
        let warm: u64 = TABLE.iter().map(|(step, _, warm)| warm * times(step)).sum();
        assert!(cold <= 75 * 60, "{cold} s");
        assert!(warm <= 20 * 60, "{warm} s");
    }
}
