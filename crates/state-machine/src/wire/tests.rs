use super::*;
use proptest::prelude::*;

/// A comparison of `k` as a client may send it.
fn sent(result: i32, target: i32, target_union: Option<TargetUnion>) -> Compare {
    Compare { result, target, key: "k".into(), range_end: Bytes::new(), target_union }
}

fn understood(request: Compare) -> (Relation, Operand) {
    let compare = compare(request);
    assert_eq!(compare.range, KeyRange::Single("k".into()));
    (compare.relation, compare.operand)
}

#[test]
fn a_comparison_names_its_field_and_how_it_stands() {
    let union = |target| match target {
        0 => TargetUnion::Version(5),
        1 => TargetUnion::CreateRevision(5),
        2 => TargetUnion::ModRevision(5),
        3 => TargetUnion::Value("v".into()),
        _ => TargetUnion::Lease(5),
    };
    let operands = [
        Operand::Version(5),
        Operand::Created(Revision(5)),
        Operand::Modified(Revision(5)),
        Operand::Value("v".into()),
        Operand::Lease(LeaseId(5)),
    ];
    let relations = [Relation::Equal, Relation::Greater, Relation::Less, Relation::NotEqual];
    for (target, operand) in (0..).zip(operands) {
        for (result, relation) in (0..).zip(relations) {
            let found = understood(sent(result, target, Some(union(target))));
            assert_eq!(found, (relation, operand.clone()), "{result} {target}");
        }
    }
}

#[test]
fn without_an_operand_for_its_field_a_comparison_is_with_nothing() {
    let nothing = [
        Operand::Version(0),
        Operand::Created(Revision(0)),
        Operand::Modified(Revision(0)),
        Operand::Value(Bytes::new()),
        Operand::Lease(LeaseId::NONE),
    ];
    for (target, operand) in (0..).zip(nothing) {
        let expected = (Relation::Equal, operand);
        assert_eq!(understood(sent(0, target, None)), expected);
        let other = if target == 0 { TargetUnion::Lease(5) } else { TargetUnion::Version(5) };
        assert_eq!(understood(sent(0, target, Some(other))), expected);
    }
}

/// As etcd: an unknown field is equal, an unknown relation holds, except of a value that is not there.
#[test]
fn what_etcd_makes_of_unknown_numbers_is_said_in_known_ones() {
    let always = (Relation::Greater, Operand::Version(-1));
    let never = (Relation::Less, Operand::Version(-1));
    let exists = (Relation::Greater, Operand::Version(0));
    let (equal, greater, less, not_equal, unknown) = (0, 1, 2, 3, 4);
    for (result, target, expected) in [
        (equal, 5, &always),
        (greater, 5, &never),
        (less, -1, &never),
        (not_equal, 5, &never),
        (unknown, 5, &always),
        (unknown, 0, &always),
        (-1, 2, &always),
        (unknown, 3, &exists),
    ] {
        assert_eq!(understood(sent(result, target, None)), *expected, "{result} {target}");
    }
}

#[test]
fn a_step_that_says_nothing_and_a_sort_that_is_none_are_malformed() {
    let empty = || RequestOp { request: None };
    let unsorted = |sort_order, sort_target| {
        let range = RangeRequest { key: "k".into(), sort_order, sort_target, ..RangeRequest::default() };
        RequestOp { request: Some(Request::RequestRange(range)) }
    };
    let branches = |success, failure| TxnRequest { compare: vec![], success, failure };
    let within = |inner| RequestOp { request: Some(Request::RequestTxn(inner)) };
    for (request, malformed) in [
        (branches(vec![empty()], vec![]), Malformed::EmptyOp),
        (branches(vec![], vec![empty()]), Malformed::EmptyOp),
        (branches(vec![], vec![unsorted(3, 0)]), Malformed::SortOption),
        (branches(vec![unsorted(0, 5)], vec![empty()]), Malformed::SortOption),
        (branches(vec![within(branches(vec![], vec![empty()]))], vec![]), Malformed::EmptyOp),
    ] {
        assert_eq!(txn(request.clone()), Err(malformed), "{request:?}");
    }
}

#[test]
fn zero_is_none_in_a_range_and_a_negative_revision_stays() {
    let asked = |request: RangeRequest| query(RangeRequest { key: "k".into(), ..request }).unwrap();
    let plain = Query::newest(KeyRange::Single("k".into()));
    assert_eq!(asked(RangeRequest::default()), plain);
    assert_eq!(asked(RangeRequest { limit: -1, serializable: true, ..Default::default() }), plain);
    let negative = asked(RangeRequest { revision: -1, ..Default::default() });
    assert_eq!(negative.revision, Some(Revision(-1)));
    let unnamed = asked(RangeRequest { sort_target: 2, ..Default::default() }).sort;
    assert_eq!(unnamed, Some(Sort { target: Target::Created, order: Order::Unnamed }));
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from)
}

fn any_range() -> impl Strategy<Value = KeyRange> {
    (bytes(), bytes()).prop_map(|(key, end)| KeyRange::from_wire(key, end))
}

fn number() -> impl Strategy<Value = Option<Revision>> {
    any::<i64>().prop_map(|number| (number != 0).then_some(Revision(number)))
}

fn any_query() -> impl Strategy<Value = Query> {
    let sort = (0..3, 0..5).prop_map(|(order, target)| sort(order, target).unwrap());
    let filter = (number(), number(), number(), number()).prop_map(
        |(modified_min, modified_max, created_min, created_max)| Filter {
            modified_min,
            modified_max,
            created_min,
            created_max,
        },
    );
    let limit = prop::option::of(1..usize::try_from(i64::MAX).unwrap());
    (any_range(), number(), limit, sort, any::<(bool, bool)>(), filter).prop_map(
        |(range, revision, limit, sort, (keys_only, count_only), filter)| Query {
            range,
            revision,
            limit,
            sort,
            keys_only,
            count_only,
            filter,
        },
    )
}

fn any_compare() -> impl Strategy<Value = mvcc::Compare> {
    let relations = vec![Relation::Equal, Relation::NotEqual, Relation::Greater, Relation::Less];
    let operand = prop_oneof![
        any::<i64>().prop_map(Operand::Version),
        any::<i64>().prop_map(|number| Operand::Created(Revision(number))),
        any::<i64>().prop_map(|number| Operand::Modified(Revision(number))),
        any::<i64>().prop_map(|number| Operand::Lease(LeaseId(number))),
        bytes().prop_map(Operand::Value),
    ];
    (any_range(), prop::sample::select(relations), operand)
        .prop_map(|(range, relation, operand)| mvcc::Compare { range, relation, operand })
}

/// Any transaction, two levels deep.
pub(crate) fn any_txn() -> impl Strategy<Value = Txn> {
    let put = (bytes(), prop::option::of(bytes()), prop::option::of(any::<i64>()), any::<bool>()).prop_map(
        |(key, value, lease, with_previous)| {
            let change = mvcc::Put { key, value, lease: lease.map(LeaseId) };
            TxnOp::Put { change, with_previous }
        },
    );
    let delete = (any_range(), any::<bool>())
        .prop_map(|(range, with_previous)| TxnOp::DeleteRange { range, with_previous });
    let leaf = prop_oneof![any_query().prop_map(TxnOp::Range), put, delete];
    let op = leaf.prop_recursive(2, 12, 3, |op| txn_of(op).prop_map(TxnOp::Txn));
    txn_of(op)
}

fn txn_of(op: impl Strategy<Value = TxnOp> + Clone) -> impl Strategy<Value = Txn> {
    let branch = || prop::collection::vec(op.clone(), 0..3);
    (prop::collection::vec(any_compare(), 0..3), branch(), branch())
        .prop_map(|(compares, success, failure)| Txn { compares, success, failure })
}

proptest! {
    #[test]
    fn a_transaction_survives_the_wire(transaction in any_txn()) {
        prop_assert_eq!(txn(txn_request(transaction.clone())), Ok(transaction));
    }
}
