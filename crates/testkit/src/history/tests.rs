use super::*;
use crate::operation::Operation;

fn time(order: u64) -> Time {
    Time { order, ms: order }
}

fn invoke(call: u64, order: u64) -> Entry {
    Entry::Invoke { call: Id(call), client: 0, at: time(order), operation: Operation::range("a") }
}

fn complete(call: u64, order: u64) -> Entry {
    Entry::Complete { call: Id(call), at: time(order), outcome: Outcome::Unknown(String::new()) }
}

fn grant(ask: u64, order: u64) -> Entry {
    Entry::Ask { ask: Id(ask), at: time(order), lease: LeaseId(7), what: Ask::Grant { ttl: 5 } }
}

fn sorted(entries: Vec<Entry>) -> Result<History, Malformed> {
    let mut recording = Recording::default();
    entries.into_iter().for_each(|entry| recording.push(entry));
    History::try_from(&recording)
}

#[test]
fn a_call_without_an_end_is_unknown() {
    let history = sorted(vec![invoke(0, 0), invoke(1, 1), complete(1, 2)]).unwrap();
    assert!(history.calls.iter().all(Call::is_unknown));
    assert!(history.calls.iter().all(|call| call.answer().is_none()));
}

#[test]
fn a_refused_call_is_neither_done_nor_unknown() {
    let outcome = Outcome::Refused("no".to_owned());
    let end = Entry::Complete { call: Id(0), at: time(1), outcome };
    let history = sorted(vec![invoke(0, 0), end]).unwrap();
    assert!(!history.calls[0].is_unknown() && history.calls[0].answer().is_none());
}

#[test]
fn what_no_recorder_can_have_made_is_malformed() {
    let told = Entry::Tell { watch: Id(0), at: time(1), header: Revision(1), told: Told::Created };
    for (entries, expected) in [
        (vec![complete(0, 0)], Malformed::Stray { entry: 0, id: Id(0) }),
        (vec![invoke(0, 0), told], Malformed::Stray { entry: 1, id: Id(0) }),
        (vec![invoke(0, 0), invoke(0, 1)], Malformed::Twice { entry: 1, id: Id(0) }),
        (vec![invoke(0, 0), complete(0, 1), complete(0, 2)], Malformed::Twice { entry: 2, id: Id(0) }),
        (vec![invoke(0, 1), invoke(1, 1)], Malformed::Order { entry: 1 }),
        (vec![grant(0, 0), grant(1, 1)], Malformed::LeaseAgain { entry: 1, lease: LeaseId(7) }),
    ] {
        assert_eq!(sorted(entries), Err(expected));
    }
}
