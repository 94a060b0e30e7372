//! The checker against a foreign one that knows nothing of revisions: `todc_utils`' Wing-Gong-Lowe search, which
//! tries every order that time allows. On small histories, true and bent ones, both must say the same.

use proptest::prelude::*;
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History as Actions};
use todc_utils::specifications::Specification;

use crate::check::{Law, Settings, check};
use crate::facts::Facts;
use crate::history::{Call, History};
use crate::model::KeySpace;
use crate::operation::{Answer, Operation, Revision, StepAnswer};
use crate::recording::Outcome;
use crate::testing::{Lie, Plot};

/// An operation with its answer, if it has one: without, any answer will do.
#[derive(Debug, Clone)]
struct Asked {
    operation: Operation,
    answer: Option<Answer>,
}

struct Sequential;

impl Specification for Sequential {
    type State = KeySpace;
    type Operation = Asked;

    fn init() -> KeySpace {
        KeySpace::default()
    }

    fn apply(asked: &Asked, state: &KeySpace) -> (bool, KeySpace) {
        let Some(effect) = state.effect(&asked.operation) else {
            return (asked.answer.is_none(), state.clone());
        };
        if asked.answer.as_ref().is_some_and(|answer| *answer != effect.answer) {
            return (false, state.clone());
        }
        let mut after = state.clone();
        after.commit(&effect);
        (true, after)
    }
}

/// What is unknown ends after everything else: there it can always stand without being seen.
fn is_linearizable(history: &History) -> bool {
    let mut times = Vec::new();
    let expiry = |lease| Asked { operation: Operation::Revoke { lease }, answer: None };
    for lease in Facts::new(history, false).leases() {
        times.push((0, Action::Call(expiry(lease))));
        times.push((u64::MAX, Action::Response(expiry(lease))));
    }
    let mut processes: Vec<usize> = (0..times.len()).map(|at| at / 2).collect();
    let certain = |call: &&Call| call.answer().is_some() || call.is_unknown();
    for (at, call) in history.calls.iter().filter(certain).enumerate() {
        let asked = Asked { operation: call.operation.clone(), answer: call.answer().cloned() };
        let end = match (&call.completed, call.answer()) {
            (Some((at, _)), Some(_)) => at.order + 1,
            _ => u64::MAX,
        };
        times.push((call.invoked.order + 1, Action::Call(asked.clone())));
        times.push((end, Action::Response(asked)));
        processes.extend([1000 + at; 2]);
    }
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|at| times[*at].0);
    let actions = order.into_iter().map(|at| (processes[at], times[at].1.clone()));
    WGLChecker::<Sequential>::is_linearizable(Actions::from_actions(actions.collect()))
}

/// Bends one answer a little.
fn bend(history: &mut History, how: u64) {
    let done = history.calls.iter_mut().filter_map(|call| match &mut call.completed {
        Some((_, Outcome::Done(answer))) => Some(answer),
        _ => None,
    });
    let mut done: Vec<&mut Answer> = done.collect();
    if done.is_empty() {
        return;
    }
    let at = (how / 16) as usize % done.len();
    let answer = &mut *done[at];
    let mut told = answer.results.iter_mut().filter_map(|result| match result {
        StepAnswer::Range(record) => Some(record),
        StepAnswer::Put { prev_kv } | StepAnswer::Delete { prev_kv, .. } => {
            prev_kv.is_some().then_some(prev_kv)
        }
    });
    match (how % 8, told.next()) {
        (0, _) => answer.revision.0 += 1,
        (1, _) if answer.revision > Revision(1) => answer.revision.0 -= 1,
        (2, Some(Some(record))) => record.version += 1,
        (3, Some(Some(record))) => record.mod_revision.0 -= 1,
        (4, Some(Some(record))) => record.value = "v0".to_owned(),
        (5, Some(record)) => *record = None,
        (6, _) => answer.succeeded = !answer.succeeded,
        _ => answer.revision.0 += 2,
    }
}

/// Our verdict, that of the reference, and our reasons.
fn verdicts(plot: Plot, bent: Option<u64>) -> (bool, bool, String) {
    let mut history = plot.play().history();
    history.leases.clear();
    if let Some(how) = bent {
        bend(&mut history, how);
    }
    let verdict = check(&history, &Settings::default());
    assert!(verdict.violations.iter().all(|violation| violation.law != Law::Undecided), "{verdict}");
    let why = format!("{verdict}\n{history:#?}");
    (verdict.holds(), is_linearizable(&history), why)
}

fn plot() -> impl Strategy<Value = Plot> {
    let lie = prop::option::of(prop::sample::select(vec![
        Lie::StaleRead,
        Lie::OldValue,
        Lie::LostWrite,
        Lie::HollowWrite,
        Lie::Doubled,
    ]));
    let size = (8..30_usize, 2..5_usize, 1..3_usize);
    (any::<u64>(), size, 0..3_u64, 0..60_u64, any::<bool>(), lie).prop_map(
        |(seed, (steps, clients, keys), values, lost, leases, lie)| Plot {
            seed,
            steps,
            clients,
            keys,
            values,
            lost,
            leases,
            watches: 0,
            lie,
        },
    )
}

proptest! {
    #[test]
    fn it_says_what_a_search_through_all_orders_says(plot in plot(), bent in prop::option::of(any::<u64>())) {
        let (ours, reference, why) = verdicts(plot, bent);
        prop_assert_eq!(ours, reference, "{}", why);
    }
}

#[test]
fn the_histories_of_the_comparison_are_of_both_kinds() {
    let plot = |seed| Plot { seed, steps: 30, clients: 4, keys: 2, values: 1, lost: 40, ..Plot::new(seed) };
    let mut counts = [0, 0];
    for seed in 0..300 {
        let (ours, reference, why) = verdicts(plot(seed), Some(seed.wrapping_mul(0x9e37_79b9)));
        assert_eq!(ours, reference, "{why}");
        counts[usize::from(ours)] += 1;
    }
    assert!(counts.into_iter().all(|count| count > 50), "{counts:?}");
}
