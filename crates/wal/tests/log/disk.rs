//! Both disks keep the contract, and the log runs on a real one.

use quorate_wal::testing::{SimDisk, conforms};
use quorate_wal::{Disk, FileDisk, Opened, Options, open};
use std::sync::Arc;

#[test]
fn the_disk_in_memory_conforms() {
    conforms(&SimDisk::new(1));
}

#[test]
fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&FileDisk::open(folder.path().join("new/wal")).unwrap());
}

#[test]
fn a_log_in_a_folder_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { zero_bytes: 64 << 10, ..Options::default() };
    let disk: Arc<dyn Disk> = Arc::new(FileDisk::open(folder.path()).unwrap());
    std::fs::write(folder.path().join("notes.txt"), "other names are left alone").unwrap();
    let Opened { log, writer, inbox, .. } = open(disk.clone(), &options).unwrap();
    let group = quorate_tasks::Group::threads();
    group.step("wal", inbox, writer);
    let (told, wait) = std::sync::mpsc::channel();
    log.save_vote("me".into(), Box::new(move |outcome| told.send(outcome.is_ok()).unwrap())).unwrap();
    assert_eq!(wait.recv(), Ok(true));
    drop(log);
    group.join();
    let Opened { log, .. } = open(disk, &options).unwrap();
    assert_eq!(log.vote(), Some("me".into()));
}
