use super::*;

/// Does operations one after the other; what is answered, and what the keys hold in the end.
fn told(operations: &[Operation]) -> Vec<String> {
    let mut space = KeySpace::default();
    let mut told = Vec::new();
    for operation in operations {
        match space.effect(operation) {
            Some(effect) => {
                let before = space.clone();
                space.commit(&effect);
                let after = space.clone();
                space.undo(&effect);
                assert_eq!(space, before, "undo takes back exactly {operation}");
                space.commit(&effect);
                assert_eq!(space, after);
                told.push(effect.answer.to_string());
            }
            None => told.push("refused".to_owned()),
        }
    }
    told
}

fn put(key: &str, value: &str, lease: i64) -> Step {
    Step::Put { key: key.to_owned(), value: value.to_owned(), lease: LeaseId(lease), prev_kv: true }
}

fn delete(key: &str) -> Step {
    Step::Delete { key: key.to_owned(), prev_kv: true }
}

fn range(key: &str) -> Step {
    Step::Range { key: key.to_owned() }
}

fn txn(target: Target, success: Vec<Step>, failure: Vec<Step>) -> Operation {
    Operation::Txn { compare: vec![Compare { key: "a".to_owned(), target }], success, failure }
}

#[test]
fn puts_count_versions_within_a_life() {
    let operations = [
        Operation::put("a", "1"),
        Operation::Step(put("a", "2", 0)),
        Operation::Step(delete("a")),
        Operation::put("a", "3"),
        Operation::range("a"),
    ];
    assert_eq!(
        told(&operations),
        [
            "ok at revision 2",
            "ok, before \"1\" (mod 2, create 2, version 1) at revision 3",
            "deleted 1, before \"2\" (mod 3, create 2, version 2) at revision 4",
            "ok at revision 5",
            "\"3\" (mod 5, create 5, version 1) at revision 5",
        ]
    );
}

#[test]
fn what_changes_nothing_takes_no_revision() {
    let operations = [
        Operation::put("b", "1"),
        Operation::delete("a"),
        Operation::range("a"),
        txn(Target::Create(Revision(1)), vec![put("a", "1", 0)], vec![range("b")]),
        Operation::Revoke { lease: LeaseId(7) },
    ];
    assert_eq!(
        told(&operations),
        [
            "ok at revision 2",
            "deleted 0 at revision 2",
            "nothing at revision 2",
            "(else) \"1\" (mod 2, create 2, version 1) at revision 2",
            "[] at revision 2",
        ]
    );
}

#[test]
fn a_missing_key_compares_as_zero_but_never_by_value() {
    for (target, holds) in [
        (Target::Create(Revision(0)), true),
        (Target::Mod(Revision(0)), true),
        (Target::Version(0), true),
        (Target::Value(String::new()), false),
    ] {
        let effect = KeySpace::default().effect(&txn(target.clone(), Vec::new(), Vec::new())).unwrap();
        assert_eq!(effect.answer.succeeded, holds, "{target:?}");
    }
}

#[test]
fn a_transaction_has_one_revision_and_sees_its_own_steps() {
    let steps = vec![range("a"), put("a", "1", 0), range("a"), put("b", "2", 0), delete("c")];
    let effect = KeySpace::default().effect(&txn(Target::Mod(Revision(0)), steps, Vec::new())).unwrap();
    assert_eq!(
        effect.answer.to_string(),
        "[nothing; ok; \"1\" (mod 2, create 2, version 1); ok; deleted 0] at revision 2"
    );
    let keys: Vec<&str> = effect.changes.iter().map(|change| change.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn a_revoked_lease_takes_its_keys_and_no_more() {
    let operations = [
        Operation::Step(put("b", "1", 7)),
        Operation::Step(put("a", "1", 7)),
        Operation::Step(put("c", "1", 7)),
        Operation::put("c", "2"),
        Operation::Revoke { lease: LeaseId(7) },
        Operation::range("a"),
        Operation::range("c"),
        Operation::Step(put("d", "1", 7)),
    ];
    let told = told(&operations);
    assert_eq!(told[4], "[] at revision 6");
    assert_eq!(told[5], "nothing at revision 6");
    assert_eq!(told[6], "\"2\" (mod 5, create 4, version 2) at revision 6");
    assert_eq!(told[7], "refused");
}
