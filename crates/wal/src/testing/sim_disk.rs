//! A disk in memory that forgets like a real one.
//!
//! Sectors of 512 bytes are written whole or not at all. A crash gives every sector that was written since the last
//! sync any one of the contents it had since then, and every name that changed since the last sync any of its
//! meanings since then. A sync that fails drops what it should have written, as the page cache of Linux does: it
//! can still be read until the crash, and no later sync brings it back.

use crate::disk::{Disk, File};
use parking_lot::{Mutex, MutexGuard};
use quorate_tasks::testing::Seed;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

const SECTOR: usize = 512;

/// A disk that can crash and fail. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    shared: Arc<Mutex<Platter>>,
}

/// What to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A write; half of its bytes are written all the same.
    Write,
    /// A sync of a file.
    Sync,
    /// A new file.
    Create,
    /// The removal of a file.
    Remove,
    /// A sync of the names.
    SyncNames,
}

/// A failure to come.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Of which operation.
    pub operation: Operation,
    /// How many of them still succeed.
    pub after: u64,
    /// What the system says: `StorageFull`, or anything else.
    pub kind: ErrorKind,
}

#[derive(Debug)]
struct Platter {
    seed: Seed,
    /// Handles of an earlier life are dead.
    life: u64,
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    /// What each name that changed since the last sync meant, from the synced meaning on.
    unsynced_names: BTreeMap<String, Vec<Option<usize>>>,
    counts: BTreeMap<Operation, u64>,
    faults: Vec<Fault>,
}

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// The contents that each sector had since the last sync, oldest first.
    unsynced: BTreeMap<usize, Vec<Vec<u8>>>,
}

#[derive(Debug)]
struct OpenFile {
    disk: SimDisk,
    life: u64,
    content: usize,
}

impl SimDisk {
    /// An empty disk whose crashes `seed` decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let platter = Platter {
            seed: Seed::new(seed),
            life: 0,
            files: Vec::new(),
            names: BTreeMap::new(),
            unsynced_names: BTreeMap::new(),
            counts: BTreeMap::new(),
            faults: Vec::new(),
        };
        Self { shared: Arc::new(Mutex::new(platter)) }
    }

    /// Loses power: what was not synced is there, or not, as the seed decides. Open files are dead.
    pub fn crash(&self) {
        let mut platter = self.shared.lock();
        let Platter { seed, life, files, names, unsynced_names, faults, .. } = &mut *platter;
        *life += 1;
        faults.clear();
        for (name, meanings) in std::mem::take(unsynced_names) {
            match meanings[seed.below(meanings.len())] {
                Some(content) => names.insert(name, content),
                None => names.remove(&name),
            };
        }
        // Now and then all of it survives, or none of it: the two cases that sectors rarely add up to.
        let mood = seed.below(4);
        files.iter_mut().for_each(|content| content.crash(seed, mood));
    }

    /// Lets an operation fail.
    pub fn inject(&self, fault: Fault) {
        let mut platter = self.shared.lock();
        let done = platter.counts.get(&fault.operation).copied().unwrap_or(0);
        platter.faults.push(Fault { after: done + fault.after, ..fault });
    }

    /// Ends all injected failures.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many operations of that kind were tried.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.shared.lock().counts.get(&operation).copied().unwrap_or(0)
    }

    /// Changes bytes behind everybody's back, durably. Creates the file if it is not there.
    pub fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut platter = self.shared.lock();
        let content = match platter.names.get(name) {
            Some(content) => *content,
            None => platter.link(name),
        };
        let content = &mut platter.files[content];
        change(&mut content.now);
        content.synced.clone_from(&content.now);
        content.unsynced.clear();
        platter.unsynced_names.clear();
    }

    /// Loses a file, durably.
    pub fn forget(&self, name: &str) {
        self.shared.lock().names.remove(name);
    }

    /// The bytes of a file as they are read now, if it is there.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let platter = self.shared.lock();
        platter.names.get(name).map(|content| platter.files[*content].now.clone())
    }

    /// A disk of its own with the same files, all of it durable.
    #[must_use]
    pub fn copy(&self, seed: u64) -> Self {
        let copy = Self::new(seed);
        let platter = self.shared.lock();
        for (name, content) in &platter.names {
            copy.tamper(name, |bytes| bytes.clone_from(&platter.files[*content].now));
        }
        drop(platter);
        copy
    }
}

impl Platter {
    /// Counts an operation, and fails it if a fault waits for it.
    fn attempt(&mut self, operation: Operation) -> io::Result<()> {
        let count = self.counts.entry(operation).or_insert(0);
        *count += 1;
        let reached = |fault: &Fault| fault.operation == operation && fault.after < *count;
        match self.faults.iter().find(|fault| reached(fault)) {
            Some(fault) => Err(fault.kind.into()),
            None => Ok(()),
        }
    }

    fn link(&mut self, name: &str) -> usize {
        self.files.push(Content::default());
        let content = self.files.len() - 1;
        self.rename(name, Some(content));
        content
    }

    fn rename(&mut self, name: &str, meaning: Option<usize>) {
        let before = self.names.get(name).copied();
        self.unsynced_names.entry(name.into()).or_insert_with(|| vec![before]).push(meaning);
        match meaning {
            Some(content) => self.names.insert(name.into(), content),
            None => self.names.remove(name),
        };
    }
}

impl Content {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        self.now[offset..end].copy_from_slice(bytes);
        for sector in offset / SECTOR..end.div_ceil(SECTOR) {
            let start = sector * SECTOR;
            let content = self.now[start..self.now.len().min(start + SECTOR)].to_vec();
            self.unsynced.entry(sector).or_default().push(content);
        }
    }

    fn sync(&mut self) {
        // Sector by sector: what a failed sync dropped stays dropped, though `now` still shows it.
        for (sector, contents) in std::mem::take(&mut self.unsynced) {
            let latest = contents.last().expect("a sector is listed with its content");
            put_sector(&mut self.synced, sector, latest);
        }
    }

    fn crash(&mut self, seed: &mut Seed, mood: usize) {
        for (sector, contents) in std::mem::take(&mut self.unsynced) {
            let kept = match mood {
                0 => 0,
                1 => contents.len(),
                _ => seed.below(contents.len() + 1),
            };
            if let Some(content) = kept.checked_sub(1).map(|kept| &contents[kept]) {
                put_sector(&mut self.synced, sector, content);
            }
        }
        self.now.clone_from(&self.synced);
    }
}

fn put_sector(bytes: &mut Vec<u8>, sector: usize, content: &[u8]) {
    let (start, end) = (sector * SECTOR, sector * SECTOR + content.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(content);
}

impl Disk for SimDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.shared.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut platter = self.shared.lock();
        platter.attempt(Operation::Create)?;
        if platter.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let content = platter.link(name);
        Ok(Arc::new(OpenFile { disk: self.clone(), life: platter.life, content }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let platter = self.shared.lock();
        let content = *platter.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(OpenFile { disk: self.clone(), life: platter.life, content }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut platter = self.shared.lock();
        platter.attempt(Operation::Remove)?;
        if !platter.names.contains_key(name) {
            return Err(ErrorKind::NotFound.into());
        }
        platter.rename(name, None);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut platter = self.shared.lock();
        platter.attempt(Operation::SyncNames)?;
        platter.unsynced_names.clear();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("sim").join(name)
    }
}

impl OpenFile {
    fn platter(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let platter = self.disk.shared.lock();
        if platter.life != self.life {
            return Err(io::Error::other("the disk crashed since this file was opened"));
        }
        Ok(platter)
    }
}

impl File for OpenFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.platter()?.files[self.content].now.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let platter = self.platter()?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.checked_add(bytes.len()).ok_or(ErrorKind::UnexpectedEof)?;
        let found = platter.files[self.content].now.get(offset..end).ok_or(ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut platter = self.platter()?;
        let attempt = platter.attempt(Operation::Write);
        let written = if attempt.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
        platter.files[self.content].write(written, offset);
        attempt
    }

    fn sync(&self) -> io::Result<()> {
        let mut platter = self.platter()?;
        match platter.attempt(Operation::Sync) {
            Ok(()) => platter.files[self.content].sync(),
            Err(error) => {
                platter.files[self.content].unsynced.clear();
                return Err(error);
            }
        }
        Ok(())
    }
}
