//! RocksDB's errors in the seam's words.

use quorate_storage::{Error, Unusable};
use rocksdb::ErrorKind;
use std::path::Path;

/// The error of an attempt to `action`. The file and what is wrong with it are in RocksDB's own text.
pub(crate) fn failed_to(action: &'static str) -> impl FnOnce(rocksdb::Error) -> Error {
    move |error| Error::Backend { action, source: Box::new(error) }
}

/// The error of an attempt to open the database in `dir`.
pub(crate) fn failed_to_open(dir: &Path) -> impl FnOnce(rocksdb::Error) -> Error {
    move |error| {
        // RocksDB has no kind for this; both of its texts name the file (`env/fs_posix.cc`, `LockFile`).
        let is_locked = error.kind() == ErrorKind::IOError && error.as_ref().contains("/LOCK: ");
        if is_locked {
            return Error::Unusable { path: dir.to_owned(), why: Unusable::Locked };
        }
        failed_to("open database")(error)
    }
}
