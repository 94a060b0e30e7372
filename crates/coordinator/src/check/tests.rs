use super::*;
use quorate_mvcc::{Compare, Operand, Put, Query, Relation};
use quorate_types::LeaseId;

fn put(key: &'static str) -> TxnOp {
    let change = Put { key: key.into(), value: Some("v".into()), lease: Some(LeaseId::NONE) };
    TxnOp::Put { change, with_previous: false }
}

fn delete(key: &'static str, end: &'static str) -> TxnOp {
    let range = KeyRange::from_wire(key.into(), end.into());
    TxnOp::DeleteRange { range, with_previous: false }
}

fn range(key: &'static str) -> TxnOp {
    TxnOp::Range(Query::newest(KeyRange::Single(key.into())))
}

fn within(success: impl Into<Vec<TxnOp>>, failure: impl Into<Vec<TxnOp>>) -> TxnOp {
    TxnOp::Txn(of(success, failure))
}

fn of(success: impl Into<Vec<TxnOp>>, failure: impl Into<Vec<TxnOp>>) -> Txn {
    Txn { compares: vec![], success: success.into(), failure: failure.into() }
}

fn compare(key: &'static str) -> Compare {
    let range = KeyRange::Single(key.into());
    Compare { range, relation: Relation::Equal, operand: Operand::Version(0) }
}

fn checked(transaction: &Txn) -> Result<(), Invalid> {
    txn(transaction, Room::new(128))
}

#[test]
fn a_key_is_put_once_and_not_where_keys_are_removed() {
    let rows: Vec<(Vec<TxnOp>, bool)> = vec![
        (vec![], true),
        (vec![put("a"), put("b"), range("a"), range("a")], true),
        (vec![put("a"), put("a")], false),
        (vec![put("a"), delete("a", "")], false),
        (vec![delete("a", ""), put("a")], false),
        (vec![delete("a", ""), put("ab")], true),
        (vec![delete("a", "c"), put("b")], false),
        (vec![delete("a", "c"), put("c")], true),
        (vec![delete("b", "c"), put("a")], true),
        (vec![delete("c", "a"), put("b")], true),
        (vec![delete("a", "c"), delete("b", "d"), delete("a", "c")], true),
        (vec![delete("a", "c"), delete("b", "d"), delete("d", "e"), put("dd")], false),
        (vec![delete("a", "b"), delete("d", "e"), put("c")], true),
        // A quirk: what is removed to the end stands against nothing.
        (vec![delete("a", "\0"), put("b")], true),
    ];
    for (branch, holds) in rows {
        let expected = if holds { Ok(()) } else { Err(Invalid::DuplicateKey) };
        assert_eq!(checked(&of(branch.clone(), [])), expected, "{branch:?}");
        assert_eq!(checked(&of([], branch.clone())), expected, "{branch:?}");
        assert_eq!(checked(&of([within(branch.clone(), [])], [])), expected, "{branch:?}");
        assert_eq!(checked(&of([], [within([], branch.clone())])), expected, "{branch:?}");
    }
    assert_eq!(checked(&of([put("a")], [put("a"), delete("b", "")])), Ok(()), "only one branch is done");
}

#[test]
fn transactions_within_stand_against_their_parent_and_what_comes_after_them() {
    let rows: Vec<(Vec<TxnOp>, bool)> = vec![
        (vec![put("a"), within([put("a")], [])], false),
        (vec![within([], [put("a")]), put("a")], false),
        (vec![within([put("a")], [put("a")])], true),
        (vec![within([put("a")], []), within([], [put("a")])], false),
        (vec![delete("a", "c"), within([put("b")], [])], false),
        (vec![within([delete("a", "c")], []), put("b")], false),
        (vec![put("b"), within([], [delete("a", "c")])], false),
        (vec![within([delete("a", "c")], []), within([put("b")], [])], false),
        // A quirk: what is removed later does not stand against what was put before.
        (vec![within([put("b")], []), within([delete("a", "c")], [])], true),
        (vec![within([delete("a", "c")], [put("b")])], true),
    ];
    for (branch, holds) in rows {
        let expected = if holds { Ok(()) } else { Err(Invalid::DuplicateKey) };
        assert_eq!(checked(&of(branch.clone(), [])), expected, "{branch:?}");
    }
}

#[test]
fn the_longest_list_counts_and_what_lies_within_gets_the_rest() {
    let ranges = |count| vec![range("a"); count];
    let allowed = |transaction: &Txn| txn(transaction, Room::new(5)) != Err(Invalid::TooManyOps);
    assert!(allowed(&of(ranges(5), ranges(5))));
    assert!(!allowed(&of(ranges(6), [])));
    assert!(!allowed(&of([], ranges(6))));
    assert!(!allowed(&Txn { compares: vec![compare("a"); 6], ..Txn::default() }));
    assert!(!allowed(&of([within(ranges(4), []), within([], ranges(3))], [])), "the parent takes two");
    assert!(allowed(&of([within(ranges(4), [])], [])));
    assert!(!allowed(&of([within(ranges(5), [])], [])));
    assert!(!allowed(&of([within([within(ranges(4), [])], [])], [])));
}

#[test]
fn transactions_lie_within_others_only_so_deep() {
    let nested = |depth| (1..depth).fold(Txn::default(), |inner, _| of([TxnOp::Txn(inner)], []));
    assert_eq!(checked(&nested(TXN_DEPTH_MAX)), Ok(()));
    assert_eq!(checked(&nested(TXN_DEPTH_MAX + 1)), Err(Invalid::TooManyOps));
}

#[test]
fn an_empty_key_is_refused_wherever_it_stands() {
    for transaction in [
        Txn { compares: vec![compare("")], ..Txn::default() },
        of([put("")], []),
        of([], [range("")]),
        of([delete("", "z")], []),
        of([within([], [put("")])], []),
    ] {
        assert_eq!(checked(&transaction), Err(Invalid::EmptyKey), "{transaction:?}");
    }
    assert_eq!(checked(&of([put("a"), put("a")], [put("")])), Err(Invalid::EmptyKey), "keys come first");
}
