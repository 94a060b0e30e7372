//! The suite itself: which checks there are, and the stage each of them plays on.

use super::checks::{Check, DURABLE, VOLATILE};
use crate::{Engine, Error, Space, SpaceSet};
use std::path::Path;
use std::sync::Arc;

/// The spaces of most checks; the last one is not counted in the size.
pub const SPACES: SpaceSet = SpaceSet::new(&[
    Space::new(0, "key"),
    Space::new(1, "meta"),
    Space::new(2, "lease"),
    Space::new(3, "quorate").uncounted(),
]);

/// Opens the engine under test on a directory.
type Open<'a> = &'a dyn Fn(&Path, SpaceSet) -> Result<Arc<dyn Engine>, Error>;

/// An empty directory of one check, and the engine under test.
pub(super) struct Stage<'a> {
    open: Open<'a>,
    dir: tempfile::TempDir,
}

/// Checks every law on the engine that `open` opens, on directories made for it.
///
/// `open` is called again on a directory after the engine there was dropped without `persist`: to the suite
/// that is a crash, so an engine must not persist when it is dropped.
///
/// # Panics
/// If a law does not hold; the name of the check is printed before.
pub fn conformance(open: impl Fn(&Path, SpaceSet) -> Result<Arc<dyn Engine>, Error>) {
    run(VOLATILE, &open);
    run(DURABLE, &open);
}

/// Checks what can be checked on an engine that keeps nothing.
///
/// # Panics
/// As [`conformance`].
pub fn conformance_volatile(open: impl Fn(SpaceSet) -> Arc<dyn Engine>) {
    run(VOLATILE, &|_, spaces| Ok(open(spaces)));
}

fn run(checks: &[(&str, Check)], open: Open<'_>) {
    for (claim, check) in checks {
        eprintln!("conformance: {claim}");
        let dir = tempfile::tempdir().expect("tests may write to the temporary directory");
        check(&Stage { open, dir });
    }
}

impl Stage<'_> {
    /// The engine with [`SPACES`]: empty the first time, then with whatever survived.
    pub(super) fn open(&self) -> Arc<dyn Engine> {
        self.try_open(SPACES).expect("the suite opens only what it wrote")
    }

    pub(super) fn try_open(&self, spaces: SpaceSet) -> Result<Arc<dyn Engine>, Error> {
        (self.open)(self.dir.path(), spaces)
    }
}

#[cfg(test)]
mod tests;
