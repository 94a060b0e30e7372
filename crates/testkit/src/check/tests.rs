use crate::check::{Law, Settings, Verdict, check};
use crate::testing::{Lie, Plot};
use crate::{
    Answer, Event, History, LeaseId, Operation, Outcome, Range, Record, Recording, Revision, StepAnswer, Told,
};

mod lies;
mod reference;

const SEEDS: u64 = 60;

fn accepted(plot: Plot) {
    let verdict = plot.play().verdict();
    assert!(verdict.holds(), "{plot:?}\n{verdict}");
}

#[test]
fn a_correct_store_is_accepted_however_many_answers_are_lost() {
    for seed in 0..SEEDS {
        accepted(Plot { lost: seed % 30, ..Plot::new(seed) });
    }
}

#[test]
fn with_values_that_are_written_again_and_again_it_is_still_accepted() {
    for seed in 0..SEEDS {
        accepted(Plot { values: 2, keys: 3, lost: 10, ..Plot::new(seed) });
    }
}

#[test]
fn leases_that_end_in_time_are_accepted() {
    for seed in 0..SEEDS {
        accepted(Plot { leases: true, steps: 1500, ..Plot::new(seed) });
    }
}

#[test]
fn watches_that_are_told_all_are_accepted() {
    for seed in 0..SEEDS {
        accepted(Plot { watches: 4, leases: true, ..Plot::new(seed) });
    }
}

/// A put that nobody answered was done; eight deletes that were not answered either come into question before it.
fn one_of_nine(is_watched: bool) -> Verdict {
    let mut recording = Recording::default();
    let watch =
        recording.watch(0, Range { key: "a".to_owned(), range_end: "b".to_owned() }, Some(Revision(2)));
    for number in 1..=8 {
        recording.invoke(number, 0, Operation::delete(&format!("a{number}")));
    }
    recording.invoke(9, 0, Operation::put("a9", "x"));
    let call = recording.invoke(10, 0, Operation::range("b"));
    let results = vec![StepAnswer::Range(None)];
    let answer = Answer { revision: Revision(2), succeeded: true, results };
    recording.complete(call, 0, Outcome::Done(answer));
    if is_watched {
        let two = Revision(2);
        let record = Record {
            value: "x".to_owned(),
            create_revision: two,
            mod_revision: two,
            version: 1,
            lease: LeaseId::default(),
        };
        let event = Event { key: "a9".to_owned(), revision: two, record: Some(record), prev_kv: None };
        recording.tell(watch, 0, two, Told::Events(vec![event]));
    }
    let history = History::try_from(&recording).unwrap();
    check(&history, &Settings { trials_max: 4, ..Settings::default() })
}

#[test]
fn what_answers_leave_open_watches_may_decide() {
    let laws: Vec<Law> = one_of_nine(false).violations.iter().map(|found| found.law).collect();
    assert_eq!(laws, [Law::Undecided]);
    let verdict = one_of_nine(true);
    assert!(verdict.holds(), "{verdict}");
    assert_eq!(verdict.order.len(), 1);
}

/// A call takes three steps of a client: it is made, done and answered.
const TEN_THOUSAND: Plot = Plot {
    seed: 7,
    steps: 30_000,
    clients: 30,
    keys: 40,
    values: 0,
    lost: 3,
    leases: true,
    watches: 10,
    lie: None,
};

#[test]
fn ten_thousand_calls_of_thirty_clients_need_few_trials() {
    let tale = TEN_THOUSAND.play();
    let (calls, verdict) = (tale.history().calls.len(), tale.verdict());
    assert!(calls > 9_000, "{calls}");
    assert!(verdict.holds(), "{verdict}");
    assert!(verdict.trials < 2_000, "{} trials for {} writes", verdict.trials, verdict.order.len());
}

#[test]
fn among_ten_thousand_calls_a_lie_is_found() {
    for lie in [Lie::OldValue, Lie::HollowWrite, Lie::Doubled, Lie::LostEvent] {
        let tale = Plot { lie: Some(lie), ..TEN_THOUSAND }.play();
        let verdict = tale.verdict();
        assert!(tale.lied && !verdict.holds(), "{lie:?}");
        let is_decided = verdict.violations.iter().all(|violation| violation.law != Law::Undecided);
        assert!(is_decided, "{lie:?}: {verdict}");
    }
}
