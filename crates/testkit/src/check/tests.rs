use crate::check::Law;
use crate::testing::{Lie, Plot};

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
