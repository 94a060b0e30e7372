//! Appends to a log in a folder, restarts it, and reads it back: `cargo run -p quorate-wal --example durable`.

use quorate_tasks::{Group, entropy};
use quorate_wal::{Entry, FileDisk, Log, Opened, Options, open};
use std::sync::Arc;
use std::sync::mpsc::channel;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    with_log(folder.path(), |log| {
        let (told, wait) = channel();
        let entries = (0..3).map(|index| Entry { index, payload: format!("entry {index}").into() });
        log.append(entries.collect(), Box::new(move |outcome| drop(told.send(outcome))))?;
        println!("promised up to {:?}", log.last());
        wait.recv()??;
        println!("durable");
        Ok(())
    })?;
    with_log(folder.path(), |log| {
        for entry in log.read(0..u64::MAX, 1 << 20)? {
            println!("{}: {}", entry.index, String::from_utf8_lossy(&entry.payload));
        }
        Ok(())
    })
}

/// Opens the log, runs its writer on a thread, and stops both after `work`.
fn with_log(folder: &std::path::Path, work: impl FnOnce(&Log) -> Outcome) -> Outcome {
    let options = Options { nonce: entropy(), ..Options::default() };
    let Opened { log, writer, inbox, recovery } = open(Arc::new(FileDisk::open(folder)?), &options)?;
    println!("{recovery:?}");
    let group = Group::threads();
    group.step("wal", inbox, writer);
    let outcome = work(&log);
    drop(log); // closes the inbox: the writer ends after what still waits
    group.join();
    outcome
}
