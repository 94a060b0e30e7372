//! A plug to pull while the log is in the middle of something.

use super::SimDisk;
use crate::disk::{Disk, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A [`SimDisk`] whose power goes at a chosen operation, be it between a write and its sync.
///
/// Unlike an injected fault, a cut changes nothing: what was not synced is for [`SimDisk::crash`] to decide, the
/// whole of it included.
#[derive(Debug, Clone)]
pub struct Powered {
    disk: SimDisk,
    left: Arc<AtomicU64>,
}

struct PoweredFile {
    file: Arc<dyn File>,
    power: Powered,
}

impl Powered {
    /// An empty disk whose crashes `seed` decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { disk: SimDisk::new(seed), left: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// The disk behind the plug, which fails when it is told to.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// So many more operations that change the disk succeed, and then none.
    pub fn cut_after(&self, operations: u64) {
        self.left.store(operations, Ordering::Relaxed);
    }

    /// Power fails, and comes back.
    pub fn crash(&self) {
        self.disk.crash();
        self.left.store(u64::MAX, Ordering::Relaxed);
    }

    fn spend(&self) -> io::Result<()> {
        let spend = |left: u64| left.checked_sub(1);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("the power is gone")),
        }
    }

    fn powered(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(PoweredFile { file, power: self.clone() })
    }
}

impl Disk for Powered {
    fn names(&self) -> io::Result<Vec<String>> {
        self.disk.names()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.spend()?;
        self.disk.create(name).map(|file| self.powered(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.open(name).map(|file| self.powered(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.spend()?;
        self.disk.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.spend()?;
        self.disk.sync_names()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path(name)
    }
}

impl File for PoweredFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.power.spend()?;
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.power.spend()?;
        self.file.sync()
    }
}
