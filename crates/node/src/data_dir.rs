//! The data directory: whose it is, and that only one process has it.
//!
//! ```text
//! <data-dir>/
//!   quorate.lock     held by the process that serves it
//!   identity.json    format version, backend, cluster and member id, founders; written first, never changed
//!   wal/             the log (elsewhere with --wal-dir)
//!   wal.begun        made once consensus runs: from then on an empty log is a lost one
//!   rocksdb/ or memory/   the engine's own
//! ```

use crate::bootstrap::{Beginning, Identity};
use quorate_raft::Node;
use quorate_types::{ClusterId, MemberId};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The format of the directory that this code writes; it reads no newer one.
const FORMAT_VERSION: u32 = 1;
const LOCK: &str = "quorate.lock";
const IDENTITY: &str = "identity.json";
const IDENTITY_DRAFT: &str = "identity.json.tmp";
const LOG_BEGUN: &str = "wal.begun";

/// An open data directory. Others are kept out until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    backend: &'static str,
    identity: Identity,
    founders: BTreeMap<u64, Node>,
    is_new: bool,
    _lock: File,
    /// The log's folder, if that is elsewhere.
    log_lock: Option<File>,
}

/// What a directory turned out to be.
#[derive(Debug)]
pub enum Opened {
    /// A member's.
    Member(DataDir),
    /// Nobody's.
    Vacant(Vacancy),
}

/// An empty directory that waits for a member. Others are kept out until it is dropped.
#[derive(Debug)]
pub struct Vacancy {
    path: PathBuf,
    backend: &'static str,
    lock: File,
}

/// Why a directory was not opened (law N2).
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// Another process serves it.
    #[error("data directory {} is in use by another process: stop that one first, or name another directory with --data-dir", .0.display())]
    InUse(PathBuf),
    /// etcd wrote it.
    #[error("data directory {} was written by etcd: Quorate cannot read it in place; name another directory with --data-dir", .0.display())]
    Etcd(PathBuf),
    /// The other backend wrote it.
    #[error("data directory {} was written by the {found} backend, and this is the {ours} one: start the {found} build on it, or name another directory with --data-dir", path.display())]
    OtherBackend {
        /// The directory.
        path: PathBuf,
        /// Who wrote it.
        found: String,
        /// Who was to open it.
        ours: &'static str,
    },
    /// A newer release wrote it.
    #[error("data directory {} has format version {found}, and this release knows versions up to {FORMAT_VERSION}: run the release that wrote it, or a newer one", path.display())]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Somebody else's files are in it.
    #[error("data directory {} is not empty and not Quorate's (it holds `{entry}`): name another directory with --data-dir", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// One of the things found.
        entry: String,
    },
    /// It was served before, and its log is not where it is looked for.
    #[error("data directory {} has served clients before, but there is no log in {}: name the folder of its log with --wal-dir or restore it, or remove this member's data and add the member anew", path.display(), log.display())]
    LogMissing {
        /// The directory.
        path: PathBuf,
        /// The folder without a log.
        log: PathBuf,
    },
    /// It is new, and the folder for its log holds another one.
    #[error("{} holds somebody else's log, and data directory {} is new: name an empty folder with --wal-dir, or the directory that the log belongs to with --data-dir", log.display(), path.display())]
    ForeignLog {
        /// The directory.
        path: PathBuf,
        /// The folder with a log.
        log: PathBuf,
    },
    /// Another member, with a directory of its own, keeps its log there.
    #[error("log folder {} is in use by another process: give each member its own --wal-dir", .0.display())]
    LogInUse(PathBuf),
    /// It says something that makes no sense.
    #[error("{} is damaged: restore it from a backup, or remove this member's data and add the member anew", .0.display())]
    Damaged(PathBuf),
    /// The system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// `identity.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    backend: String,
    cluster_id: String,
    member_id: String,
    /// Nobody for a member that joined its cluster. Not there: the first members were alone, and this was not written.
    founders: Option<Vec<Founder>>,
}

/// A member of the cluster when it was founded.
#[derive(Debug, Serialize, Deserialize)]
struct Founder {
    id: String,
    name: String,
    #[serde(rename = "peerURLs")]
    peer_urls: Vec<String>,
}

impl DataDir {
    /// Opens `path` for `backend`. It is made if it is not there.
    ///
    /// # Errors
    /// See [`DirError`]. A directory that is refused is left as it was.
    pub fn open(path: &Path, backend: &'static str) -> Result<Opened, DirError> {
        let path = path.to_owned();
        create(&path)?;
        if !is_claimed(&path)? {
            check_is_empty(&path)?; // N2: before the lock leaves a file there
        }
        let lock = lock(&path)?;
        // Asked again: whoever had the lock until now may have made the directory theirs.
        if is_claimed(&path)? {
            Self::of_member(path, backend, lock, false).map(Opened::Member)
        } else {
            Ok(Opened::Vacant(Vacancy { path, backend, lock }))
        }
    }

    fn of_member(path: PathBuf, backend: &'static str, lock: File, is_new: bool) -> Result<Self, DirError> {
        let Member { identity, founders } = read_identity(&path, backend)?;
        Ok(Self { path, backend, identity, founders, is_new, _lock: lock, log_lock: None })
    }

    /// Whether there is a member's directory at `path`, as far as can be seen; [`DataDir::open`] tells for sure.
    pub(crate) fn is_members(path: &Path) -> bool {
        is_claimed(path).unwrap_or(false)
    }

    /// The backend that writes it.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// Whose it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// All who founded the cluster, as this member was told when it began; nobody if it joined a cluster that was there.
    #[must_use]
    pub fn founders(&self) -> &BTreeMap<u64, Node> {
        &self.founders
    }

    /// Whether it was made just now.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Where the log goes, unless it was given a place of its own.
    #[must_use]
    pub fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// Refuses a folder without a log, if this member has had one, and one with a log, if it has had none.
    ///
    /// # Errors
    /// [`DirError::LogMissing`], [`DirError::ForeignLog`], or the system refused.
    pub(crate) fn check_log(&self, log: &Path) -> Result<(), DirError> {
        let (path, log) = (self.path.clone(), log.to_owned());
        match (exists(&self.path.join(LOG_BEGUN))?, holds_files(&log)?) {
            (true, false) => Err(DirError::LogMissing { path, log }),
            (_, true) if self.is_new => Err(DirError::ForeignLog { path, log }),
            _ => Ok(()),
        }
    }

    /// Keeps others out of the log's folder too, until this directory is dropped.
    ///
    /// # Errors
    /// [`DirError::LogInUse`], or the system refused.
    pub(crate) fn lock_log(&mut self, log: &Path) -> Result<(), DirError> {
        let lock = lock(log).map_err(|error| match error {
            DirError::InUse(path) => DirError::LogInUse(path),
            other => other,
        })?;
        self.log_lock = Some(lock);
        Ok(())
    }

    /// Notes, durably, that this member's log holds something that must not be lost.
    ///
    /// # Errors
    /// The system refused.
    pub(crate) fn note_log(&self) -> Result<(), DirError> {
        let note = self.path.join(LOG_BEGUN);
        if exists(&note)? {
            return Ok(());
        }
        File::create(&note).and_then(|file| file.sync_all()).map_err(failed("write", &note))?;
        sync_folder(&self.path)
    }

    /// Where the engine called `backend` goes.
    #[must_use]
    pub fn engine(&self, backend: &str) -> PathBuf {
        self.path.join(backend)
    }
}

impl Vacancy {
    /// Makes it the directory of the member that begins so. Blocks until that is durable.
    ///
    /// # Errors
    /// The system refused.
    pub fn claim(self, beginning: &Beginning) -> Result<DataDir, DirError> {
        let Self { path, backend, lock } = self;
        write_identity(&path, backend, beginning)?;
        DataDir::of_member(path, backend, lock, true)
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DirError {
    let path = path.to_owned();
    move |source| DirError::Io { action, path, source }
}

fn exists(path: &Path) -> Result<bool, DirError> {
    path.try_exists().map_err(failed("look for", path))
}

/// Whether there is more in `folder` than a lock and what a fresh file system holds.
fn holds_files(folder: &Path) -> Result<bool, DirError> {
    let is_ours = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name() != LOCK && entry.file_name() != "lost+found")
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.any(is_ours)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("read log folder", folder)(error)),
    }
}

fn is_claimed(path: &Path) -> Result<bool, DirError> {
    exists(&path.join(IDENTITY))
}

fn sync_folder(path: &Path) -> Result<(), DirError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("sync", path))
}

/// Makes the folder, and those it is in, durably: a new name is only there after a crash if the folder that holds it
/// was synced.
fn create(path: &Path) -> Result<(), DirError> {
    use std::os::unix::fs::DirBuilderExt;
    let named = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    let missing: Vec<&Path> = named.take_while(|folder| !folder.is_dir()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(failed("create data directory", path))?;
    missing.into_iter().filter_map(Path::parent).try_for_each(sync_folder)
}

fn check_is_empty(path: &Path) -> Result<(), DirError> {
    if path.join("member").join("snap").exists() || path.join("member").join("wal").exists() {
        return Err(DirError::Etcd(path.to_owned()));
    }
    for entry in fs::read_dir(path).map_err(failed("read data directory", path))? {
        let entry = entry.map_err(failed("read data directory", path))?.file_name();
        let entry = entry.to_string_lossy();
        // What a start that was cut short leaves behind, and what a fresh file system holds.
        if !matches!(entry.as_ref(), LOCK | IDENTITY_DRAFT | "lost+found") {
            return Err(DirError::Foreign { path: path.to_owned(), entry: entry.into_owned() });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, DirError> {
    let file = path.join(LOCK);
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(failed("open lock file", &file))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(DirError::InUse(path.to_owned())),
        Err(error) => Err(failed("lock", &file)(error.into())),
    }
}

fn write_identity(path: &Path, backend: &str, beginning: &Beginning) -> Result<(), DirError> {
    let founder =
        |(id, Node { name, peer_urls, .. })| Founder { id: MemberId(id).to_string(), name, peer_urls };
    let record = Record {
        format: FORMAT_VERSION,
        backend: backend.into(),
        cluster_id: beginning.identity().cluster.to_string(),
        member_id: beginning.identity().member.to_string(),
        founders: Some(beginning.founders().into_iter().map(founder).collect()),
    };
    let mut text = serde_json::to_vec(&record).expect("a record has only strings and numbers");
    text.push(b'\n');
    let (draft, file) = (path.join(IDENTITY_DRAFT), path.join(IDENTITY));
    let written =
        File::create(&draft).and_then(|mut open| open.write_all(&text).and_then(|()| open.sync_all()));
    written.map_err(failed("write", &draft))?;
    fs::rename(&draft, &file).map_err(failed("rename to", &file))?;
    sync_folder(path)
}

/// What `identity.json` says of a member.
struct Member {
    identity: Identity,
    founders: BTreeMap<u64, Node>,
}

fn read_identity(path: &Path, backend: &'static str) -> Result<Member, DirError> {
    let file = path.join(IDENTITY);
    let text = fs::read(&file).map_err(failed("read", &file))?;
    let damaged = || DirError::Damaged(file.clone());
    // The format comes first: a newer one may not even have the other fields.
    let fields: serde_json::Value = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let format = fields.get("format").and_then(serde_json::Value::as_u64).ok_or_else(damaged)?;
    if format != u64::from(FORMAT_VERSION) {
        let found = u32::try_from(format).unwrap_or(u32::MAX);
        return Err(DirError::NewerFormat { path: path.to_owned(), found });
    }
    let record: Record = serde_json::from_value(fields).map_err(|_| damaged())?;
    if record.backend != backend {
        return Err(DirError::OtherBackend { path: path.to_owned(), found: record.backend, ours: backend });
    }
    let id = |text: &str| u64::from_str_radix(text, 16).map_err(|_| damaged());
    let identity =
        Identity { cluster: ClusterId(id(&record.cluster_id)?), member: MemberId(id(&record.member_id)?) };
    let founders = match record.founders {
        Some(founders) => founders
            .into_iter()
            .map(|Founder { id: text, name, peer_urls }| {
                Ok((id(&text)?, Node { name, peer_urls, ..Node::default() }))
            })
            .collect::<Result<_, DirError>>()?,
        None => BTreeMap::from([(identity.member.0, Node::default())]),
    };
    Ok(Member { identity, founders })
}

#[cfg(test)]
mod tests;
