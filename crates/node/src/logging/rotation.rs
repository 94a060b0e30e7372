//! A log file that is replaced when it is long enough, as lumberjack does it for etcd.
//!
//! `etcd.log` becomes `etcd-2026-01-31T12-00-00.000.log`, and a new `etcd.log` begins. It is our own because what there is on crates.io
//! rotates by time (tracing-appender) or numbers its files (logroller), and whoever collects etcd's logs looks for these names.
//!
//! Laws: **L1** a line is never split between files. **L2** an old file is never written over. **L3** a line is
//! never lost because a file could not be replaced: it goes to the old one.

use crate::config::Rotation;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that lines are added to.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    rules: Rotation,
    /// The time as [`super::line::now`] writes it.
    now: fn() -> String,
    file: File,
    bytes: u64,
}

impl Rotating {
    /// Goes on at the end of the file at `path`, and makes it and its folder if they are not there.
    pub(super) fn open(path: &Path, rules: Rotation, now: fn() -> String) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        let bytes = file.metadata()?.len();
        let rotating = Self { path: path.to_owned(), rules, now, file, bytes };
        rotating.prune();
        Ok(rotating)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let stamp = (self.now)().get(..23).unwrap_or_default().replace(':', "-");
        let old = self.path.with_file_name(Names::of(&self.path).old(&stamp));
        if old.exists() {
            return Ok(()); // L2: it was replaced within this millisecond; the next line tries again
        }
        fs::rename(&self.path, old)?;
        self.file = append(&self.path)?;
        self.bytes = 0;
        self.prune();
        Ok(())
    }

    /// Deletes old files that are too many or too old. One that cannot be deleted is tried again next time.
    fn prune(&self) {
        let names = Names::of(&self.path);
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(entries) = fs::read_dir(folder) else { return };
        let entries = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut stamps: Vec<String> =
            entries.filter_map(|name| names.stamp(&name).map(str::to_owned)).collect();
        stamps.sort_unstable_by(|one, other| other.cmp(one));
        let now = (self.now)();
        for (newer, stamp) in (0_u64..).zip(&stamps) {
            let is_too_many = self.rules.backups_max > 0 && newer >= self.rules.backups_max;
            let is_too_old = self.rules.days_max > 0 && is_older(stamp, &now, self.rules.days_max);
            if is_too_many || is_too_old {
                drop(fs::remove_file(self.path.with_file_name(names.old(stamp))));
            }
        }
    }
}

impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        if self.bytes > 0 && self.bytes.saturating_add(length) > self.rules.bytes_max {
            drop(self.rotate()); // L3
        }
        self.file.write_all(line)?; // L1
        self.bytes = self.bytes.saturating_add(length);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Lumberjack's mode: what is logged may be nobody else's business.
fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// What the names of the old files begin and end with.
struct Names {
    stem: String,
    ending: String,
}

impl Names {
    fn of(path: &Path) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let ending = text(path.extension()).map_or_else(String::new, |ending| format!(".{ending}"));
        Self { stem: text(path.file_stem()).unwrap_or_default(), ending }
    }

    fn old(&self, stamp: &str) -> String {
        format!("{}-{stamp}{}", self.stem, self.ending)
    }

    /// The time in the name of an old file.
    fn stamp<'a>(&self, name: &'a str) -> Option<&'a str> {
        let stamp = name.strip_prefix(&self.stem)?.strip_prefix('-')?.strip_suffix(&self.ending)?;
        let is_stamp = stamp.len() == 23
            && stamp.char_indices().all(|(at, letter)| match at {
                4 | 7 | 13 | 16 => letter == '-',
                10 => letter == 'T',
                19 => letter == '.',
                _ => letter.is_ascii_digit(),
            });
        is_stamp.then_some(stamp)
    }
}

/// Whether `stamp` lies more than `days` before `now`.
fn is_older(stamp: &str, now: &str, days: u64) -> bool {
    let now = now.get(..23).unwrap_or_default().replace(':', "-");
    match (day(stamp), day(&now)) {
        (Some(then), Some(today)) => {
            let edge = today.saturating_sub(i64::try_from(days).unwrap_or(i64::MAX));
            (then, stamp.get(10..)) < (edge, now.get(10..))
        }
        _ => false,
    }
}

/// The day that `YYYY-MM-DD…` begins with, counted from a fixed one.
fn day(text: &str) -> Option<i64> {
    let number = |from, to| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Years begin in March, so that the leap day is the last: then months before month m have (153 m + 2) / 5 days.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
}

#[cfg(test)]
mod tests;
