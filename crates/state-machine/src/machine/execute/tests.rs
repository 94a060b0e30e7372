use super::super::tests::{Contents, Scene, delete, put, put_as, without_position};
use super::*;
use crate::answer::Outcome;
use crate::spaces;
use mvcc::{Compare, Found, OpDone, Operand, Query, Relation, Tier, TxnDone, TxnOp, key_value};
use quorate_types::{Change, ChangeKind, KeyRange, Revision};

fn range(key: &'static str) -> TxnOp {
    TxnOp::Range(Query::newest(KeyRange::Single(key.into())))
}

/// The step that does what a command does.
fn step(kind: Kind) -> TxnOp {
    match kind {
        Kind::Put(Put { change, with_previous }) => TxnOp::Put { change, with_previous },
        Kind::DeleteRange(DeleteRange { range, with_previous }) => {
            TxnOp::DeleteRange { range, with_previous }
        }
        Kind::Txn(txn) => TxnOp::Txn(txn),
        other => panic!("no step does {other:?}"),
    }
}

fn exists(key: &'static str) -> Compare {
    let (range, relation) = (KeyRange::Single(key.into()), Relation::Greater);
    Compare { range, relation, operand: Operand::Version(0) }
}

fn txn(
    compares: impl Into<Vec<Compare>>,
    success: impl Into<Vec<TxnOp>>,
    failure: impl Into<Vec<TxnOp>>,
) -> Kind {
    Kind::Txn(Txn { compares: compares.into(), success: success.into(), failure: failure.into() })
}

fn compact(revision: i64) -> Kind {
    Kind::Compact { revision: Revision(revision) }
}

fn done(outcome: &Outcome) -> &TxnDone {
    match &outcome.result {
        Ok(Reply::Txn(done)) => done,
        other => panic!("expected a transaction's reply, got {other:?}"),
    }
}

#[test]
fn a_transaction_takes_the_branch_that_its_comparisons_choose_and_one_revision() {
    let mut scene = Scene::new();
    let both = || txn([exists("a")], [step(put("b", "1")), step(put("c", "1"))], [step(put("a", "1"))]);
    let outcomes = scene.run([both(), both()]);
    let told: Vec<_> = outcomes.iter().map(|outcome| (outcome.revision.0, done(outcome).succeeded)).collect();
    assert_eq!(told, [(2, false), (3, true)]);
    assert_eq!(scene.published(), (vec!["a=1@2".into(), "b=1@3".into(), "c=1@3".into()], 3));
}

#[test]
fn a_step_sees_what_steps_before_it_did_and_a_comparison_does_not() {
    let mut scene = Scene::new();
    let within = txn([exists("a")], [], [range("a")]);
    let outcome = scene.run([txn([], [step(put("a", "1")), range("a"), step(within)], [])]).remove(0);
    let results = &done(&outcome).results;
    assert_eq!(results[0], OpDone::Put { revision: Revision(2), previous: None });
    let seen = |result: &OpDone| match result {
        OpDone::Range { revision, found: Found { count, .. } } => (revision.0, *count),
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(&results[1]), (2, 1));
    let OpDone::Txn(inner) = &results[2] else { panic!("{results:?}") };
    assert_eq!((inner.succeeded, seen(&inner.results[0])), (false, (2, 1)));
}

#[test]
fn a_transaction_that_changes_nothing_takes_no_revision() {
    let mut scene = Scene::new();
    let outcomes = scene.run([txn([], [step(delete("a", "")), step(txn([], [], []))], [])]);
    assert_eq!((outcomes[0].revision, done(&outcomes[0]).results.len()), (Revision(1), 2));
}

/// Law A5, for the branch taken only.
#[test]
fn a_refused_transaction_changes_nothing() {
    let at = |revision| {
        let query = Query::newest(KeyRange::Single("a".into()));
        TxnOp::Range(Query { revision: Some(Revision(revision)), ..query })
    };
    let (asked, newest) = (Revision(9), Revision(4));
    let compacted = mvcc::Refusal::Compacted { asked: Revision(2), oldest: Revision(3) };
    let negative = mvcc::Refusal::Compacted { asked: Revision(-1), oldest: Revision(3) };
    for (refused, refusal) in [
        (step(put_as("a", Some("2"), Some(5))), Refusal::LeaseNotFound),
        (step(put_as("z", None, Some(0))), Refusal::Mvcc(mvcc::Refusal::KeyNotFound)),
        (at(9), Refusal::Mvcc(mvcc::Refusal::Future { asked, newest })),
        (at(2), Refusal::Mvcc(compacted)),
        (at(-1), Refusal::Mvcc(negative)),
    ] {
        let mut scene = Scene::new();
        scene.run([put("a", "1"), put("a", "2"), put("a", "3"), compact(3)]);
        let (keys, before) = (scene.published(), without_position(scene.contents()));
        let steps = [step(put("b", "1")), step(txn([], [refused.clone()], []))];
        let outcome = scene.run([txn([], steps, [])]).remove(0);
        assert_eq!(outcome, Outcome { revision: Revision(4), result: Err(refusal) });
        assert_eq!((scene.published(), without_position(scene.contents())), (keys, before));
        let outcome = scene.run([txn([], [step(put("b", "1"))], [refused])]).remove(0);
        assert_eq!(outcome.revision, Revision(5), "what is not taken is not looked at");
    }
}

#[test]
fn what_changed_is_told_revision_by_revision_in_the_order_of_the_changes() {
    let mut scene = Scene::new();
    let twice = txn([], [step(put("b", "1")), step(delete("a", "")), step(put("a", "2"))], []);
    let kinds = [put("a", "1"), delete("z", ""), twice, compact(2), put_as("c", Some("1"), Some(5))];
    let envelopes =
        kinds.map(|kind| crate::Command { id: 7, user: String::new(), auth_revision: 0, kind }.encode());
    let entry = scene.entry(crate::Payload::Commands(envelopes.to_vec()));
    let changes = scene.state.apply(&[entry], &mut Vec::new()).unwrap().changes;
    let shown = |change: &Change| {
        let record = key_value(change.record.clone()).unwrap();
        assert_eq!(record.key, change.key);
        (String::from_utf8(change.key.to_vec()).unwrap(), change.kind, record.mod_revision, record.version)
    };
    let told: Vec<_> = changes
        .iter()
        .map(|changes| (changes.revision.0, changes.changes.iter().map(shown).collect::<Vec<_>>()))
        .collect();
    let (set, gone) = (ChangeKind::Put, ChangeKind::Delete);
    let third = vec![("b".into(), set, 3, 1), ("a".into(), gone, 3, 0), ("a".into(), set, 3, 1)];
    assert_eq!(told, [(2, vec![("a".into(), set, 2, 1)]), (3, third)]);
}

#[test]
fn a_compaction_counts_at_once_and_takes_no_revision() {
    let mut scene = Scene::new();
    scene.run([put("a", "1"), put("a", "2"), put("a", "3")]);
    let refused = |asked, oldest| {
        let (asked, oldest) = (Revision(asked), Revision(oldest));
        Err(Refusal::Mvcc(mvcc::Refusal::Compacted { asked, oldest }))
    };
    let future = mvcc::Refusal::Future { asked: Revision(5), newest: Revision(4) };
    for (revision, result) in [
        (0, Ok(Reply::Done)),
        (0, refused(0, 0)),
        (3, Ok(Reply::Done)),
        (3, refused(3, 3)),
        (2, refused(2, 3)),
        (5, Err(Refusal::Mvcc(future))),
    ] {
        let outcome = scene.run([compact(revision)]).remove(0);
        assert_eq!(outcome, Outcome { revision: Revision(4), result }, "{revision}");
    }
    let read = |scene: &Scene, revision| {
        let query = Query::newest(KeyRange::Single("a".into()));
        let query = Query { revision: Some(Revision(revision)), ..query };
        scene.state.reader().newest().range(&query, Tier::Disk).map(|found| found.count).ok()
    };
    assert_eq!([read(&scene, 2), read(&scene, 3), read(&scene, 4)], [None, Some(1), Some(1)]);
}

fn prune_all(scene: &mut Scene, budget: usize) -> usize {
    let mut steps = 1;
    while scene.state.prune(budget).unwrap() {
        steps += 1;
    }
    steps
}

fn keys(contents: &Contents) -> usize {
    contents[spaces::KEY.ordinal()].1.len()
}

#[test]
fn pruning_goes_in_steps_and_removes_what_nobody_can_read() {
    let mut scene = Scene::new();
    for number in 0..10 {
        scene.run([put("a", "1"), put("b", "2"), put_as(["c", "d"][number % 2], Some("3"), Some(0))]);
    }
    scene.run([compact(20)]);
    let (shown, newest) = (scene.published(), scene.state.reader().newest());
    assert!(newest.is_pruning() && scene.state.is_pruning());
    assert_eq!(keys(&scene.contents()), 30);
    assert!(prune_all(&mut scene, 1) > 3, "one record a step");
    assert!(!scene.state.reader().newest().is_pruning());
    assert_eq!(scene.published(), shown);
    // Eleven changes after revision 20, and the newest of four keys at or before it.
    assert_eq!(keys(&scene.contents()), 15);
    assert!(!scene.state.prune(1).unwrap(), "nothing is left to do");
    let old = Query { revision: Some(Revision(20)), ..Query::newest(KeyRange::From("a".into())) };
    assert_eq!(newest.range(&old, Tier::Disk).unwrap().count, 4, "who read before reads on");
}

#[test]
fn a_restart_goes_on_with_a_compaction_that_was_not_through() {
    let mut scene = Scene::new();
    scene.run((0..20).map(|_| put("a", "1")).chain([put("b", "1"), compact(15)]));
    assert!(scene.state.prune(1).unwrap());
    let mut again = Scene { index: scene.index, ..Scene::on(scene.engine) };
    assert!(again.state.is_pruning());
    prune_all(&mut again, 100);
    assert_eq!(keys(&again.contents()), 8);
    let mut last = Scene { index: again.index, ..Scene::on(again.engine) };
    assert!(!last.state.is_pruning(), "it is through once");
    assert_eq!(
        last.run([compact(15)])[0].result.clone().unwrap_err().to_string(),
        "revision 15 is compacted, oldest kept is 15"
    );
}
