//! Differences that have a reason, each with the row of etcd's behaviour that gives it. What is not in this table fails.

use super::Op;
use super::compare::{Answer, Both, Difference};

/// A reason. `docs/differ.md` has the same table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) name: &'static str,
    /// What etcd 3.7 does, and what 3.5.1 does instead.
    pub(crate) row: &'static str,
}

/// When a difference in an answer has this reason.
struct Rule {
    reason: &'static Reason,
    holds: fn(&Op, &Both<Answer>, &Difference) -> bool,
}

pub(crate) const SORT_OPTION: Reason = Reason {
    name: "sort-option",
    row: "an unknown sort order is refused with `invalid sort option` since 3.6; 3.5 ignores it",
};

/// Seen where watches are compared, in `pair::settling`.
pub(crate) const TOMBSTONE: Reason = Reason {
    name: "tombstone-at-compacted",
    row: "compaction keeps the tombstone of its own revision, so a watch from there is told of the delete; 3.5.1 removes it",
};

#[cfg(test)]
const REASONS: [&Reason; 2] = [&SORT_OPTION, &TOMBSTONE];

const RULES: &[Rule] = &[Rule {
    reason: &SORT_OPTION,
    holds: |op, both, _| {
        let is_unknown = !(0..=2).contains(&op.request.number("sort_order"));
        is_unknown
            && op.call.word == "range"
            && is_refused(&both.ours, (3, "etcdserver: invalid sort option"))
    },
}];

/// Why this difference is none of ours, if there is a reason.
pub(crate) fn reason(op: &Op, both: &Both<Answer>, difference: &Difference) -> Option<&'static Reason> {
    RULES.iter().find(|rule| (rule.holds)(op, both, difference)).map(|rule| rule.reason)
}

fn is_refused(answer: &Answer, (code, text): (u32, &str)) -> bool {
    matches!(answer, Answer::Refused(refused) if refused.code == code && refused.text == text)
}

#[cfg(test)]
mod tests;
