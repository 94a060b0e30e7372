//! The disk of one member: a small one, so that it can be filled.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command;

/// Room for two generations of a small state, for segments that are allocated ahead, and for the 256 MiB below which a member
/// says that it has no space.
const DISK_MIB: usize = 1024;

#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// In memory, in the mount namespace that this process was started in.
    pub(super) fn mount(folder: PathBuf) -> anyhow::Result<Disk> {
        fs::create_dir_all(&folder)?;
        let size = format!("size={DISK_MIB}m");
        command::run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder))?;
        Ok(Disk { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Nothing more can be written.
    pub(super) fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = File::create(self.ballast())?;
        let block = vec![1; 1 << 20];
        loop {
            match ballast.write_all(&block) {
                Ok(()) => (),
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("fill the disk"),
            }
        }
    }

    pub(super) fn clear(&self) -> anyhow::Result<()> {
        fs::remove_file(self.ballast()).context("clear the disk")
    }

    /// What is on it goes with the namespace.
    pub(super) fn keep(&self, place: &Path) -> anyhow::Result<()> {
        command::run(Command::new("cp").arg("-a").arg(&self.folder).arg(place))
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}
