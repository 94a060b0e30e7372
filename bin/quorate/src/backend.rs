//! Which storage engine this build has: the only file that knows.
//!
//! A third backend is one crate, one feature and one block here.

use quorate_state_machine::spaces;
use quorate_storage::Engine;
use std::path::Path;
use std::sync::Arc;

#[cfg(not(any(feature = "rocksdb", feature = "memory")))]
compile_error!("choose a backend: --features rocksdb or --features memory");

/// The backend's name, as the data directory records it.
#[cfg(feature = "memory")]
pub(crate) const NAME: &str = "memory";

/// Opens the engine in `folder`.
#[cfg(feature = "memory")]
pub(crate) fn open(folder: &Path) -> Result<Arc<dyn Engine>, quorate_storage::Error> {
    use quorate_storage_memory::{MemoryEngine, Options};
    Ok(Arc::new(MemoryEngine::open(folder, spaces::ALL, Options::default())?))
}

/// The backend's name, as the data directory records it.
#[cfg(all(feature = "rocksdb", not(feature = "memory")))]
pub(crate) const NAME: &str = "rocksdb";

/// Opens the engine in `folder`.
#[cfg(all(feature = "rocksdb", not(feature = "memory")))]
pub(crate) fn open(folder: &Path) -> Result<Arc<dyn Engine>, quorate_storage::Error> {
    use quorate_storage_rocksdb::{Options, RocksEngine};
    Ok(Arc::new(RocksEngine::open(folder, spaces::ALL, Options::default())?))
}
