//! Two members in one process, which reach each other over TCP: a put at one, read at the other.
//!
//! `cargo run -p quorate-peer --example two_members`

use anyhow::{Result, ensure};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use quorate_peer::{Options, Peers, Traffic, service};
use quorate_raft::{Node, Parts, Proposal, Replica};
use quorate_state_machine::{Answer, Command, Kind, Put, mvcc, spaces};
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::reply::Desk;
use quorate_tasks::{Clock, Group, SystemClock};
use quorate_types::{ClusterId, LeaseId, MemberId};
use quorate_wal::FileDisk;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const CLUSTER: ClusterId = ClusterId(7);
const MESSAGE_BYTES_MAX: usize = 4 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (clock, group) = (Arc::new(SystemClock::new()), Group::threads());
    let ports = [TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?];
    let mut founders = BTreeMap::new();
    for (id, port) in (1..).zip(&ports) {
        let peer_urls = vec![format!("http://{}", port.local_addr()?)];
        founders.insert(id, Node { name: format!("n{id}"), peer_urls, ..Node::default() });
    }
    let mut members = Vec::new();
    for (id, port) in (1..).zip(ports) {
        let path = dir.path().join(id.to_string());
        let replica = start(MemberId(id), &founders, &path, &clock, &group).await?;
        group.detached(listen(port, replica.clone(), group.clone()));
        members.push(replica);
    }

    let desk: Desk<Answer> = Desk::default();
    tokio::select! {
        () = desk.attend() => unreachable!("a desk is attended for ever"),
        done = put_and_read(&members, &desk, clock.as_ref()) => done?,
    }
    for member in &members {
        member.stop().await;
    }
    drop(members); // the threads of log, apply and engine end with the last handle
    group.join();
    Ok(())
}

async fn start(
    member: MemberId,
    founders: &BTreeMap<u64, Node>,
    path: &Path,
    clock: &Arc<SystemClock>,
    group: &Group,
) -> Result<Replica> {
    let reach = Options {
        cluster: CLUSTER,
        member,
        patience: Duration::from_secs(1),
        message_bytes_max: MESSAGE_BYTES_MAX,
        traffic: Traffic::default(),
    };
    let parts = Parts {
        transport: Arc::new(Peers::new(reach, clock.clone(), group.clone())),
        ..Parts::alone(
            Arc::new(MemoryEngine::open(path.join("data"), spaces::ALL, Default::default())?),
            Arc::new(FileDisk::open(path.join("wal"))?),
            quorate_wal::Options { nonce: quorate_tasks::entropy(), ..quorate_wal::Options::default() },
            clock.clone(),
        )
    };
    let options = quorate_raft::Options {
        cluster: CLUSTER,
        founders: founders.clone(),
        ..quorate_raft::Options::alone(member, Node::default(), member.0 << 32)
    };
    Ok(Replica::start(options, parts, group).await?)
}

/// Serves other members. A real server also limits and measures them.
async fn listen(port: TcpListener, replica: Replica, group: Group) {
    let service = service(replica.door().clone(), MESSAGE_BYTES_MAX, Traffic::default());
    drop(replica);
    while let Ok((stream, _)) = port.accept().await {
        let service = TowerToHyperService::new(service.clone());
        group.detached(async move {
            let builder = Builder::new(TokioExecutor::new());
            drop(builder.serve_connection(TokioIo::new(stream), service).await); // it ends when either side stops
        });
    }
}

async fn put_and_read(members: &[Replica], desk: &Desk<Answer>, clock: &dyn Clock) -> Result<()> {
    let change =
        mvcc::Put { key: "greeting".into(), value: Some("hello".into()), lease: Some(LeaseId::NONE) };
    let kind = Kind::Put(Put { change, with_previous: false });
    let id = members[0].next_id();
    let (ticket, reply) = desk.ticket();
    let deadline = clock.now() + Duration::from_secs(10);
    members[0].propose(Proposal {
        id,
        envelope: Command { id, user: String::new(), auth_revision: 0, kind }.encode(),
        deadline,
        ticket: Some(ticket),
        alone: false,
        share: None,
    })?;
    println!("the first member was told: {:?}", reply.await);

    let (ticket, current) = desk.ticket();
    members[1].confirm(ticket, deadline)?;
    ensure!(current.await == Answer::Current, "the second member has all that was acknowledged");
    println!("the second is at revision {}", members[1].reader().newest().revision().0);
    Ok(())
}
