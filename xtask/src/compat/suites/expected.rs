//! The list of what a suite does not pass: read, and held against what it did.
//!
//! ```text
//! total 29
//! auth        test_role
//! ignored     test_cluster
//! ```
//!
//! First how many tests there are, so that a suite that was not collected is not taken for one without failures;
//! then a line a test: what it waits for, and its name. Three words mean something else: `ignored` tests are skipped
//! by the suite itself on either side, those that are `since-3.7` by etcd 3.5.1 alone, and `unsteady` ones fail now and
//! then with etcd 3.5.1 too.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};

use super::super::script::Side;
use super::outcome::{Outcome, Outcomes};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    total: usize,
    rows: BTreeMap<String, Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    /// Passes with etcd 3.5.1; with ours once this feature is there.
    Missing(String),
    Ignored,
    Since37,
    Unsteady,
}

impl Expected {
    pub(super) fn read(list: &str) -> anyhow::Result<Expected> {
        let mut expected = Expected::default();
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) =
                line.split_once(' ').with_context(|| format!("{line:?} has no second word"))?;
            let rest = rest.trim_start();
            let row = match word {
                "total" => {
                    expected.total = rest.parse().with_context(|| format!("{line:?}"))?;
                    continue;
                }
                "ignored" => Row::Ignored,
                "since-3.7" => Row::Since37,
                "unsteady" => Row::Unsteady,
                feature => Row::Missing(feature.to_owned()),
            };
            if expected.rows.insert(rest.to_owned(), row).is_some() {
                bail!("{rest} is listed twice");
            }
        }
        ensure!(expected.total > 0, "no line `total N`");
        Ok(expected)
    }

    /// Whether something of the suite waits for this feature.
    pub(super) fn awaits(&self, feature: &str) -> bool {
        self.rows.values().any(|row| matches!(row, Row::Missing(missing) if missing == feature))
    }

    /// What is not as listed, a line each.
    pub(super) fn surprises(&self, side: Side, outcomes: &Outcomes) -> Vec<String> {
        let mut surprises: Vec<String> =
            outcomes.iter().filter_map(|(test, outcome)| self.surprise(side, test, outcome)).collect();
        let unseen = self.rows.keys().filter(|test| outcomes.get(test).is_none());
        surprises.extend(unseen.map(|test| format!("{test}: listed, but it was not run")));
        if outcomes.len() != self.total {
            surprises.push(format!("{} tests were seen and not {}", outcomes.len(), self.total));
        }
        surprises
    }

    fn surprise(&self, side: Side, test: &str, outcome: Outcome) -> Option<String> {
        let wrong = match (self.rows.get(test), side, outcome) {
            (None, _, Outcome::Passed)
            | (Some(Row::Ignored), _, Outcome::Skipped)
            | (Some(Row::Unsteady), _, Outcome::Passed | Outcome::Failed)
            | (Some(Row::Since37), Side::Reference, Outcome::Skipped)
            | (Some(Row::Since37), Side::Ours, Outcome::Passed)
            | (Some(Row::Missing(_)), Side::Reference, Outcome::Passed)
            | (Some(Row::Missing(_)), Side::Ours, Outcome::Failed | Outcome::Skipped) => return None,
            (None, _, Outcome::Failed) => "fails, and is not listed".to_owned(),
            (None, _, Outcome::Skipped) => "is skipped, and not listed".to_owned(),
            (Some(Row::Missing(feature)), Side::Ours, Outcome::Passed) => {
                format!("passes: take it off the list, where it waits for {feature}")
            }
            (Some(row), ..) => format!("{outcome:?}, which is not what {row:?} means"),
        };
        Some(format!("{test}: {wrong}"))
    }
}

#[cfg(test)]
mod tests;
