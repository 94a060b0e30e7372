use crate::scene::{Reply, Scene};
use quorate_coordinator::testing::Manner;
use quorate_coordinator::{Alarm, AlarmChange, AlarmKind, Unavailable};
use quorate_types::MemberId;

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";

fn told(reply: &Reply) -> (u16, &str, &str) {
    (reply.status.as_u16(), reply.header("content-type"), &reply.text)
}

#[tokio::test]
async fn members_are_listed_as_etcd_lists_them() {
    let scene = Scene::new();
    let body = "[{\"id\":7,\"peerURLs\":[\"http://seven:2380\"],\"name\":\"seven\"}]\n";
    assert_eq!(told(&scene.ask_as_peer("GET", "/members").await), (200, JSON, body));
    scene.describe("septem", &["http://seven:2379", "http://seven:4001"]).await;
    let body = "[{\"id\":7,\"peerURLs\":[\"http://seven:2380\"],\"name\":\"septem\",\
                \"clientURLs\":[\"http://seven:2379\",\"http://seven:4001\"]}]\n";
    assert_eq!(told(&scene.ask_as_peer("GET", "/members").await), (200, JSON, body));
}

#[tokio::test]
async fn every_answer_says_of_which_cluster_it_is_and_whose_software() {
    let scene = Scene::new();
    for path in ["/members", "/version", "/health", "/nothing"] {
        for method in ["GET", "POST"] {
            let reply = scene.ask_as_peer(method, path).await;
            assert_eq!(reply.header("X-Etcd-Cluster-ID"), "c1", "{method} {path}");
            assert!(reply.header("server").starts_with("quorate/"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn facts_need_neither_a_leader_nor_an_answer_of_consensus() {
    let scene = Scene::leaderless();
    scene.consensus.behave(Manner::Refusing(Unavailable::LeaderChanged));
    for path in ["/members", "/version", "/health?serializable=true"] {
        assert_eq!(scene.ask_as_peer("GET", path).await.status, 200, "{path}");
    }
    let health = scene.ask_as_peer("GET", "/health").await;
    assert_eq!(told(&health), (503, PLAIN, "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n"));
}

#[tokio::test]
async fn versions_and_health_are_those_of_the_client_port() {
    let scene = Scene::new();
    scene.settle_version().await;
    let alarm = Alarm { kind: AlarmKind::NO_SPACE, member: MemberId(7) };
    scene.change_alarm(AlarmChange::Raise(alarm)).await;
    for path in ["/version", "/health", "/health?exclude=NOSPACE"] {
        let (peer, client) = (scene.ask_as_peer("GET", path).await, scene.get(path).await);
        assert_eq!(told(&peer), told(&client), "{path}");
    }
}

#[tokio::test]
async fn the_peer_port_has_nothing_of_the_client_port_besides() {
    let scene = Scene::new();
    for path in ["/", "/metrics", "/livez", "/readyz", "/members/", "/v3/kv/range"] {
        let reply = scene.ask_as_peer("GET", path).await;
        assert_eq!(told(&reply), (404, PLAIN, "404 page not found\n"), "{path}");
    }
    for path in ["/members", "/version", "/health"] {
        for method in ["POST", "HEAD", "PUT", "DELETE"] {
            let reply = scene.ask_as_peer(method, path).await;
            assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET"), "{method} {path}");
        }
    }
}
