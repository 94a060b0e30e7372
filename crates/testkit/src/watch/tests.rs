use super::*;
use crate::check::check;
use crate::history::History;
use crate::operation::{Answer, Operation, StepAnswer};
use crate::recording::{Id, Outcome, Range, Recording};

/// Three puts of `a`, revisions 2 to 4, and one of `z`, and a watch of `a` from revision 2.
fn recording() -> (Recording, Id) {
    let mut recording = Recording::default();
    for (at, key) in ["a", "a", "a", "z"].into_iter().enumerate() {
        let call = recording.invoke(0, 0, Operation::put(key, &format!("v{at}")));
        let results = vec![StepAnswer::Put { prev_kv: None }];
        let answer = Answer { revision: Revision(at as i64 + 2), succeeded: true, results };
        recording.complete(call, 0, Outcome::Done(answer));
    }
    let range = Range { key: "a".to_owned(), range_end: String::new() };
    let watch = recording.watch(0, range, Some(Revision(2)));
    recording.tell(watch, 0, Revision(5), Told::Created);
    (recording, watch)
}

fn event(version: i64) -> Event {
    let record = |version: i64| Record {
        value: format!("v{}", version - 1),
        create_revision: Revision(2),
        mod_revision: Revision(version + 1),
        version,
        lease: Default::default(),
    };
    let prev_kv = (version > 1).then(|| record(version - 1));
    Event { key: "a".to_owned(), revision: Revision(version + 1), record: Some(record(version)), prev_kv }
}

fn found(told: Vec<(i64, Told)>) -> Vec<Law> {
    let (mut recording, watch) = recording();
    for (header, told) in told {
        recording.tell(watch, 0, Revision(header), told);
    }
    let verdict = check(&History::try_from(&recording).unwrap(), &Default::default());
    verdict.violations.iter().map(|violation| violation.law).collect()
}

fn events(versions: &[i64]) -> Told {
    Told::Events(versions.iter().map(|version| event(*version)).collect())
}

#[test]
fn a_watch_that_is_told_all_is_accepted() {
    assert_eq!(found(vec![(5, events(&[1, 2])), (5, events(&[3])), (5, Told::Progress)]), []);
}

#[test]
fn what_has_not_been_told_yet_is_no_loss() {
    assert_eq!(found(vec![(5, events(&[1, 2]))]), []);
    assert_eq!(found(vec![]), []);
}

#[test]
fn progress_promises_what_was_not_told() {
    assert_eq!(found(vec![(5, events(&[1, 2])), (3, Told::Progress)]), []);
    assert_eq!(found(vec![(5, events(&[1, 2])), (4, Told::Progress)]), [Law::WatchWhole]);
}

#[test]
fn a_gap_before_the_first_event_is_a_loss() {
    assert_eq!(found(vec![(5, events(&[2, 3]))]), [Law::WatchWhole]);
}

#[test]
fn an_event_under_an_older_header_is_found() {
    assert_eq!(found(vec![(2, events(&[1, 2]))]), [Law::WatchProgress]);
}

#[test]
fn a_wrong_value_version_or_predecessor_is_found() {
    let mut value = event(2);
    value.record.as_mut().unwrap().value = "v9".to_owned();
    let mut version = event(2);
    version.record.as_mut().unwrap().version = 9;
    let mut before = event(2);
    before.prev_kv.as_mut().unwrap().value = "v9".to_owned();
    for wrong in [value, version, before] {
        let told = Told::Events(vec![event(1), wrong.clone(), event(3)]);
        assert_eq!(found(vec![(5, told)]), [Law::WatchWhole], "{wrong:?}");
    }
}

#[test]
fn an_event_of_another_range_is_found() {
    let mut other = event(1);
    other.key = "z".to_owned();
    let laws = found(vec![(5, Told::Events(vec![other]))]);
    assert!(laws.contains(&Law::WatchOrder), "{laws:?}");
}

#[test]
fn a_revision_from_nowhere_is_found() {
    assert_eq!(found(vec![(99, Told::Progress)]), [Law::WatchWhole]);
}

/// Nobody was answered: only the watch knows which of two puts was done, and in which revision.
#[test]
fn what_a_watch_was_told_places_writes_that_nobody_acknowledged() {
    for (seen, holds) in [("one", true), ("two", true), ("three", false)] {
        let mut recording = Recording::default();
        recording.invoke(0, 0, Operation::put("a", "one"));
        recording.invoke(1, 0, Operation::put("a", "two"));
        let watch = recording.watch(0, Range { key: "a".to_owned(), range_end: String::new() }, None);
        recording.tell(watch, 0, Revision(1), Told::Created);
        let mut event = event(1);
        event.record.as_mut().unwrap().value = seen.to_owned();
        recording.tell(watch, 0, Revision(2), Told::Events(vec![event]));
        let verdict = check(&History::try_from(&recording).unwrap(), &Default::default());
        assert_eq!(verdict.holds(), holds, "{seen}: {verdict}");
    }
}
