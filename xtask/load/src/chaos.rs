//! `chaos-write`: many workers write until the server is gone.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::bail;
use tonic::{Code, Status};

use crate::connection::Connection;
use crate::journal::{Event, Journal, Op, Value};
use crate::options::Options;
use crate::random::Random;

/// Keys that are written again and again, per worker.
const KEYS: u64 = 48;
/// Groups that are filled key by key and deleted in one request.
const GROUPS: u64 = 4;
const GROUP_KEYS: u64 = 8;

pub(crate) async fn run(mut options: Options) -> anyhow::Result<()> {
    let endpoint: String = options.require("--endpoint")?;
    let path: PathBuf = options.require("--journal")?;
    let clients: u32 = options.take("--clients", 16)?;
    let connections: u32 = options.take("--connections", 4)?;
    let seed: u64 = options.take("--seed", 0)?;
    let value_bytes: usize = options.take("--value-bytes", 128)?;
    let fresh_keys: bool = options.take("--fresh-keys", false)?;
    options.finish()?;
    // A server that was killed before we reached it has acknowledged nothing.
    let Ok(connections) = Connection::open_all(&endpoint, connections.min(clients)).await else {
        return Ok(());
    };
    let journal = Rc::new(RefCell::new(Journal::append(&path)?));
    let local = tokio::task::LocalSet::new();
    let workers: Vec<_> = (0..clients)
        .zip(connections.iter().cycle())
        .map(|(worker, connection)| {
            let writes =
                Writes { worker, seed, count: 0, value_bytes, fresh_keys, random: mixed(seed, worker) };
            local.spawn_local(work(writes, connection.clone(), Rc::clone(&journal)))
        })
        .collect();
    local.await;
    journal.borrow_mut().finish()?;
    for worker in workers {
        worker.await??;
    }
    Ok(())
}

fn mixed(seed: u64, worker: u32) -> Random {
    Random::new(seed ^ (u64::from(worker) << 40))
}

/// One write after the other (V1), until the server does not answer.
async fn work(
    mut writes: Writes,
    mut connection: Connection,
    journal: Rc<RefCell<Journal>>,
) -> anyhow::Result<()> {
    let worker = writes.worker;
    loop {
        let op = writes.next();
        journal.borrow_mut().write(&Event::Sent { worker, op: op.clone() })?;
        match connection.write(&op).await {
            Ok(reply) => {
                let event = Event::Acknowledged { worker, revision: reply.revision, deleted: reply.deleted };
                journal.borrow_mut().write(&event)?;
            }
            Err(status) if is_end(&status) => return Ok(()),
            Err(status) => bail!("worker {worker}, {op:?}: {status}"),
        }
    }
}

/// A server that dies, or that says it cannot write now. Everything else is an answer that must not be given.
fn is_end(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
    ) || status.message().contains("h2 protocol error")
}

/// The writes of one worker, all under keys of its own.
#[derive(Debug)]
struct Writes {
    worker: u32,
    seed: u64,
    count: u64,
    value_bytes: usize,
    /// Only puts, each to a new key: for filling a disk.
    fresh_keys: bool,
    random: Random,
}

impl Writes {
    fn next(&mut self) -> Op {
        self.count += 1;
        let worker = self.worker;
        let number = self.random.below(KEYS);
        let group = self.random.below(GROUPS);
        match self.random.below(100) {
            _ if self.fresh_keys => self.put(self.fresh()),
            0..70 => self.put(format!("w{worker:03}/k{number:03}")),
            70..86 => {
                let member = self.random.below(GROUP_KEYS);
                self.put(format!("w{worker:03}/g{group}/{member}"))
            }
            86..92 => Op::Delete { prefix: format!("w{worker:03}/g{group}/") },
            92..96 => Op::Delete { prefix: format!("w{worker:03}/k{number:03}") },
            _ => self.put(self.fresh()),
        }
    }

    fn fresh(&self) -> String {
        format!("w{:03}/u{:x}-{}", self.worker, self.seed, self.count)
    }

    /// V2: seed, worker and count never come together again.
    fn put(&self, key: String) -> Op {
        let tag = format!("{:x}-{}-{}", self.seed, self.worker, self.count);
        Op::Put { key, value: Value { tag, length: self.value_bytes } }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn writes(seed: u64, fresh_keys: bool) -> Vec<Op> {
        let mut writes =
            Writes { worker: 3, seed, count: 0, value_bytes: 8, fresh_keys, random: mixed(seed, 3) };
        (0..1000).map(|_| writes.next()).collect()
    }

    #[test]
    fn a_seed_writes_the_same_and_another_does_not() {
        assert_eq!(writes(1, false), writes(1, false));
        assert_ne!(writes(1, false), writes(2, false));
    }

    #[test]
    fn values_never_come_again_and_keys_are_the_workers_own() {
        let mut tags = BTreeSet::new();
        for op in writes(1, false) {
            let name = match op {
                Op::Put { key, value } => {
                    assert!(tags.insert(value.tag));
                    key
                }
                Op::Delete { prefix } => prefix,
            };
            assert!(name.starts_with("w003/"), "{name}");
        }
    }

    #[test]
    fn fresh_keys_are_only_puts() {
        assert!(writes(1, true).iter().all(|op| matches!(op, Op::Put { .. })));
    }
}
