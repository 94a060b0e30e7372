//! Wall clocks that jump, one a member.
//!
//! The kernel has one wall clock for all, and time namespaces move only the others. So each member gets a small library
//! before the C library (`clock.c`, which `cc` compiles) that adds what a file says. It reaches whoever reads the time
//! through the C library, as our server does and as Go's programs do not.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::command;

const SOURCE: &str = include_str!("clock.c");

#[derive(Debug)]
pub(super) struct Clocks {
    library: PathBuf,
    place: PathBuf,
}

impl Clocks {
    /// Compiles the library and sees that it moves the clock of a program.
    pub(super) fn prepare(place: &Path) -> anyhow::Result<Clocks> {
        let (source, library) = (place.join("clock.c"), place.join("clock.so"));
        fs::write(&source, SOURCE)?;
        command::text(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source))?;
        let clocks = Clocks { library, place: place.to_owned() };
        let now = clocks.now("proof", 0)?;
        let moved = clocks.now("proof", 1_000_000)? - now;
        ensure!((1_000_000..1_000_060).contains(&moved), "the clock moved by {moved} s instead of 1000000");
        Ok(clocks)
    }

    /// With which variables a process has the clock of that name.
    pub(super) fn variables(&self, name: &str) -> anyhow::Result<Vec<(String, String)>> {
        self.set(name, 0)?;
        let text = |path: &Path| path.display().to_string();
        Ok(vec![
            ("LD_PRELOAD".to_owned(), text(&self.library)),
            ("CHAOS_CLOCK".to_owned(), text(&self.file(name))),
        ])
    }

    /// From now on the clock of that name is wrong by so many seconds.
    pub(super) fn set(&self, name: &str, seconds: i64) -> anyhow::Result<()> {
        // Never cut short: whoever has mapped it reads it at any time.
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.file(name));
        file.and_then(|file| file.write_all_at(&seconds.to_ne_bytes(), 0)).context("set a clock")
    }

    fn now(&self, name: &str, seconds: i64) -> anyhow::Result<i64> {
        let variables = self.variables(name)?;
        self.set(name, seconds)?;
        let said = command::text(Command::new("date").arg("+%s").envs(variables))?;
        said.parse().context("date prints seconds")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.join(format!("clock-{name}"))
    }
}
