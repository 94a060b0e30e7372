//! What a transaction asks, and what became of it.

use crate::{Deleted, Found, Put, Query};
use bytes::Bytes;
use quorate_types::{KeyRange, LeaseId, Revision};

/// If all comparisons hold, `success`, else `failure`. etcd: `TxnRequest`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Txn {
    /// What must hold; nothing always holds.
    pub compares: Vec<Compare>,
    /// What is done if it holds.
    pub success: Vec<TxnOp>,
    /// What is done if it does not.
    pub failure: Vec<TxnOp>,
}

/// A statement about every key of a range. About a range without keys it is a statement about a key that does not
/// exist: all its numbers are 0, and nothing is true of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// The keys.
    pub range: KeyRange,
    /// How the key's field stands to the operand.
    pub relation: Relation,
    /// The field, and what it is compared with.
    pub operand: Operand,
}

/// How a key's field stands to an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
}

/// A field of a key, and what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// The number of puts since the key came into being.
    Version(i64),
    /// The revision at which the key came into being.
    Created(Revision),
    /// The revision of the last put.
    Modified(Revision),
    /// The lease.
    Lease(LeaseId),
    /// The value, compared as unsigned bytes.
    Value(Bytes),
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnOp {
    /// Reads, and sees what earlier steps wrote.
    Range(Query),
    /// Sets a key.
    Put {
        /// What to put.
        change: Put,
        /// Return the record that was there before.
        with_previous: bool,
    },
    /// Removes keys.
    DeleteRange {
        /// Which keys.
        range: KeyRange,
        /// Return their last records.
        with_previous: bool,
    },
    /// A transaction within. All comparisons along the way were made before anything was written.
    Txn(Txn),
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnDone {
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// One for each step of the branch taken.
    pub results: Vec<OpDone>,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpDone {
    /// Of a read.
    Range {
        /// The revision it saw: with a change before it, the transaction's own.
        revision: Revision,
        /// What it found.
        found: Found,
    },
    /// Of a put.
    Put {
        /// The transaction's revision.
        revision: Revision,
        /// The record before, if asked for and there was one.
        previous: Option<Bytes>,
    },
    /// Of a delete.
    DeleteRange {
        /// The transaction's revision if this or an earlier step changed something, else the one before.
        revision: Revision,
        /// What was removed.
        deleted: Deleted,
    },
    /// Of a transaction within.
    Txn(TxnDone),
}
