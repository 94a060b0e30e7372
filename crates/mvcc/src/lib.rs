//! Keys with history: every change has a revision, every read has a moment.
//!
//! Each change is one record in the engine, under its [`RecordKey`] `(main, sub)`: `main` is the revision of the
//! transaction that made it, `sub` its place within that transaction. The record is etcd's `KeyValue` in
//! wire form and stays so: a range is answered with the stored bytes. In memory lives only the index from user key
//! to what a read needs before it touches a value.
//!
//! It refuses to know about leases' lives, permissions or clients, and draws neither time nor chance.
//!
//! Laws:
//! - **M1** One transaction, one `main`, the next one; only a transaction that changed something takes one.
//! - **M2** `sub` counts from 0 within a transaction, one a change, in the order of the changes.
//! - **M3** The index and the engine tell the same: every version that the index names is stored there, and of the
//!   newest version of a key the index knows all but the value.
//! - **M4** A [`Snapshot`] never changes.
//! - **M5** A transaction is decided before its first write: comparisons and refusals look at the state before it. A
//!   refusal changes nothing.
//! - **M6** A [`Snapshot`] and a view of the same moment stay whole: what is readable in it is readable for as long as
//!   both are held, whatever is compacted and pruned meanwhile. A younger view may lack what an older snapshot names.
//! - **M7** Pruning removes only what no read at or above the compacted revision can find: of each key the versions
//!   before the newest one at or below it, and that one if it is a tombstone of an earlier revision.

mod compaction;
mod compare;
mod hash;
mod history;
mod index;
mod listing;
mod moment;
mod overlay;
mod query;
mod reader;
mod record;
mod record_key;
mod refusal;
#[cfg(test)]
mod scene;
mod snapshot;
mod store;
mod taken;
mod txn;
mod writing;

pub use hash::Hashing;
pub use listing::{Listed, Listing};
pub use overlay::Overlay;
pub use query::{Filter, Order, Query, Sort, Target};
pub use record::key_value;
pub use record_key::RecordKey;
pub use refusal::Refusal;
pub use snapshot::{Found, ReadError, Snapshot, Tier};
pub use store::Store;
pub use txn::{Compare, OpDone, Operand, Relation, Txn, TxnDone, TxnOp};
pub use writing::{Deleted, LeaseMove, Put, Writing};
