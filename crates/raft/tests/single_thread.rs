//! The whole write path on one thread, in virtual time, under a seed. Alone in its process, to count the threads.

use bytes::Bytes;
use quorate_raft::{Node, Options, Parts, Proposal, Replica};
use quorate_state_machine::mvcc::{Put, Query, Tier};
use quorate_state_machine::{Answer, Command, Kind, Outcome, Reply, spaces};
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::reply::Desk;
use quorate_tasks::testing::Scheduler;
use quorate_tasks::{Clock, SystemClock};
use quorate_types::{KeyRange, LeaseId, MemberId, Revision};
use quorate_wal::testing::{Operation, SimDisk};
use std::sync::Arc;
use std::time::Duration;

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("Linux").count()
}

fn put(id: u64) -> Bytes {
    let change = Put {
        key: Bytes::from_static(b"key"),
        value: Some(Bytes::from_static(b"value")),
        lease: Some(LeaseId::NONE),
    };
    let kind = Kind::Put(quorate_state_machine::Put { change, with_previous: false });
    Command { id, user: String::new(), auth_revision: 0, kind }.encode()
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "shows that the virtual clock is not the real one")]
async fn a_put_comes_to_its_reply_on_one_thread_in_virtual_time() {
    let (threads_before, really_began) = (threads(), std::time::Instant::now());
    let (mut scheduler, group) = Scheduler::new(2026);
    let disk = SimDisk::new(2026);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let began = clock.now();
    let path = async {
        let parts = Parts::alone(
            Arc::new(MemoryEngine::volatile(spaces::ALL)),
            Arc::new(disk.clone()),
            quorate_wal::Options { nonce: 1, ..quorate_wal::Options::default() },
            clock.clone(),
        );
        let options = Options::alone(MemberId(1), Node::default(), 1);
        let replica = Replica::start(options, parts, &group).await.unwrap();
        let desk: Desk<Answer> = Desk::default();
        let attended = desk.clone();
        group.task("desk", async move {
            attended.attend().await;
            Ok(())
        });
        clock.sleep_until(began + Duration::from_secs(600)).await; // elections, heartbeats, housekeeping

        let syncs = disk.count(Operation::Sync);
        let (ticket, reply) = desk.ticket();
        let (id, deadline) = (replica.next_id(), clock.now() + Duration::from_secs(5));
        replica
            .propose(Proposal {
                id,
                envelope: put(id),
                deadline,
                ticket: Some(ticket),
                alone: false,
                share: None,
            })
            .unwrap();
        let outcome = Outcome { revision: Revision(2), result: Ok(Reply::Put { previous: None }) };
        assert_eq!(reply.await, Answer::Applied(outcome));
        assert!(disk.count(Operation::Sync) > syncs, "it was synced before it was acknowledged");

        let query = Query::newest(KeyRange::Single(Bytes::from_static(b"key")));
        let found = replica.reader().newest().range(&query, Tier::Memory).unwrap();
        assert_eq!(found.count, 1, "what was acknowledged can be read");
    };
    scheduler.drive(path).await;
    assert!(group.failure().is_none());
    assert_eq!(threads(), threads_before, "nothing runs on a thread of its own");
    assert!(clock.now().since(began) >= Duration::from_secs(600));
    assert!(really_began.elapsed() < Duration::from_secs(600), "ten virtual minutes are short");
}
