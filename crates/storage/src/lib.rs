//! Ordered bytes on one machine: what the replicated state asks of the place that keeps it.
//!
//! An [`Engine`] is a fixed set of named, ordered [`Space`]s of byte keys and byte values. One writer
//! hands it a [`Batch`] at a time; any number of readers hold [`View`]s, each a fixed moment in time.
//! The engine has no log of its own on the way to a reply: whoever writes to it keeps a log that can
//! replay what [`Engine::persist`] has not made durable yet.
//!
//! It refuses to know what the bytes mean, to retry, and to run anything in the foreground that waits
//! for a disk, [`Engine::persist`] excepted.
//!
//! Laws:
//! - **S1** A batch appears at once: a view sees all of it or nothing of it.
//! - **S2** A view never changes, whatever is written after it was taken.
//! - **S3** After a crash the engine holds a prefix of the batches it was given, in order, and at least
//!   those that the last successful `persist` covered. No batch is there in part.
//! - **S4** Keys of a space are ordered as unsigned bytes, in both directions.
//! - **S5** `View::size` is the sum, over all records of all counted spaces, of key bytes, value bytes
//!   and [`RECORD_OVERHEAD`]; it is equal on every engine that was given the same batches.
//! - **S6** A [`Replacement`] is beside the state: until its [`Successor`] is swapped in, nothing that is read,
//!   written or persisted is any different for it; and one that is given up, or that a crash cut short, leaves nothing.
//! - **S7** A swap is whole: when it returns, `view`, `write` and `persist` are of the new state, and that is
//!   durable. A crash before leaves the old state (S3), a crash during it the one or the other, never a mixture.
//!   Views that were taken before stay as they are (S2).
//!
//! The traits are objects, not generics: everything above is compiled once, for any engine
//! (`docs/decisions/0001-engine-is-an-object.md`).

mod batch;
mod error;
mod replacement;
mod space;
#[cfg(feature = "testing")]
pub mod testing;
mod view;

pub use batch::{Batch, Op};
pub use error::{Error, Unusable};
pub use replacement::{Progress, Replacement, Successor};
pub use space::{Space, SpaceSet};
pub use view::{Cached, Order, Range, View};

use std::sync::Arc;

/// What a record weighs in [`View::size`] beyond its bytes, so that a million empty values are not free.
pub const RECORD_OVERHEAD: u64 = 128;

/// Named ordered spaces of bytes, durable up to where [`Engine::persist`] says.
///
/// One thread writes, and swaps; any thread may take views, persist and fill a replacement. An engine that returned an error from
/// `write` or `persist` is in doubt: the caller stops using it and reopens it in a new process.
pub trait Engine: Send + Sync + 'static {
    /// The backend's name as an operator writes it: `rocksdb`, `memory`.
    fn name(&self) -> &'static str;

    /// Whether [`Engine::persist`] writes all records each time, not only what changed since the last: then it is
    /// asked for less often.
    fn persists_whole(&self) -> bool {
        false
    }

    /// The state now. Cost: constant, no copy; holds what it sees alive until it is dropped.
    fn view(&self) -> Arc<dyn View>;

    /// Makes `batch` visible to views taken from now on, whole (S1). Not durable yet.
    ///
    /// Cost: memory only; may wait for the engine's own background work when that has fallen far behind.
    ///
    /// # Errors
    /// Any error is final: see the trait.
    fn write(&self, batch: Batch) -> Result<(), Error>;

    /// Makes everything written before the call durable, and returns a view of exactly what is durable.
    ///
    /// Blocks for as long as the disk takes, but never a concurrent `write` or `view`. Calls are
    /// serialised among themselves.
    ///
    /// # Errors
    /// Any error is final: see the trait. A full disk is one.
    fn persist(&self) -> Result<Arc<dyn View>, Error>;

    /// An empty state of the same spaces beside the engine's own, to be filled with records from elsewhere and swapped in
    /// (laws S6 and S7). One that ended before, however it did, left nothing that is in its way.
    ///
    /// It takes as much room again as its records, on disk and, if the engine holds all records in memory, there too; so does
    /// the old state after a swap, for as long as somebody reads it. It holds on to the engine: a directory stays locked
    /// until it is gone.
    ///
    /// # Errors
    /// There is no place for it; the engine goes on.
    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error>;
}
