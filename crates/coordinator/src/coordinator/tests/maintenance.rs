use super::*;
use crate::MvccRefusal;
use quorate_state_machine::{AlarmChange, AlarmKind};

const DAMAGED: Alarm = Alarm { kind: AlarmKind::CORRUPT, member: MemberId(3) };

#[tokio::test]
async fn an_alarm_is_there_for_all_until_it_is_disarmed() {
    let scene = scene(Limits::default());
    scene
        .run(async {
            let change = async |change| scene.door.change_alarm(&call(), change).await;
            assert_eq!(change(AlarmChange::Disarm(DAMAGED)).await, Ok((Revision(1), None)));
            assert_eq!(change(AlarmChange::Raise(DAMAGED)).await, Ok((Revision(1), Some(DAMAGED))));
            assert_eq!(scene.door.alarms(&call()).await, Ok((Revision(1), vec![DAMAGED])));
            let refused = scene.door.put(&call(), put("a", "1")).await;
            assert_eq!(refused, Err(Refusal::Corrupt.into()));
            let query = Query::newest(KeyRange::Single("a".into()));
            assert!(scene.door.range(&call(), query, false).await.is_ok(), "reads go on");
            assert_eq!(change(AlarmChange::Disarm(DAMAGED)).await, Ok((Revision(1), Some(DAMAGED))));
            scene.door.put(&call(), put("a", "1")).await.unwrap();
        })
        .await;
}

/// `a` at revision 2, put again at 3, and so on.
async fn with_puts(count: usize) -> Scene {
    let scene = scene(Limits::default());
    scene
        .run(async {
            for _ in 0..count {
                scene.door.put(&call(), put("a", "1")).await.unwrap();
            }
        })
        .await;
    scene
}

#[tokio::test]
async fn a_checksum_is_of_a_revision_and_says_what_it_depends_on() {
    let scene = with_puts(5).await;
    let hash = async |revision| scene.door.key_hash(Revision(revision)).await;
    let (newest, third) = (hash(0).await.unwrap(), hash(3).await.unwrap());
    let (through, compacted, revision) = (Revision(3), Revision(-1), Revision(6));
    assert_eq!(third, KeyHash { hash: third.hash, through, compacted, revision });
    assert_eq!(newest, KeyHash { hash: newest.hash, through: Revision(6), compacted, revision });
    assert_eq!(hash(6).await.unwrap(), newest);
    assert_ne!(newest.hash, third.hash);
    let compaction = Compaction { revision: Revision(4), physical: false };
    scene.run(scene.door.compact(&call(), compaction)).await.unwrap();
    assert_eq!(hash(0).await.unwrap().compacted, Revision(4));
    let (asked, oldest) = (Revision(3), Revision(4));
    assert_eq!(hash(3).await, Err(Refusal::Mvcc(MvccRefusal::Compacted { asked, oldest }).into()));
    let (asked, newest) = (Revision(7), Revision(6));
    assert_eq!(hash(7).await, Err(Refusal::Mvcc(MvccRefusal::Future { asked, newest }).into()));
}

/// More records than one step takes.
#[tokio::test]
async fn a_long_checksum_is_made_in_steps_and_of_one_moment() {
    let scene = with_puts(2500).await;
    // The only worker is busy until this is dropped.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let mut busy = Box::pin(scene.door.aside(move || released.recv().is_err()));
    assert!(futures::poll!(&mut busy).is_pending());
    let mut hashing = Box::pin(scene.door.key_hash(Revision(0)));
    assert!(futures::poll!(&mut hashing).is_pending(), "C1: it is on the work pool");
    scene.run(scene.door.put(&call(), put("b", "1"))).await.unwrap();
    drop(release);
    let begun = hashing.await.unwrap();
    assert_eq!((begun.through, begun.revision), (Revision(2501), Revision(2501)));
    assert_eq!(scene.door.key_hash(Revision(2501)).await.unwrap().hash, begun.hash);
}

#[tokio::test]
async fn the_checksum_of_everything_has_what_is_not_in_the_key_space() {
    let scene = with_puts(3).await;
    let before = scene.door.state_hash().await.unwrap();
    assert_eq!(before.revision, Revision(4));
    assert_eq!(scene.door.state_hash().await.unwrap(), before);
    scene.run(scene.door.change_alarm(&call(), AlarmChange::Raise(DAMAGED))).await.unwrap();
    assert_ne!(scene.door.state_hash().await.unwrap().hash, before.hash);
}

#[tokio::test]
async fn the_cluster_has_the_version_that_its_leader_settled_once() {
    let scene = scene(Limits::default());
    assert_eq!(scene.door.cluster_version(), Err(Refusal::NoClusterVersion.into()));
    scene.run(scene.door.settle_cluster_version(&call())).await.unwrap();
    assert_eq!(scene.door.cluster_version(), Ok(ClusterVersion::OURS));
    let applied = scene.door.status().applied;
    scene.run(scene.door.settle_cluster_version(&call())).await.unwrap();
    assert_eq!(scene.door.status().applied, applied, "what is settled is not proposed again");
}

#[tokio::test]
async fn a_downgrade_leads_to_the_minor_version_before() {
    let scene = scene(Limits::default());
    scene
        .run(async {
            let validate = async |target| scene.door.validate_downgrade(&call(), target).await;
            assert_eq!(validate("x").await, Err(Invalid::DowngradeFormat.into()), "the format comes first");
            assert_eq!(validate("3.6").await, Err(Refusal::NoClusterVersion.into()));
            scene.door.settle_cluster_version(&call()).await.unwrap();
            for target in ["3.6", "3.6.0", "3.6.12", "3.6.0-rc.1"] {
                assert_eq!(validate(target).await, Ok(ClusterVersion::OURS), "{target}");
            }
            for target in ["3.7", "3.5.0", "3.8", "2.6", "4.6"] {
                assert_eq!(validate(target).await, Err(Refusal::DowngradeTarget.into()), "{target}");
            }
            for target in ["", "3", "3.6.x", "3.6.0.0"] {
                assert_eq!(validate(target).await, Err(Invalid::DowngradeFormat.into()), "{target}");
            }
            scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
            assert_eq!(validate("3.6").await, Err(Unavailable::NoLeader.into()));
        })
        .await;
}
