//! What a node does by itself from time to time, on a thread that nobody waits for: it looks at the free space of its
//! disks, forgets history if it was told to, and logs the alarms that come and go.

use quorate_coordinator::auto_compaction::{self, Retention};
use quorate_coordinator::{Alarm, Coordinator, Error};
use quorate_tasks::reply::Desk;
use quorate_tasks::watch;
use quorate_tasks::{Failure, Group};
use quorate_types::Revision;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked whether there is an alarm to log.
const LOG_PERIOD: Duration = Duration::from_secs(1);

/// What is to be kept up.
pub(crate) struct Upkeep {
    /// Folders on the disks that must not fill up.
    pub(crate) folders: Vec<PathBuf>,
    /// What of the history stays; none for all.
    pub(crate) retention: Option<Retention>,
}

impl Upkeep {
    /// Starts it; it ends with the node.
    pub(crate) fn start(self, door: &Coordinator, mut stopping: watch::Receiver<bool>, group: &Group) {
        let door = door.clone();
        group.runtime("upkeep", move || async move {
            let desk = Desk::default();
            let door = door.at(desk.clone());
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => {} // a node that is gone has stopped too
                () = desk.attend() => {}
                () = self.run(&door) => {}
            }
            Ok::<(), Failure>(())
        });
    }

    /// For ever.
    async fn run(&self, door: &Coordinator) {
        let mut disks = Disks { folders: &self.folders, untold: BTreeSet::new() };
        let compaction = async {
            match self.retention {
                Some(retention) => auto_compaction::run(door, retention, tell).await,
                None => std::future::pending().await,
            }
        };
        futures::join!(door.guard_disk(|| disks.free()), compaction, log_alarms(door));
    }
}

/// Whoever raised them, and wherever.
async fn log_alarms(door: &Coordinator) {
    let (clock, mut known) = (door.clock(), Vec::new());
    loop {
        let raised = door.status().alarms;
        for Alarm { kind, member } in raised.iter().filter(|alarm| !known.contains(*alarm)) {
            tracing::warn!(%member, kind = kind.0, "alarm is raised");
        }
        for Alarm { kind, member } in known.iter().filter(|alarm| !raised.contains(alarm)) {
            tracing::info!(%member, kind = kind.0, "alarm is disarmed");
        }
        known = raised;
        clock.sleep_until(clock.now() + LOG_PERIOD).await;
    }
}

fn tell(revision: Revision, outcome: Result<(), &Error>) {
    match outcome {
        Ok(()) => tracing::info!(%revision, "completed auto compaction"),
        Err(error) => tracing::warn!(%revision, %error, "failed auto compaction"),
    }
}

/// The disks that some folders are on.
struct Disks<'a> {
    folders: &'a [PathBuf],
    /// Those whose disk could not be asked, so that it is logged once.
    untold: BTreeSet<&'a Path>,
}

impl Disks<'_> {
    /// The bytes that are left on the fullest. Blocks for as long as the file system takes to tell.
    fn free(&mut self) -> Option<u64> {
        let mut least = None;
        for folder in self.folders {
            match rustix::fs::statvfs(folder) {
                Ok(disk) => {
                    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                    least = Some(least.map_or(free, |least: u64| least.min(free)));
                }
                Err(error) => {
                    if self.untold.insert(folder) {
                        tracing::warn!(folder = %folder.display(), %error, "cannot tell how much space is free");
                    }
                }
            }
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_disk_counts_and_one_that_cannot_be_asked_does_not() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().to_owned(), root.path().join("nowhere")];
        let free = |folders: &[PathBuf]| Disks { folders, untold: BTreeSet::new() }.free();
        assert!(free(&folders).is_some());
        assert_eq!(free(&folders[1..]), None);
        assert_eq!(free(&[]), None);
    }
}
