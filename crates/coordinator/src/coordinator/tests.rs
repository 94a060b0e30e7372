use super::*;
use crate::call::Identity;
use crate::testing::{LocalConsensus, MEMBER, Manner};
use bytes::Bytes;
use quorate_mvcc as mvcc;
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
