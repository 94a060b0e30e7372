//! The folder of an engine: its lock, its checkpoints by number, and how one takes the place of another.
//!
//! ```text
//! lock                            held by the engine that has the folder open
//! checkpoint-00000000000000a1     the newest complete checkpoint
//! checkpoint-00000000000000a2.tmp a checkpoint that is being written, or that was when the process died
//! replacement-0000000000000000.tmp a received state that is not swapped in, or was not when the process died
//! ```
//!
//! A checkpoint is written under its temporary name, synced, renamed, and the folder is synced; only then is
//! the one before it removed. So the highest number without `.tmp` is the newest complete one (law M2), and
//! everything else with these names can go. A received state becomes the newest checkpoint in the same way.

use crate::nursery::{self, Nursery};
use crate::state::State;
use crate::{checkpoint, format};
use quorate_storage::{Error, SpaceSet, Unusable};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const PREFIX: &str = "checkpoint-";
const TEMPORARY: &str = ".tmp";

/// A folder that this engine alone has open.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The number of the newest checkpoint; 0 before the first.
    newest: u64,
    /// The numbers of those before it that are still there.
    superseded: Vec<u64>,
    _lock: Lock,
}

/// The locked file. The system unlocks it too when the process dies.
#[derive(Debug)]
struct Lock(File);

impl Directory {
    /// Locks the folder, finds its newest checkpoint and removes what else is left of earlier ones.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(io_error("create folder", path))?;
        let lock = lock(path)?;
        let mut directory = Self { path: path.to_owned(), newest: 0, superseded: Vec::new(), _lock: lock };
        let names = directory.names()?;
        directory.newest = names.iter().filter_map(|name| number(name)).max().unwrap_or(0);
        for name in &names {
            let is_superseded = number(name).is_some_and(|number| number < directory.newest);
            if is_superseded || is_temporary(name) || nursery::is_place(name) {
                directory.remove(name)?;
            }
        }
        Ok(directory)
    }

    /// What the newest checkpoint holds, if there is one.
    pub(crate) fn load(&self, spaces: SpaceSet) -> Result<Option<State>, Error> {
        if self.newest == 0 {
            return Ok(None);
        }
        let path = self.path.join(name(self.newest));
        let file = File::open(&path).map_err(io_error("open checkpoint", &path))?;
        let bytes = file.metadata().map_err(io_error("measure checkpoint", &path))?.len();
        checkpoint::read(format::Source { file, path, bytes }, &self.path, spaces).map(Some)
    }

    /// Where received states are written.
    pub(crate) fn nursery(&self) -> Nursery {
        Nursery::new(self.path.clone())
    }

    /// Writes `state` as the newest checkpoint and removes the one before it.
    pub(crate) fn save(&mut self, state: &State, sync_bytes: u64) -> Result<(), Error> {
        let temporary = self.path.join(name(self.newest + 1) + TEMPORARY);
        checkpoint::write(&temporary, state, sync_bytes).map_err(io_error("write checkpoint", &temporary))?;
        self.adopt(&temporary)?;
        self.tidy()
    }

    /// Makes a file of the folder, which was written and synced, the newest checkpoint, durably. The one before it stays until
    /// somebody [tidies](Self::tidy): to remove a large file takes a while.
    pub(crate) fn adopt(&mut self, temporary: &Path) -> Result<(), Error> {
        let earlier = self.newest;
        let path = self.path.join(name(earlier + 1));
        fs::rename(temporary, &path).map_err(io_error("name checkpoint", &path))?;
        self.sync()?;
        self.newest = earlier + 1;
        self.superseded.extend((earlier > 0).then_some(earlier));
        Ok(())
    }

    /// Removes the checkpoints that are superseded.
    pub(crate) fn tidy(&mut self) -> Result<(), Error> {
        while let Some(number) = self.superseded.pop() {
            self.remove(&name(number))?;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(io_error("sync folder", &self.path))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        fs::remove_file(&path).map_err(io_error("remove old checkpoint", &path))
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let read = || -> io::Result<Vec<String>> {
            // A name that is not UTF-8 is none of ours.
            let name =
                |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
            fs::read_dir(&self.path)?.filter_map(|entry| name(entry).transpose()).collect()
        };
        read().map_err(io_error("list folder", &self.path))
    }
}

impl Drop for Lock {
    /// Closing alone would leave it locked for as long as a child process that is just being started has a copy
    /// of the file.
    fn drop(&mut self) {
        // Should it fail, then closing does it.
        let _ = self.0.unlock();
    }
}

fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(io_error("open lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Unusable { path: folder.to_owned(), why: Unusable::Locked })
        }
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

fn name(number: u64) -> String {
    format!("{PREFIX}{number:016x}")
}

/// The number in a checkpoint's name; `None` for any other name.
fn number(candidate: &str) -> Option<u64> {
    let number = u64::from_str_radix(candidate.strip_prefix(PREFIX)?, 16).ok()?;
    (name(number) == candidate && (1..u64::MAX).contains(&number)).then_some(number)
}

fn is_temporary(name: &str) -> bool {
    name.strip_suffix(TEMPORARY).and_then(number).is_some()
}

pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
