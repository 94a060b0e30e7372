//! What pytest and Rust's test harness print, read as the outcome of each test.

use std::collections::BTreeMap;

/// Of two outcomes of one test the later in this order counts: a test that passed and could not clean up has failed,
/// and one that was skipped in one part of a suite may have run in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Skipped,
    Passed,
    Failed,
}

/// Each test by its name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes(BTreeMap<String, Outcome>);

impl Outcomes {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, test: &str) -> Option<Outcome> {
        self.0.get(test).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Outcome)> {
        self.0.iter().map(|(test, &outcome)| (test.as_str(), outcome))
    }

    /// `24 passed, 2 failed, 3 skipped`.
    pub(super) fn summary(&self) -> String {
        let count = |wanted| self.0.values().filter(|&&outcome| outcome == wanted).count();
        let (passed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
        format!("{passed} passed, {failed} failed, {} skipped", count(Outcome::Skipped))
    }
}

impl FromIterator<(String, Outcome)> for Outcomes {
    fn from_iter<I: IntoIterator<Item = (String, Outcome)>>(outcomes: I) -> Outcomes {
        let mut found = Outcomes::default();
        for (test, outcome) in outcomes {
            let present = found.0.entry(test).or_insert(outcome);
            *present = (*present).max(outcome);
        }
        found
    }
}

/// `tests/test_kv.py::test_get[a b] PASSED`, as `-v` with the classic style prints it; a reason may follow. A test that
/// hung has its word on another line, and is found in the summary: `FAILED tests/test_kv.py::test_get[a b] - Timeout`.
pub(super) fn of_pytest(text: &str) -> Outcomes {
    const WORDS: [(&str, Outcome); 4] = [
        (" PASSED", Outcome::Passed),
        (" FAILED", Outcome::Failed),
        (" ERROR", Outcome::Failed),
        (" SKIPPED", Outcome::Skipped),
    ];
    let summed = |line: &str| {
        let rest = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR "))?;
        let (test, _) = rest.split_once(" - ").unwrap_or((rest, ""));
        test.contains(".py::").then(|| (test.to_owned(), Outcome::Failed))
    };
    let read = |line: &str| {
        WORDS.iter().find_map(|&(word, outcome)| {
            let (test, rest) = line.split_once(word)?;
            let whole = test.contains(".py::") && (rest.trim().is_empty() || rest.starts_with(" ("));
            whole.then(|| (test.to_owned(), outcome))
        })
    };
    text.lines().filter_map(|line| summed(line).or_else(|| read(line))).collect()
}

/// `test test_put ... ok`; what a test prints is kept by the harness, so the word follows the dots.
pub(super) fn of_libtest(text: &str) -> Outcomes {
    let read = |line: &str| {
        let (test, said) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let outcome = match said.split([' ', ',']).next()? {
            "ok" => Outcome::Passed,
            "FAILED" => Outcome::Failed,
            "ignored" => Outcome::Skipped,
            _ => return None,
        };
        Some((test.to_owned(), outcome))
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests;
