//! Equal hashes at equal revisions (law K10).

use std::collections::BTreeMap;

use crate::check::{Law, Violation};
use crate::recording::MemberHash;

/// Compares what members said of the same revision and compaction, a member with itself included.
pub(crate) fn check(hashes: &[MemberHash]) -> Vec<Violation> {
    let mut groups: BTreeMap<_, Vec<&MemberHash>> = BTreeMap::new();
    for hash in hashes {
        groups.entry((hash.revision, hash.compact_revision)).or_default().push(hash);
    }
    let mut violations = Vec::new();
    for ((revision, compact_revision), group) in groups {
        if group.iter().all(|hash| hash.hash == group[0].hash) {
            continue;
        }
        let said = group.iter().map(|hash| format!("{} says {:08x}", hash.member, hash.hash));
        let mut said: Vec<String> = said.collect();
        said.sort();
        said.dedup();
        let said = said.join(", ");
        let text = format!("at revision {revision}, compacted at {compact_revision}: {said}");
        violations.push(Violation { law: Law::Hashes, text });
    }
    violations
}

#[cfg(test)]
mod tests;
