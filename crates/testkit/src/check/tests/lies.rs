//! Each planted lie is found, in every history in which it was told.

use std::collections::BTreeSet;

use crate::check::Law;
use crate::testing::{Lie, Plot};

/// Without lost answers nothing else can explain a lie: it is found whenever it was told, as a breach of one of `laws`.
fn found(lie: Lie, laws: &[Law]) {
    let plot = |seed| Plot { lie: Some(lie), leases: true, watches: 3, lost: 0, ..Plot::new(seed) };
    let mut told = 0;
    for tale in (0..30).map(|seed| plot(seed).play()).filter(|tale| tale.lied) {
        told += 1;
        let verdict = tale.verdict();
        let broken: BTreeSet<Law> = verdict.violations.iter().map(|violation| violation.law).collect();
        assert!(laws.iter().any(|law| broken.contains(law)), "{lie:?}: {verdict}");
    }
    assert!(told >= 15, "{lie:?} was told {told} times");
    mostly_found(lie);
}

/// With lost answers some lies could be the truth about something that nobody saw.
fn mostly_found(lie: Lie) {
    let plot = |seed| Plot { lie: Some(lie), leases: true, watches: 3, lost: 15, ..Plot::new(seed) };
    let tales: Vec<_> = (0..30).map(|seed| plot(seed).play()).filter(|tale| tale.lied).collect();
    let found = tales.iter().filter(|tale| !tale.verdict().holds()).count();
    assert!(found * 3 >= tales.len() * 2, "{lie:?}: {found} of {}", tales.len());
}

#[test]
fn a_stale_read() {
    found(Lie::StaleRead, &[Law::RealTime]);
}

#[test]
fn a_read_of_what_the_key_held_before() {
    found(Lie::OldValue, &[Law::Answers, Law::Written]);
}

#[test]
fn a_lost_acknowledged_write() {
    found(Lie::LostWrite, &[Law::OneWrite]);
}

#[test]
fn an_acknowledged_write_that_changed_nothing() {
    found(Lie::HollowWrite, &[Law::Answers, Law::Written, Law::WatchWhole]);
}

#[test]
fn a_doubled_forward() {
    found(Lie::Doubled, &[Law::Written]);
}

#[test]
fn reordered_writes() {
    found(Lie::Reordered, &[Law::RealTime]);
}

#[test]
fn a_lease_that_ends_early() {
    found(Lie::EarlyExpiry, &[Law::LeaseEarly]);
}

#[test]
fn a_lease_that_lives_for_ever() {
    found(Lie::Immortal, &[Law::LeaseForEver]);
}

#[test]
fn a_lost_event() {
    found(Lie::LostEvent, &[Law::WatchWhole]);
}

#[test]
fn a_doubled_event() {
    found(Lie::DoubledEvent, &[Law::WatchOrder]);
}

#[test]
fn an_event_out_of_order() {
    found(Lie::LateEvent, &[Law::WatchOrder]);
}

#[test]
fn a_split_revision() {
    found(Lie::SplitRevision, &[Law::WatchWhole]);
}

#[test]
fn progress_before_its_events() {
    found(Lie::EarlyProgress, &[Law::WatchProgress]);
}
