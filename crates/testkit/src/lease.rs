//! What clients know about the life of their leases, and whether it was so (laws K8 and K9).

use std::collections::HashMap;

use crate::check::{Law, Settings, Violation};
use crate::history::{History, LeaseCall};
use crate::operation::{LeaseId, Operation, Revision, StepAnswer};
use crate::recording::Ask;

/// Until when leases live for certain, and when at the latest each revision was there.
///
/// A grant or keep-alive that was answered with a TTL was done no sooner than it was sent, so the lease lives for
/// that TTL from the sending on. A revision was there at the latest when somebody was told of it or a later one.
#[derive(Debug)]
pub(crate) struct Guarantees {
    alive_until_ms: HashMap<LeaseId, u64>,
    /// Sorted; the earliest time at which this revision or a later one was told of.
    told: Vec<(Revision, u64)>,
}

impl Guarantees {
    pub(crate) fn new(history: &History, settings: &Settings) -> Guarantees {
        let mut alive_until_ms = HashMap::new();
        for call in &history.leases {
            let Some(until) = guaranteed_ms(call, settings) else { continue };
            let longest: &mut u64 = alive_until_ms.entry(call.lease).or_default();
            *longest = until.max(*longest);
        }
        Guarantees { alive_until_ms, told: told(history) }
    }

    /// Whether a lease may have ended by itself in the write of `revision`.
    pub(crate) fn allow(&self, lease: LeaseId, revision: Revision) -> bool {
        let Some(until) = self.alive_until_ms.get(&lease) else { return true };
        let later = self.told.partition_point(|(told, _)| *told < revision);
        self.told.get(later).is_none_or(|(_, ms)| until <= ms)
    }
}

/// K8 where no key shows it: a lease that lives for certain is said not to exist, and nobody revoked it.
pub(crate) fn check_denied(history: &History, settings: &Settings) -> Vec<Violation> {
    let mut violations = Vec::new();
    for denied in &history.leases {
        let Some((at, ttl)) = denied.answered.filter(|(_, ttl)| *ttl <= 0) else { continue };
        let before = history.leases.iter().filter(|call| call.lease == denied.lease);
        let before = before.filter(|call| call.answered.is_some_and(|(at, _)| at.order < denied.sent.order));
        let until = before.filter_map(|call| guaranteed_ms(call, settings)).max();
        let revoked = history.calls.iter().any(|call| {
            call.operation == Operation::Revoke { lease: denied.lease } && call.invoked.order < at.order
        });
        if let Some(until) = until.filter(|until| *until > at.ms && !revoked) {
            let lease = denied.lease;
            let text = format!(
                "lease {lease} was said to be gone (TTL {ttl}) at {} ms; by what its client had been told it \
                 lives until {until} ms",
                at.ms
            );
            violations.push(Violation { law: Law::LeaseEarly, text });
        }
    }
    violations
}

/// K9: keys that were read although the time of their lease had long run out.
pub(crate) fn check_ended(history: &History, settings: &Settings) -> Vec<Violation> {
    let ends = ends_ms(history);
    let mut violations = Vec::new();
    for call in &history.calls {
        let results = call.answer().map_or(&[][..], |answer| &answer.results);
        for result in results {
            let StepAnswer::Range(Some(record)) = result else { continue };
            let Some(end) = ends.get(&record.lease) else { continue };
            if call.invoked.ms > end + settings.lease_grace_ms {
                let text = format!(
                    "{call}\n  begun at {} ms; lease {} could last until {end} ms, and {} ms of grace",
                    call.invoked.ms, record.lease, settings.lease_grace_ms
                );
                violations.push(Violation { law: Law::LeaseForEver, text });
            }
        }
    }
    violations
}

/// Until when a lease lives by this call, if it was answered with a TTL.
fn guaranteed_ms(call: &LeaseCall, settings: &Settings) -> Option<u64> {
    let (_, ttl) = call.answered?;
    let ttl = u64::try_from(ttl).ok().filter(|ttl| *ttl > 0)?;
    Some((call.sent.ms + ttl * 1000).saturating_sub(settings.clock_drift_ms))
}

/// When each lease that was granted for certain is over at the latest, if every renewal came as late as it can have.
fn ends_ms(history: &History) -> HashMap<LeaseId, u64> {
    let mut granted_ms: HashMap<LeaseId, u64> = HashMap::new();
    for call in &history.leases {
        let ttl = call.answered.and_then(|(_, ttl)| u64::try_from(ttl).ok()).unwrap_or(0);
        if matches!(call.what, Ask::Grant { .. }) && ttl > 0 {
            granted_ms.insert(call.lease, ttl * 1000);
        }
    }
    let mut ends = HashMap::new();
    for call in &history.leases {
        let Some(granted) = granted_ms.get(&call.lease) else { continue };
        let end = match call.answered {
            Some((_, ttl)) if ttl <= 0 => continue,
            Some((at, ttl)) => at.ms + ttl.unsigned_abs() * 1000,
            None => call.sent.ms + granted,
        };
        let latest: &mut u64 = ends.entry(call.lease).or_default();
        *latest = end.max(*latest);
    }
    ends
}

fn told(history: &History) -> Vec<(Revision, u64)> {
    let mut told: Vec<(Revision, u64)> = Vec::new();
    for call in &history.calls {
        if let (Some((at, _)), Some(answer)) = (&call.completed, call.answer()) {
            told.push((answer.revision, at.ms));
        }
    }
    for (at, header, _) in history.watches.iter().flat_map(|watch| &watch.told) {
        told.push((*header, at.ms));
    }
    told.sort();
    for at in (1..told.len()).rev() {
        told[at - 1].1 = told[at - 1].1.min(told[at].1);
    }
    told
}

#[cfg(test)]
mod tests;
