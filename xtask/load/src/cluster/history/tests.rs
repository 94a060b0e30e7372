//! Lies planted into the recording of a real run: three members, one of which was killed in it.

use quorate_testkit::{Event, Law, Record, Revision, StepAnswer};

use super::*;

const REAL: &str = include_str!("real.jsonl");

fn real() -> Recording {
    Recording::read(REAL.as_bytes()).unwrap()
}

/// The laws that are broken once every entry has gone through `plant`, which leaves out those it gives nothing for.
fn broken(mut plant: impl FnMut(Entry) -> Option<Entry>) -> Vec<Law> {
    let mut bent = Recording::default();
    for entry in real().entries() {
        if let Some(entry) = plant(entry.clone()) {
            bent.push(entry);
        }
    }
    let settings = Settings { lease_grace_ms: LEASE_GRACE_MS, ..Settings::default() };
    verdict(&bent, &settings).unwrap().1.violations.iter().map(|violation| violation.law).collect()
}

/// As [`broken`], for the one entry in the middle that `lie` changes.
fn one_lie(lie: impl Fn(&mut Entry) -> bool) -> Vec<Law> {
    let changed = |entry: &Entry| lie(&mut entry.clone());
    let count = real().entries().iter().filter(|entry| changed(entry)).count();
    assert!(count > 0, "the recording has nothing of this kind");
    let mut seen = 0;
    broken(|mut entry| {
        if changed(&entry) {
            seen += 1;
            if seen == count.div_ceil(2) {
                lie(&mut entry);
            }
        }
        Some(entry)
    })
}

fn events(entry: &mut Entry) -> Option<&mut Vec<Event>> {
    match entry {
        Entry::Tell { told: Told::Events(events), .. } => Some(events),
        _ => None,
    }
}

fn read(entry: &mut Entry) -> Option<&mut Record> {
    match entry {
        Entry::Complete { outcome: Outcome::Done(answer), .. } => match &mut answer.results[..] {
            [StepAnswer::Range(Some(record))] => Some(record),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn the_real_run_keeps_all_laws_and_has_everything_in_it() {
    assert!(broken(Some).is_empty());
    let history = History::try_from(&real()).unwrap();
    assert!(history.calls.iter().any(quorate_testkit::Call::is_unknown), "nothing is unknown");
    assert!(history.leases.len() >= 9 && history.watches.len() >= 6 && history.hashes.len() == 3);
}

#[test]
fn an_acknowledged_write_that_is_left_out_is_missed() {
    let lost = watched_write(&real()).expect("there is one");
    let settings = Settings::default();
    let (_, verdict) = verdict(&without(&real(), lost), &settings).unwrap();
    assert!(!verdict.holds());
}

#[test]
fn an_acknowledged_write_that_is_called_refused_is_missed() {
    let lost = watched_write(&real()).expect("there is one");
    let laws = broken(|entry| match entry {
        Entry::Complete { call, at, .. } if call == lost => {
            Some(Entry::Complete { call, at, outcome: Outcome::Refused("so it says".to_owned()) })
        }
        entry => Some(entry),
    });
    assert!(!laws.is_empty());
}

#[test]
fn a_read_of_an_older_value_is_found() {
    let laws = one_lie(|entry| match read(entry) {
        Some(record) if record.version > 1 => {
            record.version -= 1;
            true
        }
        _ => false,
    });
    assert!(!laws.is_empty());
}

#[test]
fn an_event_that_is_lost_or_doubled_is_found() {
    let lost = one_lie(|entry| events(entry).is_some_and(|events| events.pop().is_some()));
    assert!(lost.contains(&Law::WatchWhole), "{lost:?}");
    let doubled = one_lie(|entry| {
        let Some(events) = events(entry) else { return false };
        events.push(events[0].clone());
        true
    });
    assert!(doubled.contains(&Law::WatchOrder), "{doubled:?}");
}

#[test]
fn a_hash_that_differs_is_found() {
    let laws = one_lie(|entry| match entry {
        Entry::Hash(hash) => {
            hash.hash ^= 1;
            true
        }
        _ => false,
    });
    assert_eq!(laws, [Law::Hashes]);
}

#[test]
fn a_write_acknowledged_at_the_revision_of_another_is_found() {
    let laws = one_lie(|entry| match entry {
        Entry::Complete { outcome: Outcome::Done(answer), .. } => {
            let is_put = matches!(answer.results[..], [StepAnswer::Put { .. }]);
            answer.revision = Revision(answer.revision.0 - i64::from(is_put));
            is_put
        }
        _ => false,
    });
    assert!(!laws.is_empty());
}

#[test]
fn a_line_that_was_being_written_is_left_out() {
    assert_eq!(whole_lines("{}\n{}\n{\"a"), "{}\n{}\n");
    assert_eq!(whole_lines("{\"a"), "");
}
