//! Where one database is, and whether it is to stay there.

use crate::home::{self, Home};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The folder of one database. Dropped after the database was closed: what is given up goes then.
pub(crate) struct Place {
    home: Arc<Home>,
    /// The number in its name; none if it is the engine's folder itself.
    number: Option<u64>,
    path: PathBuf,
    is_given_up: AtomicBool,
}

impl Place {
    /// Where a state is that is to stay.
    pub(crate) fn of_state(home: &Arc<Home>, number: Option<u64>) -> Self {
        let path = number.map_or_else(|| home.path.clone(), |number| home.path.join(home::name(number)));
        Self { home: home.clone(), number, path, is_given_up: AtomicBool::new(false) }
    }

    /// Where a state is received, which goes unless it is [kept](Self::keep).
    pub(crate) fn of_newborn(home: &Arc<Home>, number: u64) -> Self {
        let place = Self::of_state(home, Some(number));
        place.give_up();
        place
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(crate) fn number(&self) -> Option<u64> {
        self.number
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keep(&self) {
        self.is_given_up.store(false, Ordering::Relaxed);
    }

    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    fn remove(&self) -> Result<(), quorate_storage::Error> {
        match self.number {
            None => self.home.remove_first(),
            Some(_) => fs::remove_dir_all(&self.path).map_err(home::io_error("remove state", &self.path)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_given_up.load(Ordering::Relaxed)
            && let Err(error) = self.remove()
        {
            // It takes room, and nothing else: the next to open the folder removes it.
            let path = self.path.display();
            tracing::warn!(%path, error = &error as &dyn std::error::Error, "a state that is not needed stays on disk");
        }
    }
}
