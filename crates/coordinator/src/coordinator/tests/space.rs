use super::*;
use crate::Quota;
use quorate_state_machine::{AlarmChange, AlarmKind};
use std::cell::Cell;

const FULL: Alarm = Alarm { kind: AlarmKind::NO_SPACE, member: MEMBER };

fn raised(scene: &Scene) -> Vec<Alarm> {
    scene.door.status().alarms
}

/// A door whose state has `room` bytes left.
fn scene_with(room: u64) -> Scene {
    let size = scene(Limits::default()).consensus.reader().size();
    scene(Limits { quota: Quota(i64::try_from(size + room).unwrap()), ..Limits::default() })
}

#[tokio::test]
async fn what_would_reach_the_quota_raises_the_alarm_and_is_refused() {
    let scene = scene_with(1000);
    scene
        .run(async {
            scene.door.put(&call(), put("a", "1")).await.unwrap();
            assert!(raised(&scene).is_empty());
            let long = Put { with_previous: false, ..put("b", "") };
            let change = mvcc::Put { value: Some(Bytes::from(vec![b'x'; 700])), ..long.change.clone() };
            let refused = scene.door.put(&call(), Put { change, ..long }).await;
            assert_eq!(refused, Err(Refusal::NoSpace.into()));
            assert_eq!(raised(&scene), [FULL]);
            let refused = scene.door.put(&call(), put("a", "2")).await;
            assert_eq!(refused, Err(Refusal::NoSpace.into()), "there is room, but the alarm is raised");
        })
        .await;
}

#[tokio::test]
async fn deletes_and_compaction_make_room_and_the_alarm_is_disarmed_by_hand() {
    let scene = scene_with(400);
    scene
        .run(async {
            scene.door.put(&call(), put("a", "1")).await.unwrap();
            assert_eq!(scene.door.put(&call(), put("a", "2")).await, Err(Refusal::NoSpace.into()));
            let range = KeyRange::Single("a".into());
            scene.door.delete_range(&call(), DeleteRange { range, with_previous: false }).await.unwrap();
            for revision in [Revision(2), Revision(3)] {
                scene.door.compact(&call(), Compaction { revision, physical: false }).await.unwrap();
            }
            assert_eq!(scene.door.put(&call(), put("a", "2")).await, Err(Refusal::NoSpace.into()));
            scene.door.change_alarm(&call(), AlarmChange::Disarm(FULL)).await.unwrap();
            assert_eq!(scene.door.put(&call(), put("z", "")).await, Err(Refusal::NoSpace.into()), "the size");
        })
        .await;
    // The tombstone of the compacted revision is still there, and so are the marks of compaction.
    assert_eq!(raised(&scene), [FULL]);
}

#[tokio::test]
async fn with_a_negative_quota_there_is_always_room() {
    let scene = scene(Limits { quota: Quota(-1), ..Limits::default() });
    scene.run(async { scene.door.put(&call(), put("a", "1")).await.unwrap() }).await;
    assert!(raised(&scene).is_empty());
}

#[tokio::test]
async fn without_a_leader_what_finds_no_room_is_refused_all_the_same() {
    let scene = scene_with(10);
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    let refused = scene.run(scene.door.put(&call(), put("a", "1"))).await;
    assert_eq!((refused, raised(&scene)), (Err(Refusal::NoSpace.into()), vec![]));
    scene.consensus.behave(Manner::Prompt);
    scene.run(scene.door.put(&call(), put("a", "1"))).await.unwrap_err();
    assert_eq!(raised(&scene), [FULL], "the next one raises it");
}

#[tokio::test]
async fn a_disk_with_little_space_raises_the_alarm_until_there_is_more_and_it_is_disarmed() {
    let scene = scene(Limits::default());
    let free = Cell::new(Some(256 << 20));
    let guard = scene.door.guard_disk(|| free.get());
    let story = async {
        let look = async || {
            while scene.clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
            scene.clock.advance(Duration::from_secs(1));
            while scene.clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
        };
        look().await;
        assert!(raised(&scene).is_empty(), "so much is enough");
        free.set(None);
        look().await;
        assert!(raised(&scene).is_empty(), "nobody knows");
        free.set(Some((256 << 20) - 1));
        look().await;
        assert_eq!(raised(&scene), [FULL]);
        free.set(Some(1 << 40));
        look().await;
        assert_eq!(raised(&scene), [FULL], "it stays");
        scene.door.change_alarm(&call(), AlarmChange::Disarm(FULL)).await.unwrap();
        look().await;
        assert!(raised(&scene).is_empty());
        free.set(Some(0));
        look().await;
        assert_eq!(raised(&scene), [FULL], "it comes again");
    };
    let both = async {
        tokio::select! {
            () = story => {}
            () = guard => unreachable!("a disk is guarded for ever"),
        }
    };
    scene.run(both).await;
}
