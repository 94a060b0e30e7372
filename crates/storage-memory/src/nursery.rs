//! Files of states that are not the engine's yet.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const PREFIX: &str = "replacement-";
const TEMPORARY: &str = ".tmp";

/// Gives names in the engine's folder, each once in the life of the engine.
#[derive(Debug)]
pub(crate) struct Nursery {
    folder: PathBuf,
    given: AtomicU64,
}

/// A file that goes with this value, unless it was given another name.
#[derive(Debug)]
pub(crate) struct Newborn(PathBuf);

impl Nursery {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, given: AtomicU64::new(0) }
    }

    /// A place for a file; there may be one there, which nobody needs.
    pub(crate) fn place(&self) -> Newborn {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        Newborn(self.folder.join(format!("{PREFIX}{number:016x}{TEMPORARY}")))
    }
}

impl Newborn {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Newborn {
    fn drop(&mut self) {
        // Mostly it is not there; if it stays, then the next to open the folder removes it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Whether this is the name of such a file.
pub(crate) fn is_place(name: &str) -> bool {
    let number = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(TEMPORARY));
    number.is_some_and(|number| number.len() == 16 && u64::from_str_radix(number, 16).is_ok())
}
