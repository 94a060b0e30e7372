//! The folder of an engine: its lock, and which of the databases in it is the state.
//!
//! ```text
//! folder.lock               held by the engine that has the folder open
//! CURRENT, MANIFEST-… , …   the database of an engine whose state was never replaced
//! newest                    `1 state-0000000000000002` and a line end: the folder of the database that is the state
//! state-0000000000000002    that folder; others like it hold states that were replaced, or never swapped in
//! ```
//!
//! `newest` is written under another name, synced, renamed, and the folder is synced: that is the swap (law S7).
//! What it does not name is removed when the folder is opened. A `CURRENT` that names no database is left in the place of a
//! database that was replaced, so that a release which knows nothing of `newest` refuses the folder and does not begin anew.

use crate::failure::failed_to;
use crate::place::Place;
use crate::tuning::Options;
use quorate_storage::{Error, SpaceSet, Unusable};
use rocksdb::{Cache, DB};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const LOCK: &str = "folder.lock";
const NEWEST: &str = "newest";
const NEWEST_TEMPORARY: &str = "newest.tmp";
const PREFIX: &str = "state-";
/// The version of [`NEWEST`].
const VERSION: u32 = 1;
/// RocksDB's pointer to its list of files.
pub(crate) const CURRENT: &str = "CURRENT";
const MOVED: &str = "moved: see the file `newest`\n";

/// A folder that this engine alone has open, and what all databases in it share.
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) spaces: SpaceSet,
    pub(crate) options: Options,
    pub(crate) cache: Cache,
    /// The number of the last state folder.
    last: AtomicU64,
    _lock: Lock,
}

/// The locked file. The system unlocks it too when the process dies.
struct Lock(File);

impl Home {
    /// Locks the folder, which is created if need be, removes what is left of other states, and tells where the state is.
    pub(crate) fn open(
        path: &Path,
        spaces: SpaceSet,
        options: &Options,
    ) -> Result<(Arc<Self>, Place), Error> {
        fs::create_dir_all(path).map_err(io_error("create folder", path))?;
        let lock = lock(path)?;
        let newest = read_newest(path)?;
        let (path, options, cache) = (path.to_owned(), options.clone(), options.cache());
        let last = AtomicU64::new(newest.unwrap_or(0));
        let home = Arc::new(Self { path, spaces, options, cache, last, _lock: lock });
        let place = Place::of_state(&home, newest);
        if newest.is_some() && !place.path().join(CURRENT).exists() {
            let what = "the state that it names is not there";
            return Err(Error::Corrupt { path: home.path.join(NEWEST), offset: 0, what });
        }
        home.sweep(newest)?;
        Ok((home, place))
    }

    /// An empty folder for a state that is to come.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Place, Error> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let place = Place::of_newborn(self, number);
        fs::create_dir(place.path()).map_err(io_error("create folder", place.path()))?;
        Ok(place)
    }

    /// Makes the state in folder `number`, which is durable, the one that is opened from now on, durably.
    pub(crate) fn name_newest(&self, number: u64) -> Result<(), Error> {
        let (temporary, path) = (self.path.join(NEWEST_TEMPORARY), self.path.join(NEWEST));
        let content = format!("{VERSION} {}\n", name(number));
        write_synced(&temporary, &content).map_err(io_error("write state's name", &temporary))?;
        fs::rename(&temporary, &path).map_err(io_error("name state", &path))?;
        self.sync()
    }

    /// Removes the database that the folder itself holds, if there is one.
    pub(crate) fn remove_first(&self) -> Result<(), Error> {
        let path = self.path.join(CURRENT);
        if fs::read(&path).is_ok_and(|content| content == MOVED.as_bytes()) {
            return Ok(());
        }
        DB::destroy(&self.options.database()?, &self.path).map_err(failed_to("remove replaced database"))?;
        write_synced(&path, MOVED).map_err(io_error("mark replaced database", &path))
    }

    /// Removes every state but the newest.
    fn sweep(&self, newest: Option<u64>) -> Result<(), Error> {
        let names = names(&self.path).map_err(io_error("list folder", &self.path))?;
        for name in names {
            let path = self.path.join(&name);
            if number(&name).is_some_and(|number| Some(number) != newest) {
                fs::remove_dir_all(&path).map_err(io_error("remove replaced state", &path))?;
            } else if name == NEWEST_TEMPORARY {
                fs::remove_file(&path).map_err(io_error("remove left-over", &path))?;
            }
        }
        if newest.is_some() { self.remove_first() } else { Ok(()) }
    }

    fn sync(&self) -> Result<(), Error> {
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(io_error("sync folder", &self.path))
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

/// The number of the folder with the state; none if the state was never replaced.
fn read_newest(folder: &Path) -> Result<Option<u64>, Error> {
    let path = folder.join(NEWEST);
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read state's name", &path)(source)),
    };
    let corrupt = |what| Error::Corrupt { path: path.clone(), offset: 0, what };
    let content = String::from_utf8(content).map_err(|_| corrupt("it is no text"))?;
    let (version, rest) = content.split_once(' ').ok_or_else(|| corrupt("it has no version"))?;
    match version.parse::<u32>() {
        Ok(VERSION) => {}
        Ok(found) if found > VERSION => {
            let why = Unusable::Newer { found, known: VERSION };
            return Err(Error::Unusable { path: folder.to_owned(), why });
        }
        _ => return Err(corrupt("it has no version")),
    }
    let number = rest.strip_suffix('\n').and_then(number);
    number.map(Some).ok_or_else(|| corrupt("it names no state"))
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    // A name that is not UTF-8 is none of ours.
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().into_string().ok());
    fs::read_dir(folder)?.filter_map(|entry| name(entry).transpose()).collect()
}

fn write_synced(path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

pub(crate) fn name(number: u64) -> String {
    format!("{PREFIX}{number:016x}")
}

/// The number in a state folder's name; `None` for any other name.
fn number(candidate: &str) -> Option<u64> {
    let number = u64::from_str_radix(candidate.strip_prefix(PREFIX)?, 16).ok()?;
    (name(number) == candidate && (1..u64::MAX).contains(&number)).then_some(number)
}

pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests;
