use crate::scene::{LEASE, Scene, at, bytes, put, range, refusal, shown};
use crate::{Compare, OpDone, Operand, Query, ReadError, Refusal, Relation, Tier, Txn, TxnDone, TxnOp};
use quorate_types::{LeaseId, Revision};

const ALL: (&str, &str) = ("\0", "\0");

fn compare(key: (&str, &str), relation: Relation, operand: Operand) -> Compare {
    Compare { range: range(key.0, key.1), relation, operand }
}

fn set(key: &str, value: &str) -> TxnOp {
    TxnOp::Put { change: put(key, Some(value), Some(0)), with_previous: true }
}

fn remove(key: &str, end: &str) -> TxnOp {
    TxnOp::DeleteRange { range: range(key, end), with_previous: true }
}

fn read(key: &str, end: &str) -> TxnOp {
    TxnOp::Range(Query::newest(range(key, end)))
}

fn read_at(revision: i64) -> TxnOp {
    TxnOp::Range(at(revision, Query::newest(range("\0", "\0"))))
}

fn always(success: Vec<TxnOp>) -> Txn {
    Txn { success, ..Txn::default() }
}

fn within(txn: Txn) -> TxnOp {
    TxnOp::Txn(txn)
}

/// One word a step: what it found or replaced, and the revision it tells.
fn words(done: &TxnDone) -> Vec<String> {
    let join = |records: &[bytes::Bytes]| records.iter().cloned().map(shown).collect::<Vec<_>>().join(",");
    let word = |done: &OpDone| match done {
        OpDone::Range { revision, found } => format!("{revision}:read {}", join(&found.records)),
        OpDone::Put { revision, previous } => {
            format!("{revision}:put over {}", join(previous.as_slice()))
        }
        OpDone::DeleteRange { revision, deleted } => {
            format!("{revision}:delete {}", join(&deleted.records))
        }
        OpDone::Txn(inner) => format!("{}{:?}", inner.succeeded, words(inner)),
    };
    done.results.iter().map(word).collect()
}

/// Whether a statement holds where `a` was put once at 2, `b` twice at 3 and 4 with the lease.
fn holds(statement: Compare) -> bool {
    let mut scene = Scene::new();
    scene.put("a", "5");
    scene.put("b", "5");
    scene.put_with("b", Some("7"), Some(LEASE.0)).unwrap();
    let txn = Txn { compares: vec![statement], ..Txn::default() };
    scene.txn(&txn).unwrap().succeeded
}

#[test]
fn comparisons_of_numbers_and_values() {
    use Operand::{Created, Lease, Modified, Value, Version};
    use Relation::{Equal, Greater, Less, NotEqual};
    for (key, operand, relations) in [
        ("b", Version(2), [true, false, false, false]),
        ("b", Version(1), [false, true, true, false]),
        ("b", Version(3), [false, true, false, true]),
        ("b", Created(Revision(3)), [true, false, false, false]),
        ("b", Created(Revision(2)), [false, true, true, false]),
        ("b", Modified(Revision(4)), [true, false, false, false]),
        ("b", Modified(Revision(5)), [false, true, false, true]),
        ("b", Lease(LEASE), [true, false, false, false]),
        ("a", Lease(LeaseId::NONE), [true, false, false, false]),
        ("b", Value(bytes("7")), [true, false, false, false]),
        ("b", Value(bytes("65")), [false, true, true, false]),
        ("b", Value(bytes("70")), [false, true, false, true]),
        ("b", Value(bytes("")), [false, true, true, false]),
    ] {
        for (relation, expected) in [Equal, NotEqual, Greater, Less].into_iter().zip(relations) {
            let statement = compare((key, ""), relation, operand.clone());
            assert_eq!(holds(statement.clone()), expected, "{statement:?}");
        }
    }
}

#[test]
fn a_missing_key_has_the_numbers_zero_and_no_value_at_all() {
    use Relation::{Equal, Greater, Less, NotEqual};
    for missing in [("x", ""), ("x", "z"), ("z", "x")] {
        for (relation, of_zero, of_minus_one) in
            [(Equal, true, false), (NotEqual, false, true), (Greater, false, true), (Less, false, false)]
        {
            assert_eq!(holds(compare(missing, relation, Operand::Version(0))), of_zero);
            assert_eq!(holds(compare(missing, relation, Operand::Created(Revision(0)))), of_zero);
            assert_eq!(holds(compare(missing, relation, Operand::Modified(Revision(-1)))), of_minus_one);
            assert_eq!(holds(compare(missing, relation, Operand::Lease(LeaseId(-1)))), of_minus_one);
            for value in ["", "5"] {
                assert!(!holds(compare(missing, relation, Operand::Value(bytes(value)))), "{relation:?}");
            }
        }
    }
}

#[test]
fn a_comparison_of_a_range_is_one_of_each_of_its_keys() {
    let of_all = |relation, operand| holds(compare(ALL, relation, operand));
    assert!(of_all(Relation::Greater, Operand::Version(0)));
    assert!(!of_all(Relation::Equal, Operand::Version(1)));
    assert!(of_all(Relation::Greater, Operand::Value(bytes("4"))));
    assert!(!of_all(Relation::Equal, Operand::Value(bytes("5"))));
    assert!(holds(compare(("a", "b"), Relation::Equal, Operand::Value(bytes("5")))));
}

#[test]
fn all_comparisons_must_hold_and_none_always_does() {
    let mut scene = Scene::new();
    let (yes, no) = (
        compare(("a", ""), Relation::Equal, Operand::Version(0)),
        compare(("a", ""), Relation::Equal, Operand::Version(1)),
    );
    for (compares, succeeded) in [
        (vec![], true),
        (vec![yes.clone()], true),
        (vec![yes.clone(), no.clone()], false),
        (vec![no, yes], false),
    ] {
        let txn = Txn { compares, success: vec![read("a", "")], failure: vec![] };
        let done = scene.txn(&txn).unwrap();
        assert_eq!((done.succeeded, done.results.len()), (succeeded, usize::from(succeeded)));
    }
    assert_eq!(scene.store.revision(), Revision(1), "nothing was changed");
}

#[test]
fn a_transaction_takes_one_revision_and_its_steps_see_each_other() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    let done = scene.txn(&always(vec![
        read("a", "z"),
        remove("x", "z"),
        set("b", "2"),
        read("a", "z"),
        set("c", "3"),
        remove("a", "c"),
        remove("x", "z"),
        read("a", "z"),
    ]));
    assert_eq!(
        words(&done.unwrap()),
        [
            "2:read a=1",
            "2:delete ",
            "3:put over ",
            "3:read a=1,b=2",
            "3:put over ",
            "3:delete a=1,b=2",
            "3:delete ",
            "3:read c=3",
        ]
    );
    assert_eq!(scene.store.revision(), Revision(3));
    let subs: Vec<_> = scene.told[1].changes.iter().map(|change| (change.key.clone(), change.kind)).collect();
    use quorate_types::ChangeKind::{Delete, Put};
    assert_eq!(subs, [(bytes("b"), Put), (bytes("c"), Put), (bytes("a"), Delete), (bytes("b"), Delete)]);
}

#[test]
fn a_transaction_that_changes_nothing_takes_no_revision() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    for steps in [vec![], vec![read("a", "")], vec![remove("x", "")], vec![within(always(vec![]))]] {
        scene.txn(&always(steps)).unwrap();
        assert_eq!((scene.store.revision(), scene.told.len()), (Revision(2), 1));
    }
}

#[test]
fn comparisons_within_are_made_before_anything_is_written() {
    let mut scene = Scene::new();
    let if_missing = |key, then: TxnOp, otherwise: TxnOp| {
        let compares = vec![compare((key, ""), Relation::Equal, Operand::Version(0))];
        within(Txn { compares, success: vec![then], failure: vec![otherwise] })
    };
    let inner = if_missing("a", if_missing("a", set("b", "missing"), set("b", "there")), set("c", "there"));
    let done = scene.txn(&always(vec![set("a", "1"), inner.clone(), read("a", "z")])).unwrap();
    assert_eq!(words(&done), ["2:put over ", r#"true["true[\"2:put over \"]"]"#, "2:read a=1,b=missing"]);
    let done = scene.txn(&always(vec![remove("a", "z"), inner])).unwrap();
    assert_eq!(words(&done), ["3:delete a=1,b=missing", r#"false["3:put over "]"#]);
    assert_eq!(scene.all_at(3), ["c=there"]);
}

#[test]
fn a_refused_transaction_changes_nothing() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    scene.put("a", "2");
    scene.compact(3).unwrap();
    let keeps = |key| TxnOp::Put { change: put(key, None, Some(0)), with_previous: false };
    let on = |lease| TxnOp::Put { change: put("a", Some("3"), Some(lease)), with_previous: false };
    let (future, compacted) = (
        Refusal::Future { asked: Revision(4), newest: Revision(3) },
        Refusal::Compacted { asked: Revision(2), oldest: Revision(3) },
    );
    for (step, expected) in [
        (keeps("b"), Refusal::KeyNotFound),
        (on(8), Refusal::LeaseNotFound),
        (read_at(4), future),
        (read_at(2), compacted),
    ] {
        for last in [step.clone(), within(always(vec![within(always(vec![step]))]))] {
            let txn = always(vec![set("b", "1"), remove("a", ""), last]);
            assert_eq!(refusal(scene.txn(&txn)), expected, "{txn:?}");
            assert_eq!((scene.store.revision(), scene.all_at(3)), (Revision(3), vec!["a=2".into()]));
            assert_eq!(scene.told.len(), 2, "watchers hear nothing of it");
        }
    }
    let fine = always(vec![keeps("a"), on(LEASE.0), read_at(3)]);
    assert_eq!(words(&scene.txn(&fine).unwrap()).last().unwrap(), "4:read a=2");
}

#[test]
fn only_the_branch_taken_is_checked() {
    let mut scene = Scene::new();
    let failure = vec![TxnOp::Put { change: put("x", None, None), with_previous: false }, read_at(99)];
    let txn = Txn { success: vec![set("a", "1")], failure, ..Txn::default() };
    assert_eq!(words(&scene.txn(&txn).unwrap()), ["2:put over "]);
}

#[test]
fn the_first_step_that_is_not_possible_says_why() {
    let mut scene = Scene::new();
    let keeping = |lease| TxnOp::Put { change: put("x", None, lease), with_previous: false };
    let future = Refusal::Future { asked: Revision(99), newest: Revision(1) };
    for (steps, expected) in [
        (vec![read_at(99), within(always(vec![keeping(None)]))], future),
        (vec![within(always(vec![keeping(None)])), read_at(99)], Refusal::KeyNotFound),
        (vec![keeping(Some(8))], Refusal::LeaseNotFound),
    ] {
        assert_eq!(refusal(scene.txn(&always(steps.clone()))), expected, "{steps:?}");
    }
}

#[test]
fn a_read_within_may_be_at_any_revision_before_the_transaction() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    scene.put("a", "2");
    let done = scene.txn(&always(vec![set("a", "3"), read_at(2), read_at(3), read_at(0)])).unwrap();
    assert_eq!(words(&done), ["4:put over a=2", "4:read a=1", "4:read a=2", "4:read a=3"]);
    // Its own revision is none of them, even when it has changed something.
    let refused = refusal(scene.txn(&always(vec![set("a", "4"), read_at(5)])));
    assert_eq!(refused, Refusal::Future { asked: Revision(5), newest: Revision(4) });
}

/// etcd compares with the compacted revision, which is -1 as long as there is none.
#[test]
fn a_negative_revision_within_is_compacted_once_anything_was() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    let asked = |scene: &mut Scene, revision| scene.txn(&always(vec![read_at(revision)]));
    assert_eq!(words(&asked(&mut scene, -1).unwrap()), ["2:read a=1"]);
    let never = Refusal::Compacted { asked: Revision(-2), oldest: Revision(-1) };
    assert_eq!(refusal(asked(&mut scene, -2)), never);
    scene.compact(0).unwrap();
    let compacted = Refusal::Compacted { asked: Revision(-1), oldest: Revision(0) };
    assert_eq!(refusal(asked(&mut scene, -1)), compacted);
    assert_eq!(scene.all_at(-1), ["a=1"], "a read on its own takes it for the newest");
}

#[test]
fn a_transaction_that_only_reads_is_answered_by_a_snapshot() {
    let mut scene = Scene::new();
    scene.put("a", "1");
    scene.put("a", "2");
    let compares = vec![compare(("a", ""), Relation::Equal, Operand::Value(bytes("1")))];
    let txn = Txn { compares, success: vec![], failure: vec![read("a", ""), read_at(2)] };
    let (snapshot, view) = (scene.store.snapshot(), crate::scene::view(&scene));
    for tier in [Tier::Memory, Tier::Disk] {
        let done = snapshot.txn(view.as_ref(), &txn, tier).unwrap();
        assert_eq!((done.succeeded, words(&done)), (false, vec!["3:read a=2".into(), "3:read a=1".into()]));
        let future = always(vec![read_at(4)]);
        let refused = refusal(snapshot.txn(view.as_ref(), &future, tier));
        assert_eq!(refused, Refusal::Future { asked: Revision(4), newest: Revision(3) });
    }
}

#[test]
fn a_front_threads_bounds_are_for_the_whole_transaction() {
    let mut scene = Scene::new();
    (0..400).for_each(|number| scene.put(&format!("k{number:03}"), "1"));
    let (snapshot, view) = (scene.store.snapshot(), crate::scene::view(&scene));
    let fits = always(vec![read("k", "l"), read("k", "l")]);
    assert!(snapshot.txn(view.as_ref(), &fits, Tier::Memory).is_ok());
    let too_much = always(vec![read("k", "l"), read("k", "l"), read("k", "l")]);
    let refused = snapshot.txn(view.as_ref(), &too_much, Tier::Memory);
    assert!(matches!(refused, Err(ReadError::NeedsDisk)), "{refused:?}");
    assert!(snapshot.txn(view.as_ref(), &too_much, Tier::Disk).is_ok());
}
