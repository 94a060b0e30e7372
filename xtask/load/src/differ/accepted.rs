//! Differences that have a reason, each with the row of etcd's behaviour that gives it. What is not in this table fails.
//! All of them are between etcd's versions: with the one that we follow, nothing is accepted.

use super::compare::{Answer, Both, Difference};
use super::tree::{Tree, Value};
use super::{Etcd, Op};

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

pub(crate) const CHECK_ORDER: Reason = Reason {
    name: "check-order",
    row: "of several steps of a transaction that are refused the first says why since 3.7; 3.5 looks at all puts first, and at a put's lease last",
};

pub(crate) const KEYS_ONLY: Reason = Reason {
    name: "keys-only",
    row: "what `keys_only` asks for has no lease since 3.7, unless it is sorted by value; 3.5 shows it",
};

/// Seen where watches are compared, in `pair::settling`.
pub(crate) const TOMBSTONE: Reason = Reason {
    name: "tombstone-at-compacted",
    row: "compaction keeps the tombstone of its own revision, so a watch from there is told of the delete; 3.5.1 removes it",
};

#[cfg(test)]
const REASONS: [&Reason; 4] = [&SORT_OPTION, &CHECK_ORDER, &KEYS_ONLY, &TOMBSTONE];

const RULES: &[Rule] = &[
    Rule {
        reason: &SORT_OPTION,
        holds: |op, both, _| {
            let is_unknown = !(0..=2).contains(&op.request.number("sort_order"));
            is_unknown
                && op.call.word == "range"
                && is_refused(&both.ours, (3, "etcdserver: invalid sort option"))
        },
    },
    Rule {
        reason: &CHECK_ORDER,
        holds: |op, both, _| {
            let is_of_a_step = |answer| STEP_REFUSALS.iter().any(|&refusal| is_refused(answer, refusal));
            op.call.word == "txn" && is_of_a_step(&both.etcd) && is_of_a_step(&both.ours)
        },
    },
    Rule {
        reason: &KEYS_ONLY,
        holds: |op, _, difference| {
            let is_a_lease = difference.path.contains("kvs[") && difference.path.ends_with("].lease");
            is_a_lease && difference.ours == "none" && asks_for_keys_only(&op.request)
        },
    },
];

const SORT_BY_VALUE: i64 = 4;

/// What the steps of a transaction are refused with when it is applied.
const STEP_REFUSALS: [(u32, &str); 4] = [
    (3, "etcdserver: key not found"),
    (5, "etcdserver: requested lease not found"),
    (11, "etcdserver: mvcc: required revision has been compacted"),
    (11, "etcdserver: mvcc: required revision is a future revision"),
];

/// Why this difference from that etcd is none of ours, if there is a reason.
pub(crate) fn reason(
    etcd: Etcd,
    (op, both, difference): (&Op, &Both<Answer>, &Difference),
) -> Option<&'static Reason> {
    if etcd == Etcd::V37 {
        return None;
    }
    RULES.iter().find(|rule| (rule.holds)(op, both, difference)).map(|rule| rule.reason)
}

fn asks_for_keys_only(tree: &Tree) -> bool {
    let asks = tree.number("keys_only") == 1 && tree.number("sort_target") != SORT_BY_VALUE;
    let mut within = tree.fields.iter().filter_map(|(_, value)| match value {
        Value::Tree(within) => Some(within),
        _ => None,
    });
    asks || within.any(asks_for_keys_only)
}

fn is_refused(answer: &Answer, (code, text): (u32, &str)) -> bool {
    matches!(answer, Answer::Refused(refused) if refused.code == code && refused.text == text)
}

#[cfg(test)]
mod tests;
