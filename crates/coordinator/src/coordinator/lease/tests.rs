use super::*;
use crate::admission::Limits;
use crate::call::Identity;
use crate::testing::{LocalConsensus, MEMBER, Manner, TERM};
use crate::{DeleteRange, Put};
use quorate_mvcc::{self as mvcc, Query};
use quorate_tasks::testing::ManualClock;
use quorate_tasks::{Clock, Group};
use quorate_types::{ClusterId, KeyRange};

struct Scene {
    consensus: Arc<LocalConsensus>,
    clock: ManualClock,
    door: Coordinator,
    desk: Desk<quorate_state_machine::Answer>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let consensus = Arc::new(LocalConsensus::new().unwrap());
        let (clock, desk) = (ManualClock::default(), Desk::default());
        let work = crate::Work::start(&Group::threads(), 1);
        let shared = Arc::new(clock.clone());
        let door = Coordinator::new(ClusterId(1), MEMBER, consensus.clone(), shared, limits, work);
        consensus.tell_leases(door.lease_clock());
        Self { door: door.at(desk.clone()), consensus, clock, desk }
    }

    /// `work`'s answer, while somebody keeps the time and the clock stands still.
    async fn run<F: Future>(&self, work: F) -> F::Output {
        tokio::select! {
            biased;
            () = self.door.keep_leases() => unreachable!("the time is kept for ever"),
            answer = work => answer,
            () = self.desk.attend() => unreachable!("a desk is attended for ever"),
        }
    }

    /// Lets time pass in steps as a live member sees it.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.settle().await;
            self.clock.advance(Duration::from_millis(250));
        }
        self.settle().await;
    }

    /// Until everything that runs sleeps.
    async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    fn call(&self) -> Call {
        Call { identity: Identity::Anonymous, deadline: self.clock.now() + Duration::from_secs(7) }
    }

    async fn grant(&self, id: i64, ttl_seconds: i64) -> Granted {
        self.door.lease_grant(&self.call(), LeaseId(id), ttl_seconds).await.unwrap().1
    }

    async fn put(&self, key: &'static str, lease: i64) {
        let change = mvcc::Put { key: key.into(), value: Some("v".into()), lease: Some(LeaseId(lease)) };
        self.door.put(&self.call(), Put { change, with_previous: false }).await.unwrap();
    }

    async fn keep_alive(&self, id: i64) -> i64 {
        self.door.lease_keep_alive(&self.call(), LeaseId(id)).await.unwrap().1
    }

    async fn left(&self, id: i64) -> Option<i64> {
        let (_, remaining) = self.door.lease_remaining(&self.call(), LeaseId(id), false).await.unwrap();
        remaining.map(|remaining| remaining.left_seconds)
    }

    async fn count(&self) -> usize {
        let query = Query::newest(KeyRange::From(Bytes::from_static(b"\0")));
        self.door.range(&self.call(), query, true).await.unwrap().1.count
    }
}

#[tokio::test]
async fn a_lease_that_nobody_keeps_alive_ends_with_its_keys() {
    let scene = Scene::new();
    scene
        .run(async {
            assert_eq!(scene.grant(7, 5).await, Granted { id: LeaseId(7), ttl_seconds: 5 });
            scene.put("a", 7).await;
            scene.pass(5).await;
            scene.pass(3).await;
            assert_eq!((scene.left(7).await, scene.count().await), (None, 0));
        })
        .await;
}

#[tokio::test]
async fn a_lease_that_somebody_keeps_alive_does_not() {
    let scene = Scene::new();
    scene
        .run(async {
            scene.grant(7, 5).await;
            scene.put("a", 7).await;
            for _ in 0..20 {
                scene.pass(3).await;
                assert_eq!(scene.keep_alive(7).await, 5);
            }
            assert_eq!((scene.left(7).await, scene.count().await), (Some(5), 1));
        })
        .await;
}

#[tokio::test]
async fn a_time_is_raised_to_the_least_and_refused_above_the_most() {
    let scene = Scene::with(Limits { lease_ttl_min_seconds: 3, ..Limits::default() });
    scene
        .run(async {
            for (asked, granted) in [(-1, 3), (0, 3), (3, 3), (4, 4), (TTL_MAX_SECONDS, TTL_MAX_SECONDS)] {
                assert_eq!(scene.grant(0, asked).await.ttl_seconds, granted);
            }
            let refused = scene.door.lease_grant(&scene.call(), LeaseId(0), TTL_MAX_SECONDS + 1).await;
            assert_eq!(refused, Err(Error::Invalid(Invalid::LeaseTooLong)));
        })
        .await;
}

#[tokio::test]
async fn what_does_not_live_is_told_so() {
    let scene = Scene::new();
    scene
        .run(async {
            assert_eq!((scene.keep_alive(9).await, scene.left(9).await), (0, None));
            let unknown = Err(Error::Refused(quorate_state_machine::Refusal::LeaseNotFound));
            assert_eq!(scene.door.lease_revoke(&scene.call(), LeaseId(9)).await, unknown);
            scene.grant(9, 10).await;
            assert_eq!(scene.door.lease_revoke(&scene.call(), LeaseId(9)).await, Ok(Revision(1)));
            assert_eq!((scene.keep_alive(9).await, scene.left(9).await), (0, None));
        })
        .await;
}

#[tokio::test]
async fn keys_are_told_and_leases_are_listed_by_their_end() {
    let scene = Scene::new();
    scene
        .run(async {
            scene.grant(1, 30).await;
            scene.grant(2, 10).await;
            scene.grant(3, 20).await;
            scene.put("b", 1).await;
            scene.put("a", 1).await;
            let (_, remaining) = scene.door.lease_remaining(&scene.call(), LeaseId(1), true).await.unwrap();
            let keys = vec!["a".into(), "b".into()];
            assert_eq!(remaining, Some(Remaining { granted_seconds: 30, left_seconds: 30, keys }));
            let ids = |listed: Vec<LeaseId>| listed.into_iter().map(|id| id.0).collect::<Vec<_>>();
            assert_eq!(ids(scene.door.lease_list(&scene.call()).await.unwrap().1), [2, 3, 1]);
            scene.pass(5).await;
            scene.keep_alive(2).await;
            assert_eq!(ids(scene.door.lease_list(&scene.call()).await.unwrap().1), [2, 3, 1]);
            scene.pass(6).await;
            assert_eq!(ids(scene.door.lease_list(&scene.call()).await.unwrap().1), [2, 3, 1]);
            scene.keep_alive(3).await;
            scene.keep_alive(2).await;
            assert_eq!(ids(scene.door.lease_list(&scene.call()).await.unwrap().1), [2, 1, 3]);
        })
        .await;
}

#[tokio::test]
async fn a_keep_alive_that_comes_too_late_waits_for_the_end_and_is_told_of_it() {
    let scene = Scene::new();
    scene
        .run(async {
            scene.grant(7, 5).await;
            scene.put("a", 7).await;
            scene.pass(4).await;
            // Beyond the deadline, and before anybody has looked who is due.
            scene.clock.advance(Duration::from_millis(1010));
            assert_eq!(scene.keep_alive(7).await, 0, "L6");
            assert_eq!(scene.count().await, 0, "it is told only once the keys are gone");
        })
        .await;
}

#[tokio::test]
async fn after_a_gap_there_is_time_to_renew() {
    let scene = Scene::new();
    scene
        .run(async {
            scene.grant(7, 5).await;
            scene.pass(1).await;
            scene.clock.advance(Duration::from_secs(3600)); // the process was stopped
            assert_eq!(scene.keep_alive(7).await, 5);
            scene.pass(4).await;
            assert_eq!(scene.left(7).await, Some(2), "its time and the grace");
        })
        .await;
}

#[tokio::test]
async fn without_a_quorum_nothing_ends_and_with_one_again_it_does() {
    let scene = Scene::new();
    scene
        .run(async {
            scene.grant(7, 5).await;
            scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
            scene.pass(20).await;
            let published = scene.door.reader().newest();
            assert!(published.leases().get(LeaseId(7)).is_some());
            scene.consensus.behave(Manner::Prompt);
            scene.pass(2).await;
            assert_eq!(scene.left(7).await, None, "L4");
        })
        .await;
}

#[tokio::test]
async fn what_is_left_of_a_long_lease_is_written_down_until_it_is_renewed() {
    let interval = Some(Duration::from_secs(300));
    let scene = Scene::with(Limits { lease_checkpoint_interval: interval, ..Limits::default() });
    let written =
        |scene: &Scene| scene.door.reader().newest().leases().get(LeaseId(7)).unwrap().remaining_seconds;
    scene
        .run(async {
            scene.grant(7, 1000).await;
            scene.pass(302).await;
            let left = written(&scene).unwrap();
            assert!((697..=700).contains(&left), "{left}");
            assert_eq!(scene.keep_alive(7).await, 1000);
            assert_eq!(written(&scene), None, "before the answer is told");
        })
        .await;
}

#[tokio::test]
async fn many_leases_end_together_each_in_a_revision_of_its_own() {
    let scene = Scene::new();
    scene
        .run(async {
            for id in 1..=1200 {
                scene.grant(id, 5).await;
            }
            let keys: Vec<&'static str> = vec!["a", "b", "c"];
            for (position, key) in keys.iter().enumerate() {
                scene.put(key, position as i64 + 1).await;
            }
            scene.pass(8).await;
            let published = scene.door.reader().newest();
            assert!(published.leases().is_empty());
            assert_eq!(published.revision(), Revision(1 + 3 + 3));
        })
        .await;
}

#[tokio::test]
async fn a_deleted_key_does_not_hang_on_its_lease_any_more() {
    let scene = Scene::new();
    scene
        .run(async {
            scene.grant(7, 30).await;
            scene.put("a", 7).await;
            let range = KeyRange::Single("a".into());
            scene
                .door
                .delete_range(&scene.call(), DeleteRange { range, with_previous: false })
                .await
                .unwrap();
            assert_eq!(scene.door.lease_revoke(&scene.call(), LeaseId(7)).await, Ok(Revision(3)));
        })
        .await;
}

/// A member that leads installs no state; one that was deposed and has not heard of it may.
#[tokio::test]
async fn a_state_that_replaces_this_one_brings_its_leases_and_those_who_wait_are_not_forgotten() {
    let (scene, other) = (Scene::new(), Scene::new());
    other
        .run(async {
            other.grant(7, 60).await;
            other.grant(8, 5).await;
            other.grant(9, 30).await;
            other.put("a", 9).await;
            other.door.lease_revoke(&other.call(), LeaseId(8)).await.unwrap();
        })
        .await;
    scene
        .run(async {
            scene.grant(7, 60).await;
            scene.grant(8, 5).await;
            scene.pass(4).await;
            // Beyond the deadline, and before anybody has looked who is due.
            scene.clock.advance(Duration::from_millis(1010));
            let kept = scene.door.leases().renew(LeaseId(8), TERM);
            let crate::lease::Kept::Ending(ended) = kept else { panic!("{kept:?}") };
            let newest = other.door.reader().newest();
            assert!(scene.consensus.install(newest.view().as_ref()).unwrap());
            assert!(ended.await.is_err(), "who waits is told to ask again");
            assert_eq!(scene.keep_alive(8).await, 0, "it has ended on the way");
            assert_eq!(
                (scene.left(8).await, scene.left(9).await),
                (None, Some(31)),
                "its time and the grace"
            );
            assert!(scene.left(7).await >= Some(60), "nobody ends sooner than it would have");
            scene.pass(40).await;
            assert_eq!((scene.left(9).await, scene.count().await), (None, 0));
            assert!(!scene.consensus.install(newest.view().as_ref()).unwrap(), "it is old by now");
        })
        .await;
}
