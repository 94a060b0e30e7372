//! Transactions.

use super::{Coordinator, unreadable};
use crate::call::Call;
use crate::check::{self, Room};
use crate::error::Error;
use quorate_mvcc::{ReadError, Tier, Txn, TxnDone, TxnOp};
use quorate_state_machine::{Kind, Reply};
use quorate_types::Revision;

impl Coordinator {
    /// Does what `txn` asks, in one step. Returns the revision after it and what became of it.
    ///
    /// One that can only read goes not through the log: it sees all that was acknowledged before (law C4), or, if
    /// `serializable`, what this member has. One that changes something is never serializable.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been done.
    pub async fn txn(&self, call: &Call, txn: Txn, serializable: bool) -> Result<(Revision, TxnDone), Error> {
        check::txn(&txn, Room::new(self.limits().txn_ops_max))?;
        if only_reads(&txn) {
            if !serializable {
                self.confirm(call).await?;
            }
            return self.read_txn(call, txn).await;
        }
        let outcome = self.submit(call, Kind::Txn(txn)).await?;
        match outcome.result? {
            Reply::Txn(done) => Ok((outcome.revision, done)),
            other => unreachable!("A1: a transaction was answered with {other:?}"),
        }
    }

    /// At one moment: here, or on the work pool if it needs the disk or takes long (law C1).
    async fn read_txn(&self, call: &Call, txn: Txn) -> Result<(Revision, TxnDone), Error> {
        let published = self.shared.consensus.reader().newest();
        let revision = published.revision();
        let done = match published.txn(&txn, Tier::Memory) {
            Err(ReadError::NeedsDisk) => {
                let read = self.shared.work.run(move || published.txn(&txn, Tier::Disk));
                self.by_deadline(call, read).await??
            }
            done => done,
        };
        done.map(|done| (revision, done)).map_err(unreadable)
    }
}

/// Whether no branch can change anything. A transaction within counts as a change, as in etcd.
fn only_reads(txn: &Txn) -> bool {
    txn.success.iter().chain(&txn.failure).all(|op| matches!(op, TxnOp::Range(_)))
}
