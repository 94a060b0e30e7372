//! What a command adds to the store at most, as etcd reckons it for its quota. An estimate that all members share: the
//! size itself is the engine's to tell.

use crate::command::Kind;
use quorate_mvcc::{Put, Txn, TxnOp};

/// What a key weighs besides its bytes and those of its value.
const PUT_OVERHEAD: u64 = 256;
/// What a lease weighs.
const LEASE_GRANT: u64 = 64;

/// The bytes that `kind` may add; zero if it takes no space. etcd: `storage/quota.go`.
#[must_use]
pub fn of(kind: &Kind) -> u64 {
    match kind {
        Kind::Put(put) => of_put(&put.change),
        Kind::Txn(txn) => of_txn(txn),
        Kind::LeaseGrant { .. } => LEASE_GRANT,
        Kind::DeleteRange(_)
        | Kind::Compact { .. }
        | Kind::LeaseRevoke { .. }
        | Kind::LeaseExpire { .. }
        | Kind::LeaseCheckpoint(_)
        | Kind::SetMemberAttributes { .. }
        | Kind::Alarm(_)
        | Kind::SetClusterVersion(_) => 0,
    }
}

fn of_put(put: &Put) -> u64 {
    let value = put.value.as_ref().map_or(0, bytes::Bytes::len);
    PUT_OVERHEAD + put.key.len() as u64 + value as u64
}

/// The dearer branch, transactions within included.
fn of_txn(txn: &Txn) -> u64 {
    let of_branch = |ops: &[TxnOp]| ops.iter().map(of_op).sum::<u64>();
    of_branch(&txn.success).max(of_branch(&txn.failure))
}

fn of_op(op: &TxnOp) -> u64 {
    match op {
        TxnOp::Put { change, .. } => of_put(change),
        TxnOp::Txn(within) => of_txn(within),
        TxnOp::Range(_) | TxnOp::DeleteRange { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeleteRange, Put as Asked};
    use quorate_types::{KeyRange, LeaseId};

    fn put(key: &'static str, value: Option<&'static str>) -> Put {
        Put { key: key.into(), value: value.map(Into::into), lease: Some(LeaseId::NONE) }
    }

    fn step(key: &'static str, value: Option<&'static str>) -> TxnOp {
        TxnOp::Put { change: put(key, value), with_previous: false }
    }

    fn txn(success: Vec<TxnOp>, failure: Vec<TxnOp>) -> Txn {
        Txn { compares: Vec::new(), success, failure }
    }

    #[test]
    fn a_put_costs_its_bytes_and_etcds_overhead_and_what_takes_no_space_nothing() {
        assert_eq!(of(&Kind::LeaseGrant { id: LeaseId(7), ttl_seconds: 60 }), 64);
        assert_eq!(of(&Kind::LeaseRevoke { id: LeaseId(7) }), 0);
        let asked = |value| Kind::Put(Asked { change: put("key", value), with_previous: false });
        assert_eq!(of(&asked(Some("value"))), 256 + 3 + 5);
        assert_eq!(of(&asked(None)), 256 + 3, "a kept value is not counted");
        let range = KeyRange::Single("key".into());
        assert_eq!(of(&Kind::DeleteRange(DeleteRange { range, with_previous: false })), 0);
    }

    #[test]
    fn a_transaction_costs_its_dearer_branch_with_what_lies_within() {
        let within = TxnOp::Txn(txn(vec![], vec![step("k", Some("1234"))]));
        let range = KeyRange::Single("key".into());
        let delete = TxnOp::DeleteRange { range, with_previous: false };
        let (two, one) = (vec![step("a", Some("1")), within], vec![delete.clone(), step("a", Some("12"))]);
        assert_eq!(of(&Kind::Txn(txn(two.clone(), one.clone()))), 258 + 261);
        assert_eq!(of(&Kind::Txn(txn(one, two))), 258 + 261);
        assert_eq!(of(&Kind::Txn(txn(vec![delete.clone()], vec![delete]))), 0);
    }
}
