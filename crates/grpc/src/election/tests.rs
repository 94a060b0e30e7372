use crate::Services;
use crate::scene::{Calling, Scene, header, told};
use quorate_proto::mvccpb::KeyValue;
use quorate_proto::v3electionpb::election_client::ElectionClient;
use quorate_proto::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ResignRequest,
};
use tonic::{Status, Streaming};

fn client(scene: &Scene) -> ElectionClient<Services> {
    ElectionClient::new(scene.services())
}

fn candidate(lease: i64, value: &'static str) -> CampaignRequest {
    CampaignRequest { name: "e".into(), lease, value: value.into() }
}

fn office(lease: i64, rev: i64) -> LeaderKey {
    LeaderKey { name: "e".into(), key: format!("e/{lease:x}").into(), rev, lease }
}

async fn campaign(scene: &Scene, lease: i64, value: &'static str) -> Result<CampaignResponse, Status> {
    Ok(scene.run(client(scene).campaign(candidate(lease, value))).await?.into_inner())
}

fn campaigning(scene: &Scene, lease: i64, value: &'static str) -> Calling<Result<CampaignResponse, Status>> {
    let mut client = client(scene);
    Calling::begin(async move { Ok(client.campaign(candidate(lease, value)).await?.into_inner()) })
}

async fn proclaim(
    scene: &Scene,
    leader: Option<LeaderKey>,
    value: &'static str,
) -> Result<Option<i64>, Status> {
    let request = ProclaimRequest { leader, value: value.into() };
    let reply = scene.run(client(scene).proclaim(request)).await?.into_inner();
    Ok(reply.header.map(|header| header.revision))
}

async fn resign(scene: &Scene, leader: Option<LeaderKey>) -> Result<Option<i64>, Status> {
    let reply = scene.run(client(scene).resign(ResignRequest { leader })).await?.into_inner();
    Ok(reply.header.map(|header| header.revision))
}

async fn leader(scene: &Scene) -> Result<LeaderResponse, Status> {
    Ok(scene.run(client(scene).leader(LeaderRequest { name: "e".into() })).await?.into_inner())
}

async fn observe(scene: &Scene) -> Streaming<LeaderResponse> {
    scene.run(client(scene).observe(LeaderRequest { name: "e".into() })).await.unwrap().into_inner()
}

/// Revision of the header, key, value, `(create, mod)`.
type Said = (i64, String, String, (i64, i64));

fn shown(said: LeaderResponse) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let KeyValue { key, value, create_revision, mod_revision, .. } = said.kv.unwrap();
    (said.header.unwrap().revision, text(&key), text(&value), (create_revision, mod_revision))
}

fn said(revision: i64, lease: i64, value: &str, numbers: (i64, i64)) -> Said {
    (revision, format!("e/{lease:x}"), value.into(), numbers)
}

async fn next(scene: &Scene, stream: &mut Streaming<LeaderResponse>) -> Said {
    shown(scene.run(stream.message()).await.unwrap().expect("it goes on"))
}

#[tokio::test]
async fn who_comes_first_leads_and_says_so() {
    let scene = Scene::new();
    scene.grant(&[0x2b]).await;
    assert_eq!(told(&leader(&scene).await.unwrap_err()), (2, "election: no leader"));
    let won = campaign(&scene, 0x2b, "one").await.unwrap();
    assert_eq!(won, CampaignResponse { header: header(2), leader: Some(office(0x2b, 2)) });
    let led = leader(&scene).await.unwrap();
    assert_eq!(led.header, header(2));
    assert_eq!(led.kv.as_ref().map(|kv| kv.lease), Some(0x2b));
    assert_eq!(shown(led), said(2, 0x2b, "one", (2, 2)));
    assert_eq!(proclaim(&scene, won.leader.clone(), "two").await.unwrap(), Some(3));
    assert_eq!(shown(leader(&scene).await.unwrap()), said(3, 0x2b, "two", (2, 3)));
    assert_eq!(resign(&scene, won.leader.clone()).await.unwrap(), Some(4));
    assert_eq!(told(&leader(&scene).await.unwrap_err()), (2, "election: no leader"));
    let late = proclaim(&scene, won.leader.clone(), "three").await.unwrap_err();
    assert_eq!(told(&late), (2, "election: not leader"));
    assert_eq!(resign(&scene, won.leader).await.unwrap(), Some(4), "whoever does not lead may resign");
}

#[tokio::test]
async fn who_won_after_waiting_is_told_the_revision_at_which_it_joined() {
    let scene = Scene::new();
    scene.grant(&[1, 2]).await;
    let first = campaign(&scene, 1, "one").await.unwrap();
    let second = campaigning(&scene, 2, "two");
    scene.until_keys("e/", &["e/1", "e/2"]).await;
    assert_eq!(shown(leader(&scene).await.unwrap()), said(3, 1, "one", (2, 2)));
    resign(&scene, first.leader).await.unwrap();
    let won = scene.run(second.answer()).await.unwrap();
    assert_eq!(won, CampaignResponse { header: header(3), leader: Some(office(2, 3)) });
}

#[tokio::test]
async fn who_stands_already_says_the_new_value_from_now_on() {
    let scene = Scene::new();
    scene.grant(&[1]).await;
    campaign(&scene, 1, "one").await.unwrap();
    let same = campaign(&scene, 1, "one").await.unwrap();
    assert_eq!(same, CampaignResponse { header: header(2), leader: Some(office(1, 2)) });
    let other = campaign(&scene, 1, "two").await.unwrap();
    assert_eq!(other, CampaignResponse { header: header(2), leader: Some(office(1, 2)) });
    assert_eq!(shown(leader(&scene).await.unwrap()), said(3, 1, "two", (2, 3)));
}

#[tokio::test]
async fn a_candidate_that_goes_away_takes_its_key_along() {
    let scene = Scene::new();
    scene.grant(&[1, 2]).await;
    campaign(&scene, 1, "one").await.unwrap();
    let second = campaigning(&scene, 2, "two");
    scene.until_keys("e/", &["e/1", "e/2"]).await;
    drop(second);
    scene.until_keys("e/", &["e/1"]).await;
}

#[tokio::test]
async fn a_candidate_that_has_lost_its_key_is_not_told_that_it_leads() {
    let scene = Scene::new();
    scene.grant(&[1, 2]).await;
    campaign(&scene, 1, "one").await.unwrap();
    let second = campaigning(&scene, 2, "two");
    scene.until_keys("e/", &["e/1", "e/2"]).await;
    scene.delete("e/2").await;
    scene.delete("e/1").await;
    let refused = scene.run(second.answer()).await.unwrap_err();
    assert_eq!(told(&refused), (2, "election: not leader"));
}

#[tokio::test]
async fn nobody_proclaims_or_resigns_without_saying_as_whom() {
    let scene = Scene::new();
    let text = "\"leader\" field must be provided";
    assert_eq!(told(&proclaim(&scene, None, "one").await.unwrap_err()), (2, text));
    assert_eq!(told(&resign(&scene, None).await.unwrap_err()), (2, text));
}

#[tokio::test]
async fn an_observer_is_told_of_each_leader_and_of_what_it_says() {
    let scene = Scene::new();
    scene.grant(&[1, 2, 3]).await;
    let mut stream = observe(&scene).await;
    // While nobody leads it waits.
    let waiting = Calling::begin(async move { (stream.message().await, stream) });
    while !scene.consensus.is_watched() {
        scene.run(tokio::task::yield_now()).await;
    }
    // A client that keeps to the recipe itself puts its own key.
    scene.put("e/zz", "zero").await;
    let (told, mut stream) = scene.run(waiting.answer()).await;
    assert_eq!(shown(told.unwrap().unwrap()), (2, "e/zz".into(), "zero".into(), (2, 2)));
    let first = campaigning(&scene, 1, "one");
    scene.until_keys("e/", &["e/1", "e/zz"]).await;
    scene.put("e/zz", "nought").await;
    assert_eq!(next(&scene, &mut stream).await, (4, "e/zz".into(), "nought".into(), (2, 4)));
    scene.delete("e/zz").await;
    let first = scene.run(first.answer()).await.unwrap().leader;
    assert_eq!(next(&scene, &mut stream).await, said(5, 1, "one", (3, 3)));
    proclaim(&scene, first.clone(), "uno").await.unwrap();
    assert_eq!(next(&scene, &mut stream).await, said(6, 1, "uno", (3, 6)));
    resign(&scene, first).await.unwrap();
    campaign(&scene, 2, "two").await.unwrap();
    assert_eq!(next(&scene, &mut stream).await, said(8, 2, "two", (8, 8)));
    // Whoever begins to observe now is told who leads now.
    scene.put("other", "x").await;
    let mut later = observe(&scene).await;
    assert_eq!(next(&scene, &mut later).await, said(9, 2, "two", (8, 8)));
}
