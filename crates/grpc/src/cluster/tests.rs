use crate::scene::{Scene, header, told};
use quorate_coordinator::testing::{MEMBER, Manner};
use quorate_coordinator::{Consensus, NotReconfigured, Unavailable};
use quorate_proto::etcdserverpb::cluster_client::ClusterClient;
use quorate_proto::etcdserverpb::{
    Member, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberPromoteRequest,
    MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse, MemberUpdateRequest,
    MemberUpdateResponse,
};
use quorate_proto::log;
use quorate_types::MemberId;
use std::time::Duration;
use tonic::Request;

#[tokio::test]
async fn members_are_listed_under_a_header_without_a_revision() {
    let scene = Scene::new();
    let mut client = ClusterClient::new(scene.routes());
    for linearizable in [true, false] {
        let list = client.member_list(MemberListRequest { linearizable });
        let reply = scene.run(list).await.unwrap().into_inner();
        assert_eq!((reply.header, reply.members), (header(0), vec![founder()]));
    }
}

#[tokio::test]
async fn a_linearizable_list_needs_a_leader_and_another_does_not() {
    let scene = Scene::new();
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    let mut client = ClusterClient::new(scene.routes());
    let refused = scene.run(client.member_list(MemberListRequest { linearizable: true })).await.unwrap_err();
    assert_eq!(told(&refused), (14, "etcdserver: no leader"));
    assert!(scene.run(client.member_list(MemberListRequest { linearizable: false })).await.is_ok());
}

fn founder() -> Member {
    Member {
        id: MEMBER.0,
        name: "seven".into(),
        peer_urls: urls(&["http://seven:2380"]),
        ..Member::default()
    }
}

fn urls(urls: &[&str]) -> Vec<String> {
    urls.iter().map(|&url| url.to_owned()).collect()
}

fn add(peer_urls: &[&str], is_learner: bool) -> MemberAddRequest {
    MemberAddRequest { peer_urls: urls(peer_urls), is_learner }
}

#[tokio::test]
async fn each_change_is_answered_with_the_members_under_a_header_without_a_revision() {
    let scene = Scene::new();
    let mut client = ClusterClient::new(scene.routes());
    let added = scene.run(client.member_add(add(&["http://b:1", "http://a:1"], true))).await;
    let added = added.unwrap().into_inner();
    let mut new = Member {
        id: added.member.as_ref().unwrap().id,
        peer_urls: urls(&["http://a:1", "http://b:1"]),
        is_learner: true,
        ..Member::default()
    };
    let with = |new: &Member| {
        let mut members = vec![founder(), new.clone()];
        members.sort_by_key(|member| member.id);
        members
    };
    let expected = MemberAddResponse { header: header(0), member: Some(new.clone()), members: with(&new) };
    assert_eq!(added, expected);

    new.peer_urls = urls(&["http://c:1"]);
    let update = MemberUpdateRequest { id: new.id, peer_urls: new.peer_urls.clone() };
    let updated = scene.run(client.member_update(update)).await.unwrap().into_inner();
    assert_eq!(updated, MemberUpdateResponse { header: header(0), members: with(&new) });

    new.is_learner = false;
    let promoted = scene.run(client.member_promote(MemberPromoteRequest { id: new.id })).await;
    let expected = MemberPromoteResponse { header: header(0), members: with(&new) };
    assert_eq!(promoted.unwrap().into_inner(), expected);

    scene.consensus.connect(MemberId(new.id), None);
    let removed = scene.run(client.member_remove(MemberRemoveRequest { id: new.id })).await;
    let expected = MemberRemoveResponse { header: header(0), members: vec![founder()] };
    assert_eq!(removed.unwrap().into_inner(), expected);
}

/// A voter that was added is listed as one although it has no vote yet.
#[tokio::test]
async fn a_voter_that_is_still_to_catch_up_is_listed_as_a_voter() {
    let scene = Scene::new();
    let mut client = ClusterClient::new(scene.routes());
    let added = scene.run(client.member_add(add(&["http://a:1"], false))).await.unwrap().into_inner();
    let member = added.member.unwrap();
    assert!(!member.is_learner && scene.consensus.reader().newest().is_pending_voter(MemberId(member.id)));
    let refused = scene.run(client.member_promote(MemberPromoteRequest { id: member.id })).await.unwrap_err();
    assert_eq!(told(&refused), (9, "etcdserver: can only promote a learner member"));
}

#[tokio::test]
async fn what_cannot_be_changed_is_told_in_etcds_words() {
    let scene = Scene::new();
    let mut client = ClusterClient::new(scene.routes());
    let not_found = (5, "etcdserver: member not found");
    let not_started = (2, "etcdserver: re-configuration failed due to not enough started members");
    for (request, expected) in [
        (add(&[], false), (3, "etcdserver: given member URLs are invalid")),
        (add(&["http://a:1/x"], false), (3, "etcdserver: given member URLs are invalid")),
        (add(&["http://seven:2380"], false), (9, "etcdserver: Peer URLs already exists")),
    ] {
        let refused = scene.run(client.member_add(request)).await.unwrap_err();
        assert_eq!(told(&refused), expected);
    }
    let update = MemberUpdateRequest { id: 9, peer_urls: vec![] };
    assert_eq!(told(&scene.run(client.member_update(update)).await.unwrap_err()), not_found);
    let mut remove = async |id| client.member_remove(MemberRemoveRequest { id }).await.unwrap_err();
    assert_eq!(told(&scene.run(remove(9)).await), not_found);
    assert_eq!(told(&scene.run(remove(MEMBER.0)).await), not_started);

    let mut promote = async |id| scene.run(client.member_promote(MemberPromoteRequest { id })).await;
    assert_eq!(told(&promote(9).await.unwrap_err()), not_found);
    let voter = promote(MEMBER.0).await.unwrap_err();
    assert_eq!(told(&voter), (9, "etcdserver: can only promote a learner member"));
    let learner = log::Node { id: 3, is_learner: true, ..log::Node::default() };
    let this = log::Node { id: MEMBER.0, name: "seven".into(), ..log::Node::default() };
    scene.consensus.reform(vec![this, learner]);
    scene.consensus.set_back(NotReconfigured::NotInSync);
    let behind = promote(3).await.unwrap_err();
    let text = "etcdserver: can only promote a learner member which is in sync with leader";
    assert_eq!(told(&behind), (9, text));
    let refused = scene.run(client.member_add(add(&["http://a:1"], true))).await.unwrap_err();
    assert_eq!(told(&refused), (9, "etcdserver: too many learner members in cluster"));
}

/// Five seconds of connection are asked for, and a client's own deadline is told as such.
#[tokio::test]
async fn a_member_without_contact_adds_nobody() {
    let scene = Scene::new();
    let node = |id, name: &str| log::Node { id, name: name.into(), ..log::Node::default() };
    scene.consensus.reform(vec![node(MEMBER.0, "seven"), node(9, "nine")]);
    let mut client = ClusterClient::new(scene.routes());
    let unhealthy = (14, "etcdserver: unhealthy cluster");
    let refused = scene.run(client.member_add(add(&["http://a:1"], true))).await.unwrap_err();
    assert_eq!(told(&refused), unhealthy);
    scene.advance(Duration::from_secs(5));
    let refused = scene.run(client.member_add(add(&["http://a:1"], true))).await.unwrap_err();
    assert_eq!(told(&refused), unhealthy);
    scene.advance(Duration::from_secs(1));
    let mut request = Request::new(add(&["http://a:1"], true));
    request.metadata_mut().insert("grpc-timeout", "2S".parse().unwrap());
    let refused = scene.run_unanswered(Duration::from_secs(2), client.member_add(request)).await.unwrap_err();
    assert_eq!(told(&refused), (4, "context deadline exceeded"));
    scene.consensus.behave(Manner::Prompt);
    assert!(scene.run(client.member_add(add(&["http://a:1"], true))).await.is_ok());
}
