mod maintenance;
mod members;
mod space;

use super::*;
use crate::call::Identity;
use crate::testing::{LocalConsensus, MEMBER, Manner};
use bytes::Bytes;
use quorate_mvcc::{self as mvcc, OpDone, Txn, TxnOp};
use quorate_tasks::testing::ManualClock;
use quorate_tasks::{Group, Moment};
use quorate_types::{KeyRange, LeaseId};
use std::time::Duration;

struct Scene {
    consensus: Arc<LocalConsensus>,
    clock: ManualClock,
    door: Coordinator,
    desk: Desk<Answer>,
}

fn scene(limits: Limits) -> Scene {
    let consensus = Arc::new(LocalConsensus::new().unwrap());
    let clock = ManualClock::default();
    let work = Work::start(&Group::threads(), 1);
    let door =
        Coordinator::new(ClusterId(1), MEMBER, consensus.clone(), Arc::new(clock.clone()), limits, work);
    let desk = Desk::default();
    Scene { door: door.at(desk.clone()), consensus, clock, desk }
}

impl Scene {
    /// `work`'s answer, with the desk attended meanwhile.
    async fn run<F: Future>(&self, work: F) -> F::Output {
        tokio::select! {
            answer = work => answer,
            () = self.desk.attend() => unreachable!("a desk is attended for ever"),
        }
    }
}

fn call() -> Call {
    Call { identity: Identity::Anonymous, deadline: Moment(Duration::from_secs(7)) }
}

fn put(key: &'static str, value: &'static str) -> Put {
    let change = mvcc::Put { key: key.into(), value: Some(value.into()), lease: Some(LeaseId::NONE) };
    Put { change, with_previous: true }
}

#[tokio::test]
async fn a_read_sees_what_a_write_was_told() {
    let scene = scene(Limits::default());
    scene
        .run(async {
            let (revision, previous) = scene.door.put(&call(), put("a", "1")).await.unwrap();
            assert_eq!((revision, previous), (Revision(2), None));
            let (_, previous) = scene.door.put(&call(), put("a", "2")).await.unwrap();
            assert!(previous.is_some());
            let query = Query::newest(KeyRange::Single("a".into()));
            let (revision, found) = scene.door.range(&call(), query, false).await.unwrap();
            assert_eq!((revision, found.count, found.records.len()), (Revision(3), 1, 1));
            let range = KeyRange::From(Bytes::from_static(b"\0"));
            let delete = DeleteRange { range, with_previous: false };
            let (revision, deleted) = scene.door.delete_range(&call(), delete).await.unwrap();
            assert_eq!((revision, deleted.count), (Revision(4), 1));
        })
        .await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_by_its_deadline() {
    let scene = scene(Limits::default());
    scene.consensus.behave(Manner::Silent);
    let (call, write) = (call(), put("a", "1"));
    let waiting = async { scene.door.put(&call, write).await };
    let passing = async {
        while scene.clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        scene.clock.advance(Duration::from_secs(7));
    };
    let (outcome, ()) = scene.run(async { futures::join!(waiting, passing) }).await;
    assert_eq!(outcome, Err(Error::Unavailable(Unavailable::TimedOut)));
    assert!(!scene.door.budget_is_free(), "C2: the command is still under way, though nobody waits");
}

#[tokio::test]
async fn a_proposal_that_began_before_the_leader_was_elected_is_told_so() {
    let scene = scene(Limits::default());
    scene.consensus.behave(Manner::Silent);
    let waiting = async { scene.door.put(&call(), put("a", "1")).await };
    let passing = async {
        while scene.clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        let elected = Some(Moment(Duration::from_secs(1)));
        scene.consensus.stand(Standing { elected, ..scene.consensus.standing() });
        scene.clock.advance(Duration::from_secs(7));
    };
    let (outcome, ()) = scene.run(async { futures::join!(waiting, passing) }).await;
    assert_eq!(outcome, Err(Error::Unavailable(Unavailable::TimedOutLeaderFailed)));
}

#[tokio::test]
async fn nothing_is_proposed_while_too_much_waits_to_be_applied() {
    let scene = scene(Limits::default());
    let applied = scene.consensus.reader().applied_index().unwrap();
    let backlog = |committed| Standing { committed, ..scene.consensus.standing() };
    scene.consensus.stand(backlog(applied + 5001));
    let refused = scene.run(scene.door.put(&call(), put("a", "1"))).await;
    assert_eq!(refused, Err(Error::Unavailable(Unavailable::TooManyRequests)));
    scene.consensus.stand(backlog(applied + 5000));
    assert!(scene.run(scene.door.put(&call(), put("a", "1"))).await.is_ok());
}

#[tokio::test]
async fn a_serializable_read_needs_nobody() {
    let scene = scene(Limits::default());
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    let query = Query::newest(KeyRange::Single("a".into()));
    let (_, found) = scene.door.range(&call(), query.clone(), true).await.unwrap();
    assert_eq!(found.count, 0);
    let refused = scene.door.range(&call(), query, false).await;
    assert_eq!(refused, Err(Error::Unavailable(Unavailable::NoLeader)));
}

#[tokio::test]
async fn a_command_past_the_limit_is_refused_and_one_at_it_is_not() {
    let scene = scene(Limits { command_bytes_max: 200, ..Limits::default() });
    let sized = |bytes| {
        let change = mvcc::Put {
            key: "a".into(),
            value: Some(Bytes::from(vec![b'x'; bytes])),
            lease: Some(LeaseId::NONE),
        };
        Put { change, with_previous: false }
    };
    scene
        .run(async {
            assert!(scene.door.put(&call(), sized(150)).await.is_ok());
            let refused = scene.door.put(&call(), sized(201)).await;
            assert_eq!(refused, Err(Error::Invalid(Invalid::TooLarge)));
        })
        .await;
}

#[tokio::test]
async fn proposals_are_pending_until_they_are_answered_and_failures_are_counted() {
    let scene = scene(Limits::default());
    let counts = || (scene.door.status().pending, scene.door.status().failed);
    scene.consensus.behave(Manner::Silent);
    let asker = call();
    let mut waiting = Box::pin(scene.door.put(&asker, put("a", "1")));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!(counts(), (1, 0));
    drop(waiting);
    assert_eq!(counts(), (0, 0), "whoever goes away has not failed");
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    scene.door.put(&asker, put("a", "1")).await.unwrap_err();
    assert_eq!(counts(), (0, 1));
}

#[tokio::test]
async fn queued_bytes_are_bounded_and_given_back() {
    let scene = scene(Limits { queued_bytes_max: 10, ..Limits::default() });
    scene
        .run(async {
            let refused = scene.door.put(&call(), put("a", "1")).await;
            assert_eq!(refused, Err(Error::Unavailable(Unavailable::TooManyRequests)));
            assert!(scene.door.budget_is_free());
        })
        .await;
}

#[tokio::test]
async fn a_large_range_is_read_off_the_front_thread() {
    let scene = scene(Limits::default());
    scene
        .run(async {
            for number in 0..1500 {
                let change = mvcc::Put {
                    key: Bytes::from(format!("k{number:05}")),
                    value: Some("v".into()),
                    lease: Some(LeaseId::NONE),
                };
                scene.door.put(&call(), Put { change, with_previous: false }).await.unwrap();
            }
            let query = Query::newest(KeyRange::From(Bytes::from_static(b"k")));
            let published = scene.consensus.reader().newest();
            let at_front = published.range(&query, Tier::Memory);
            assert!(matches!(at_front, Err(ReadError::NeedsDisk)), "more than a front thread may gather");
            let (_, found) = scene.door.range(&call(), query, false).await.unwrap();
            assert_eq!(found.records.len(), 1500);
        })
        .await;
}

#[tokio::test]
async fn an_empty_key_is_refused_everywhere() {
    let scene = scene(Limits::default());
    let empty = || KeyRange::Single(Bytes::new());
    let delete = DeleteRange { range: empty(), with_previous: false };
    assert_eq!(scene.door.put(&call(), put("", "1")).await.unwrap_err(), Invalid::EmptyKey.into());
    assert_eq!(scene.door.delete_range(&call(), delete).await.unwrap_err(), Invalid::EmptyKey.into());
    let read = scene.door.range(&call(), Query::newest(empty()), true).await;
    assert_eq!(read.unwrap_err(), Invalid::EmptyKey.into());
}

#[tokio::test]
async fn members_are_listed_with_what_they_say_of_themselves() {
    let scene = scene(Limits::default());
    let attributes = quorate_state_machine::Attributes {
        name: "seven".into(),
        client_urls: vec!["http://seven:2379".into()],
    };
    scene
        .run(async {
            scene.door.describe_member(&call(), attributes).await.unwrap();
            let members = scene.door.members(&call(), true).await.unwrap();
            assert_eq!(members[0].client_urls, ["http://seven:2379"]);
        })
        .await;
}

fn range_of(key: &'static str) -> TxnOp {
    TxnOp::Range(Query::newest(KeyRange::Single(key.into())))
}

fn txn(success: Vec<TxnOp>) -> Txn {
    Txn { success, ..Txn::default() }
}

fn put_step(key: &'static str) -> TxnOp {
    let Put { change, with_previous } = put(key, "1");
    TxnOp::Put { change, with_previous }
}

/// What changes something, or might, is agreed on; what cannot, is read.
#[tokio::test]
async fn a_transaction_that_can_only_read_does_not_go_through_the_log() {
    let scene = scene(Limits::default());
    let applied = || scene.consensus.reader().applied_index();
    scene
        .run(async {
            for (branch, enters_log) in [
                (vec![], false),
                (vec![range_of("a")], false),
                (vec![range_of("a"), put_step("a")], true),
                (vec![TxnOp::Txn(txn(vec![range_of("a")]))], true),
            ] {
                for transaction in [txn(branch.clone()), Txn { failure: branch.clone(), ..Txn::default() }] {
                    let before = applied();
                    scene.door.txn(&call(), transaction, false).await.unwrap();
                    assert_eq!(applied() != before, enters_log, "{branch:?}");
                }
            }
            let (revision, done) = scene.door.txn(&call(), txn(vec![range_of("a")]), false).await.unwrap();
            let OpDone::Range { revision: seen, found } = &done.results[0] else { panic!("{done:?}") };
            assert_eq!((revision, *seen, found.count), (Revision(2), Revision(2), 1));
        })
        .await;
}

#[tokio::test]
async fn a_serializable_transaction_needs_nobody() {
    let scene = scene(Limits::default());
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    assert!(scene.door.txn(&call(), txn(vec![range_of("a")]), true).await.is_ok());
    for (transaction, serializable) in [(txn(vec![range_of("a")]), false), (txn(vec![put_step("a")]), true)] {
        let refused = scene.door.txn(&call(), transaction, serializable).await;
        assert_eq!(refused, Err(Error::Unavailable(Unavailable::NoLeader)));
    }
}

async fn fill(scene: &Scene, count: usize) {
    for number in 0..count {
        let change = mvcc::Put {
            key: Bytes::from(format!("k{number:05}")),
            value: Some("v".into()),
            lease: Some(LeaseId::NONE),
        };
        scene.door.put(&call(), Put { change, with_previous: false }).await.unwrap();
    }
}

#[tokio::test]
async fn a_large_read_only_transaction_is_done_off_the_front_thread() {
    let scene = scene(Limits::default());
    scene
        .run(async {
            fill(&scene, 1100).await;
            let all = || txn(vec![TxnOp::Range(Query::newest(KeyRange::From("k".into())))]);
            let published = scene.consensus.reader().newest();
            assert!(matches!(published.txn(&all(), Tier::Memory), Err(ReadError::NeedsDisk)));
            let (_, done) = scene.door.txn(&call(), all(), false).await.unwrap();
            let OpDone::Range { found, .. } = &done.results[0] else { panic!("{done:?}") };
            assert_eq!(found.records.len(), 1100);
        })
        .await;
}

async fn pieces(stream: &mut RangeStream) -> (Vec<usize>, End) {
    let mut sizes = Vec::new();
    loop {
        let piece = stream.next().await.unwrap().expect("the last piece says that it is");
        sizes.push(piece.records.len());
        if let Some(end) = piece.end {
            assert_eq!(stream.next().await, Ok(None));
            return (sizes, end);
        }
    }
}

#[tokio::test]
async fn a_stream_is_of_one_moment_and_its_pieces_grow() {
    let scene = scene(Limits::default());
    scene
        .run(async {
            fill(&scene, 100).await;
            let query = |limit| Query { limit, ..Query::newest(KeyRange::From("k".into())) };
            let mut stream = scene.door.range_stream(&call(), query(None), false).await.unwrap();
            let first = stream.next().await.unwrap().unwrap();
            assert_eq!((first.records.len(), first.end), (10, None));
            scene.door.put(&call(), put("k99999", "later")).await.unwrap();
            let end = End { revision: Revision(101), more: false, count: 100 };
            assert_eq!(pieces(&mut stream).await, (vec![20, 40, 30], end));
            for (limit, sizes, more) in [
                (5, vec![5], true),
                (10, vec![10], true),
                (35, vec![10, 20, 5], true),
                (101, vec![10, 20, 40, 31], false),
            ] {
                let mut stream = scene.door.range_stream(&call(), query(Some(limit)), false).await.unwrap();
                let end = End { revision: Revision(102), more, count: 101 };
                assert_eq!(pieces(&mut stream).await, (sizes, end), "{limit}");
            }
            let counting = Query { count_only: true, ..query(Some(3)) };
            let mut stream = scene.door.range_stream(&call(), counting, true).await.unwrap();
            assert_eq!(
                pieces(&mut stream).await,
                (vec![0], End { revision: Revision(102), more: false, count: 101 })
            );
        })
        .await;
}

#[tokio::test]
async fn pieces_shrink_when_records_are_large() {
    let scene = scene(Limits { command_bytes_max: 60, ..Limits::default() });
    scene
        .run(async {
            fill(&scene, 40).await; // of some 15 bytes each
            let query = Query::newest(KeyRange::From("k".into()));
            let mut stream = scene.door.range_stream(&call(), query, true).await.unwrap();
            let (sizes, _) = pieces(&mut stream).await;
            assert!(sizes[1] == 5 && sizes.iter().sum::<usize>() == 40, "{sizes:?}");
        })
        .await;
}

#[tokio::test]
async fn a_physical_compaction_waits_until_the_records_are_gone() {
    let scene = scene(Limits::default());
    let compaction = |revision, physical| Compaction { revision: Revision(revision), physical };
    scene
        .run(async {
            fill(&scene, 3).await;
            assert_eq!(scene.door.compact(&call(), compaction(2, true)).await, Ok(Revision(4)));
            scene.consensus.keep_pruning_back();
            assert_eq!(scene.door.compact(&call(), compaction(3, false)).await, Ok(Revision(4)));
            let future = scene.door.compact(&call(), compaction(5, true)).await;
            assert!(matches!(future, Err(Error::Refused(Refusal::Mvcc(mvcc::Refusal::Future { .. })))));
        })
        .await;
    // One that comes too late waits for the one before it, as long as that takes.
    let call = call();
    let waiting = async { scene.door.compact(&call, compaction(3, true)).await };
    let passing = async {
        for _ in 0..2 {
            while scene.clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
            assert!(scene.consensus.reader().newest().is_pruning());
            scene.clock.advance(Duration::from_secs(9));
            tokio::task::yield_now().await;
        }
        scene.consensus.prune().unwrap();
        while scene.clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        scene.clock.advance(Duration::from_secs(9));
    };
    let (outcome, ()) = scene.run(async { futures::join!(waiting, passing) }).await;
    assert!(matches!(outcome, Err(Error::Refused(Refusal::Mvcc(mvcc::Refusal::Compacted { .. })))));
}

/// Each call is a future on the heap, and there may be a hundred thousand.
#[test]
fn a_call_takes_less_than_two_kilobytes_while_it_waits() {
    let (scene, call) = (scene(Limits::default()), call());
    let range = Query::newest(KeyRange::Single("a".into()));
    let sizes = [
        std::mem::size_of_val(&scene.door.put(&call, put("a", "1"))),
        std::mem::size_of_val(&scene.door.txn(&call, Txn::default(), false)),
        std::mem::size_of_val(&scene.door.range(&call, range, false)),
        std::mem::size_of_val(&scene.door.lease_keep_alive(&call, LeaseId(7))),
    ];
    assert!(sizes.iter().all(|size| *size < 2048), "{sizes:?}");
}
