//! A cluster of one, in a folder of its own: one put, one linearizable read.
//!
//! `cargo run -p quorate-raft --example one_replica`

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use prost::Message;
use quorate_proto::mvccpb::KeyValue;
use quorate_raft::{Node, Options, Parts, Proposal, Replica};
use quorate_state_machine::mvcc::{self, Query, Tier};
use quorate_state_machine::{Answer, Command, Kind, Put, spaces};
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::reply::Desk;
use quorate_tasks::{Clock, Group, SystemClock};
use quorate_types::{KeyRange, LeaseId, MemberId};
use quorate_wal::FileDisk;
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (clock, group) = (Arc::new(SystemClock::new()), Group::threads());
    let parts = Parts::alone(
        Arc::new(MemoryEngine::open(dir.path().join("data"), spaces::ALL, Default::default())?),
        Arc::new(FileDisk::open(dir.path().join("wal"))?),
        quorate_wal::Options { nonce: quorate_tasks::entropy(), ..quorate_wal::Options::default() },
        clock.clone(),
    );
    let replica = Replica::start(Options::alone(MemberId(1), Node::default(), 1), parts, &group).await?;

    // Replies arrive at a desk; somebody has to attend it while the calls wait.
    let desk: Desk<Answer> = Desk::default();
    tokio::select! {
        () = desk.attend() => unreachable!("a desk is attended for ever"),
        done = put_and_read(&replica, &desk, clock.as_ref()) => done?,
    }

    replica.stop().await;
    drop(replica); // the log, apply and persist threads end with the last handle
    group.join();
    Ok(())
}

async fn put_and_read(replica: &Replica, desk: &Desk<Answer>, clock: &dyn Clock) -> Result<()> {
    let deadline = clock.now() + Duration::from_secs(5);
    let key = Bytes::from_static(b"greeting");

    let id = replica.next_id();
    let change =
        mvcc::Put { key: key.clone(), value: Some(Bytes::from_static(b"hello")), lease: Some(LeaseId::NONE) };
    let kind = Kind::Put(Put { change, with_previous: false });
    let envelope = Command { id, user: String::new(), auth_revision: 0, kind }.encode();
    let (ticket, reply) = desk.ticket();
    replica.propose(Proposal { id, envelope, deadline, ticket: Some(ticket), alone: true, share: None })?;
    match reply.await {
        Answer::Applied(outcome) => println!("put greeting: revision {}", outcome.revision),
        other => bail!("the put came to nothing: {other:?}"),
    }

    let (ticket, reply) = desk.ticket();
    replica.confirm(ticket, deadline)?;
    if let Answer::Failed(reason) = reply.await {
        bail!(reason);
    }
    let found = replica.reader().newest().range(&Query::newest(KeyRange::Single(key)), Tier::Disk)?;
    let record = found.records.into_iter().next().context("the key is there")?;
    let pair = KeyValue::decode(record)?;
    println!("get greeting: {} (revision {})", String::from_utf8_lossy(&pair.value), pair.mod_revision);
    Ok(())
}
