//! The way through a transaction, found before its first write.
//!
//! All comparisons along the way, and all reasons to refuse it, are looked at in the state before: so it happens whole
//! or not at all. etcd: `server/etcdserver/txn`, `compareToPath` and `checkTxn`.

use crate::moment::Moment;
use crate::{OpDone, Put, ReadError, Refusal, Txn, TxnDone, TxnOp};
use quorate_types::LeaseId;

/// The branch taken of a transaction, and of those within it.
pub(crate) struct Taken<'a> {
    pub(crate) succeeded: bool,
    pub(crate) steps: Vec<Step<'a>>,
}

/// One step of a branch taken.
pub(crate) enum Step<'a> {
    /// No transaction.
    Op(&'a TxnOp),
    /// A transaction, and the way through it.
    Txn(Taken<'a>),
}

impl<'a> Taken<'a> {
    /// The way through `txn` in the state of `moment`.
    pub(crate) fn of(txn: &'a Txn, moment: &Moment<'_>) -> Result<Self, ReadError> {
        let mut succeeded = true;
        for compare in &txn.compares {
            succeeded = succeeded && compare.holds(moment)?;
        }
        let branch = if succeeded { &txn.success } else { &txn.failure };
        let steps = branch.iter().map(|op| match op {
            TxnOp::Txn(inner) => Taken::of(inner, moment).map(Step::Txn),
            op => Ok(Step::Op(op)),
        });
        Ok(Self { succeeded, steps: steps.collect::<Result<_, _>>()? })
    }

    /// Whether every step is possible in the state of `moment`: the first that is not says why. Before 3.7 etcd looked
    /// at all puts first.
    pub(crate) fn check(
        &self,
        moment: &Moment<'_>,
        lease_lives: &dyn Fn(LeaseId) -> bool,
    ) -> Result<(), Refusal> {
        self.steps.iter().try_for_each(|step| match step {
            Step::Op(TxnOp::Put { change, .. }) => check_put(change, moment, lease_lives),
            Step::Op(TxnOp::Range(query)) => moment.check_step(query.revision),
            Step::Op(_) => Ok(()),
            Step::Txn(inner) => inner.check(moment, lease_lives),
        })
    }

    /// Does a way that has only reads.
    fn read(&self, moment: &Moment<'_>) -> Result<TxnDone, ReadError> {
        let results = self.steps.iter().map(|step| match step {
            Step::Op(TxnOp::Range(query)) => {
                Ok(OpDone::Range { revision: moment.revision, found: moment.range(query)? })
            }
            Step::Op(op) => panic!("a transaction that only reads has the step {op:?}"),
            Step::Txn(inner) => inner.read(moment).map(OpDone::Txn),
        });
        Ok(TxnDone { succeeded: self.succeeded, results: results.collect::<Result<_, _>>()? })
    }
}

/// Does a transaction that only reads.
pub(crate) fn read(moment: &Moment<'_>, txn: &Txn) -> Result<TxnDone, ReadError> {
    let taken = Taken::of(txn, moment)?;
    taken.check(moment, &|_| false)?;
    taken.read(moment)
}

fn check_put(
    change: &Put,
    moment: &Moment<'_>,
    lease_lives: &dyn Fn(LeaseId) -> bool,
) -> Result<(), Refusal> {
    if change.lease.is_some_and(|lease| lease != LeaseId::NONE && !lease_lives(lease)) {
        return Err(Refusal::LeaseNotFound);
    }
    if change.keeps_something() && moment.index.get(&change.key).is_none() {
        return Err(Refusal::KeyNotFound);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
