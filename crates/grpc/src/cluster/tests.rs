use crate::scene::{Scene, header, told};
use quorate_coordinator::Unavailable;
use quorate_coordinator::testing::{MEMBER, Manner};
use quorate_proto::etcdserverpb::cluster_client::ClusterClient;
use quorate_proto::etcdserverpb::{
    Member, MemberAddRequest, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest,
    MemberUpdateRequest,
};

#[tokio::test]
async fn members_are_listed_under_a_header_without_a_revision() {
    let scene = Scene::new();
    let mut client = ClusterClient::new(scene.routes());
    let founder = Member {
        id: MEMBER.0,
        name: "seven".into(),
        peer_urls: vec!["http://seven:2380".into()],
        ..Member::default()
    };
    for linearizable in [true, false] {
        let list = client.member_list(MemberListRequest { linearizable });
        let reply = scene.run(list).await.unwrap().into_inner();
        assert_eq!((reply.header, reply.members), (header(0), vec![founder.clone()]));
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

#[tokio::test]
async fn changes_of_the_members_say_that_they_are_not_there_yet() {
    let scene = Scene::new();
    let mut client = ClusterClient::new(scene.routes());
    let add = client.member_add(MemberAddRequest::default()).await.unwrap_err();
    let remove = client.member_remove(MemberRemoveRequest::default()).await.unwrap_err();
    let update = client.member_update(MemberUpdateRequest::default()).await.unwrap_err();
    let promote = client.member_promote(MemberPromoteRequest::default()).await.unwrap_err();
    for (status, name) in
        [(add, "MemberAdd"), (remove, "MemberRemove"), (update, "MemberUpdate"), (promote, "MemberPromote")]
    {
        let text = format!("quorate: Cluster.{name} is not implemented yet");
        assert_eq!(told(&status), (12, text.as_str()));
    }
}
