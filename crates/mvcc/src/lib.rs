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
//! - **M1** One transaction, one `main`; only a transaction that changed something takes one.
//! - **M2** `sub` counts from 0 within a transaction, one a change, in the order of the changes.
//! - **M3** The index and the engine tell the same: every live key's newest record is stored, under the
//!   revision that the index names.
//! - **M4** A [`Snapshot`] never changes.
//!
//! What is not here yet: older revisions, nested transactions and compaction. A read at an older revision is
//! refused as such.

mod index;
mod overlay;
mod query;
mod record;
mod refusal;
mod snapshot;
mod store;
mod txn;

pub use overlay::Overlay;
pub use query::{Filter, Order, Query, Sort, Target};
pub use record::{RecordKey, key_value};
pub use refusal::Refusal;
pub use snapshot::{Found, ReadError, Snapshot, Tier};
pub use store::{Deleted, Put, Store, Writing};
pub use txn::{Compare, OpDone, Operand, Relation, Txn, TxnDone, TxnOp};
