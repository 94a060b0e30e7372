use crate::Services;
use crate::scene::{Calling, Scene, header, told};
use quorate_proto::etcdserverpb::LeaseTimeToLiveRequest;
use quorate_proto::etcdserverpb::lease_client::LeaseClient;
use quorate_proto::v3lockpb::lock_client::LockClient;
use quorate_proto::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
use std::time::Duration;
use tonic::{Request, Status};

type Locking = Calling<Result<LockResponse, Status>>;

fn client(scene: &Scene) -> LockClient<Services> {
    LockClient::new(scene.services())
}

/// A lock of `l` that is being waited for.
fn locking(scene: &Scene, lease: i64) -> Locking {
    let mut client = client(scene);
    Calling::begin(async move { Ok(client.lock(request(lease)).await?.into_inner()) })
}

fn request(lease: i64) -> LockRequest {
    LockRequest { name: "l".into(), lease }
}

async fn lock(scene: &Scene, lease: i64) -> Result<LockResponse, Status> {
    Ok(scene.run(client(scene).lock(request(lease))).await?.into_inner())
}

async fn unlock(scene: &Scene, key: &str) -> Result<UnlockResponse, Status> {
    let request = UnlockRequest { key: key.to_owned().into() };
    Ok(scene.run(client(scene).unlock(request)).await?.into_inner())
}

/// Ends once that many watches have found their key: who waits has begun to.
async fn until_watched(scene: &Scene) {
    while !scene.consensus.is_watched() {
        scene.run(tokio::task::yield_now()).await;
    }
}

#[tokio::test]
async fn a_free_lock_is_held_at_once_by_a_key_of_the_lease() {
    let scene = Scene::new();
    scene.grant(&[0x1a]).await;
    let held = LockResponse { header: header(2), key: "l/1a".into() };
    assert_eq!(lock(&scene, 0x1a).await.unwrap(), held);
    assert_eq!(lock(&scene, 0x1a).await.unwrap(), held, "who holds it holds it still");
    assert_eq!(scene.keys("l").await, ["l/1a"]);
    assert_eq!(unlock(&scene, "l/1a").await.unwrap(), UnlockResponse { header: header(3) });
    assert_eq!(
        unlock(&scene, "l/1a").await.unwrap(),
        UnlockResponse { header: header(3) },
        "none is no error"
    );
}

#[tokio::test]
async fn a_lock_without_a_lease_has_one_of_a_minute_that_nobody_keeps_alive() {
    let scene = Scene::new();
    let held = lock(&scene, 0).await.unwrap();
    let key = std::str::from_utf8(&held.key).unwrap();
    let id = i64::from_str_radix(key.strip_prefix("l/").unwrap(), 16).unwrap();
    assert!(id > 0, "{key}");
    let request = LeaseTimeToLiveRequest { id, keys: true };
    let mut leases = LeaseClient::new(scene.routes());
    let left = scene.run(leases.lease_time_to_live(request)).await.unwrap().into_inner();
    assert_eq!((left.granted_ttl, left.keys), (60, vec![held.key]));
}

#[tokio::test]
async fn those_who_wait_have_it_in_the_order_they_came() {
    let scene = Scene::new();
    // The order of the keys is another one.
    scene.grant(&[4, 2, 3, 1]).await;
    lock(&scene, 4).await.unwrap();
    let second = locking(&scene, 2);
    scene.until_keys("l/", &["l/2", "l/4"]).await;
    let third = locking(&scene, 3);
    scene.until_keys("l/", &["l/2", "l/3", "l/4"]).await;
    let last = locking(&scene, 1);
    scene.until_keys("l/", &["l/1", "l/2", "l/3", "l/4"]).await;
    unlock(&scene, "l/4").await.unwrap();
    assert_eq!(
        scene.run(second.answer()).await.unwrap(),
        LockResponse { header: header(6), key: "l/2".into() }
    );
    assert!(!third.is_over() && !last.is_over());
    unlock(&scene, "l/2").await.unwrap();
    assert_eq!(
        scene.run(third.answer()).await.unwrap(),
        LockResponse { header: header(7), key: "l/3".into() }
    );
    assert!(!last.is_over());
    unlock(&scene, "l/3").await.unwrap();
    assert_eq!(
        scene.run(last.answer()).await.unwrap(),
        LockResponse { header: header(8), key: "l/1".into() }
    );
}

#[tokio::test]
async fn who_goes_away_takes_its_key_along_and_nobodys_turn_comes_early() {
    let scene = Scene::new();
    scene.grant(&[1, 2, 3]).await;
    lock(&scene, 1).await.unwrap();
    let second = locking(&scene, 2);
    scene.until_keys("l/", &["l/1", "l/2"]).await;
    let third = locking(&scene, 3);
    scene.until_keys("l/", &["l/1", "l/2", "l/3"]).await;
    drop(second);
    scene.until_keys("l/", &["l/1", "l/3"]).await;
    assert!(!third.is_over());
    unlock(&scene, "l/1").await.unwrap();
    assert_eq!(scene.run(third.answer()).await.unwrap().key, "l/3");
}

#[tokio::test]
async fn a_deadline_of_the_clients_ends_the_waiting_and_the_servers_does_not() {
    let scene = Scene::new();
    scene.grant(&[1, 2, 3]).await;
    lock(&scene, 1).await.unwrap();
    let mut limited = Request::new(request(2));
    limited.set_timeout(Duration::from_secs(60));
    let mut client = client(&scene);
    let limited = Calling::begin(async move { client.lock(limited).await });
    scene.until_keys("l/", &["l/1", "l/2"]).await;
    until_watched(&scene).await;
    let patient = locking(&scene, 3);
    scene.until_keys("l/", &["l/1", "l/2", "l/3"]).await;
    scene.advance(Duration::from_secs(59));
    scene.run(tokio::task::yield_now()).await;
    assert!(!limited.is_over() && !patient.is_over());
    scene.advance(Duration::from_secs(1));
    let refused = scene.run(limited.answer()).await.unwrap_err();
    assert_eq!(told(&refused), (4, "context deadline exceeded"));
    scene.until_keys("l/", &["l/1", "l/3"]).await;
    unlock(&scene, "l/1").await.unwrap();
    assert_eq!(scene.run(patient.answer()).await.unwrap().key, "l/3");
}

#[tokio::test]
async fn who_has_lost_its_key_is_told_when_its_turn_comes() {
    let scene = Scene::new();
    scene.grant(&[1, 2]).await;
    lock(&scene, 1).await.unwrap();
    let second = locking(&scene, 2);
    scene.until_keys("l/", &["l/1", "l/2"]).await;
    scene.delete("l/2").await;
    unlock(&scene, "l/1").await.unwrap();
    let refused = scene.run(second.answer()).await.unwrap_err();
    assert_eq!(told(&refused), (2, "mutex: session is expired"));
}

#[tokio::test]
async fn keys_that_clients_put_themselves_stand_in_the_same_queue() {
    let scene = Scene::new();
    scene.grant(&[5]).await;
    scene.put("l/zz", "").await;
    scene.put("l0", "of another name").await;
    scene.put("k", "of another name").await;
    let ours = locking(&scene, 5);
    scene.until_keys("l/", &["l/5", "l/zz"]).await;
    until_watched(&scene).await;
    // A change of the key before ours is no end of its turn, and one that comes later is not before ours.
    scene.put("l/zz", "changed").await;
    scene.put("l/aa", "").await;
    assert!(!ours.is_over());
    scene.delete("l/zz").await;
    assert_eq!(scene.run(ours.answer()).await.unwrap().key, "l/5");
}

#[tokio::test]
async fn an_empty_key_cannot_be_unlocked_and_the_refusal_has_no_code_of_its_own() {
    let scene = Scene::new();
    let refused = unlock(&scene, "").await.unwrap_err();
    assert_eq!(told(&refused), (2, "etcdserver: key is not provided"));
}

#[tokio::test]
async fn thousands_wait_with_a_watch_each_and_nothing_else() {
    const NAMES: i64 = 10;
    const WAITERS: i64 = 1000;
    let scene = Scene::new();
    let lease = |name: i64, waiter: i64| 1 + name * (WAITERS + 1) + waiter;
    let ids: Vec<i64> =
        (0..NAMES).flat_map(|name| (0..=WAITERS).map(move |waiter| lease(name, waiter))).collect();
    scene.grant(&ids).await;
    let begin = |name: i64, waiter: i64| {
        let mut client = client(&scene);
        let request = LockRequest { name: format!("l{name}").into(), lease: lease(name, waiter) };
        Calling::begin(async move { client.lock(request).await })
    };
    let mut calls = Vec::new();
    for name in 0..NAMES {
        scene.run(begin(name, 0).answer()).await.unwrap();
        calls.push((1..=WAITERS).map(|waiter| begin(name, waiter)).collect::<Vec<_>>());
    }
    while scene.keys("l").await.len() < ids.len() {
        scene.run(tokio::task::yield_now()).await;
    }
    assert!(calls.iter().flatten().all(|call| !call.is_over()));
    for name in 0..NAMES {
        scene.delete(&format!("l{name}/{:x}", lease(name, 0))).await;
    }
    for name in calls {
        let mut name = name.into_iter();
        assert!(scene.run(name.next().expect("there are many").answer()).await.is_ok());
        assert!(name.all(|call| !call.is_over()), "only the next in line is told");
    }
}
