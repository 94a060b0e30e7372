use crate::scene::{Reply, Scene};
use quorate_coordinator::Unavailable;
use quorate_coordinator::testing::Manner;

const PLAIN: &str = "text/plain; charset=utf-8";

fn told(reply: &Reply) -> (u16, &str, &str) {
    (reply.status.as_u16(), reply.header("content-type"), &reply.text)
}

#[tokio::test]
async fn the_version_is_etcds_to_the_byte_and_ours_is_in_a_header() {
    let reply = Scene::new().get("/version").await;
    let body = r#"{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}"#;
    assert_eq!(told(&reply), (200, "application/json", body));
    assert_eq!(reply.header("server"), concat!("quorate/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_member_that_serves_is_healthy() {
    let scene = Scene::new();
    for path in ["/health", "/health?serializable=true", "/health?exclude=NOSPACE&exclude=CORRUPT"] {
        let reply = scene.get(path).await;
        assert_eq!(told(&reply), (200, PLAIN, r#"{"health":"true","reason":""}"#), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "", "{path}");
    }
}

#[tokio::test]
async fn a_member_without_a_leader_is_ill_unless_only_its_own_state_is_asked_for() {
    let scene = Scene::leaderless();
    let reply = scene.get("/health").await;
    assert_eq!(told(&reply), (503, PLAIN, "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n"));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(scene.get("/health?serializable=true").await.status, 200);
    // Only the first of several counts.
    assert_eq!(scene.get("/health?serializable=false&serializable=true").await.status, 503);
}

#[tokio::test]
async fn a_read_that_fails_makes_a_member_ill_and_unready_but_alive() {
    let scene = Scene::new();
    scene.consensus.behave(Manner::Refusing(Unavailable::LeaderChanged));
    let health = scene.get("/health").await;
    let body = "{\"health\":\"false\",\"reason\":\"RANGE ERROR:etcdserver: leader changed\"}\n";
    assert_eq!(told(&health), (503, PLAIN, body));
    let body = "[+]data_corruption ok\n[+]serializable_read ok\n\
                [-]linearizable_read failed: etcdserver: leader changed\n[+]non_learner ok\n\n";
    assert_eq!(told(&scene.get("/readyz").await), (503, PLAIN, body));
    assert_eq!(told(&scene.get("/readyz?exclude=linearizable_read").await), (200, PLAIN, "ok\n"));
    assert_eq!(scene.get("/readyz/linearizable_read?exclude=linearizable_read").await.status, 503);
    assert_eq!(told(&scene.get("/livez").await), (200, PLAIN, "ok\n"));
    let metrics = scene.get("/metrics").await;
    assert_eq!(metrics.series("etcd_server_health_failures"), Some(1.0));
    let check = r#"etcd_server_healthcheck{name="linearizable_read",type="readyz"}"#;
    assert_eq!(metrics.series(check), Some(0.0));
    let checks = r#"etcd_server_healthchecks_total{name="linearizable_read",status="error",type="readyz"}"#;
    assert_eq!(metrics.series(checks), Some(2.0));
}

#[tokio::test]
async fn checks_are_listed_when_asked_for_and_asked_one_by_one() {
    let scene = Scene::new();
    let reply = scene.get("/readyz?verbose").await;
    let all =
        "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n";
    assert_eq!(told(&reply), (200, PLAIN, all));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    let some = scene.get("/readyz?verbose=&exclude=non_learner&exclude=nothing&exclude=data_corruption");
    let some = some.await;
    assert_eq!(some.text, "[+]serializable_read ok\n[+]linearizable_read ok\nok\n");
    let one = scene.get("/livez/serializable_read?verbose").await;
    assert_eq!(told(&one), (200, PLAIN, "[+]serializable_read ok\nok\n"));
    assert_eq!(scene.get("/livez/linearizable_read").await.status, 404);
}

#[tokio::test]
async fn other_methods_than_get_are_not_allowed() {
    let scene = Scene::new();
    for path in ["/version", "/health", "/livez", "/readyz", "/readyz/non_learner"] {
        for method in ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"] {
            let reply = scene.ask(method, path).await;
            let body = if method == "HEAD" { "" } else { "Method Not Allowed\n" };
            assert_eq!(told(&reply), (405, PLAIN, body), "{method} {path}");
            assert_eq!(reply.header("allow"), "GET", "{method} {path}");
        }
    }
    assert_eq!(scene.ask("POST", "/metrics").await.status, 200);
}

#[tokio::test]
async fn another_path_is_not_found_in_gos_words() {
    let scene = Scene::new();
    for path in ["/", "/v2/keys", "/version/", "/metrics/x"] {
        let reply = scene.get(path).await;
        assert_eq!(told(&reply), (404, PLAIN, "404 page not found\n"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
}
