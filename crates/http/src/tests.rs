use crate::scene::{Reply, Scene};
use quorate_coordinator::testing::{MEMBER, Manner};
use quorate_coordinator::{Alarm, AlarmChange, AlarmKind, Unavailable};
use quorate_proto::log::Node;
use quorate_types::MemberId;

const PLAIN: &str = "text/plain; charset=utf-8";

fn told(reply: &Reply) -> (u16, &str, &str) {
    (reply.status.as_u16(), reply.header("content-type"), &reply.text)
}

#[tokio::test]
async fn the_version_is_etcds_to_the_byte_and_ours_is_in_a_header() {
    let scene = Scene::new();
    scene.settle_version().await;
    let reply = scene.get("/version").await;
    let body = r#"{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}"#;
    assert_eq!(told(&reply), (200, "application/json", body));
    assert_eq!(reply.header("server"), concat!("quorate/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn before_the_members_agree_on_a_version_there_is_none() {
    let scene = Scene::new();
    let body = r#"{"etcdserver":"3.7.1","etcdcluster":"not_decided","storage":"unknown"}"#;
    assert_eq!(told(&scene.get("/version").await), (200, "application/json", body));
    let series = r#"etcd_cluster_version{cluster_version="3.7"}"#;
    assert_eq!(scene.get("/metrics").await.series(series), None);
    scene.settle_version().await;
    assert_eq!(scene.get("/metrics").await.series(series), Some(1.0));
}

#[tokio::test]
async fn an_alarm_makes_a_member_ill_unless_it_is_excluded() {
    let scene = Scene::new();
    let alarm = |kind| Alarm { kind: AlarmKind(kind), member: MEMBER };
    scene.change_alarm(AlarmChange::Raise(alarm(1))).await;
    let ill = |reason| format!("{{\"health\":\"false\",\"reason\":\"{reason}\"}}\n");
    assert_eq!(told(&scene.get("/health").await), (503, PLAIN, ill("ALARM NOSPACE").as_str()));
    assert_eq!(scene.get("/health?exclude=NOSPACE").await.status, 200);
    assert_eq!(scene.get("/health?exclude=CORRUPT&exclude=&exclude=nospace").await.status, 503);
    assert_eq!(scene.get("/readyz").await.status, 200, "a full member is ready all the same");
    for (kind, name, reason) in [(2, "CORRUPT", "ALARM CORRUPT"), (7, "7", "ALARM UNKNOWN")] {
        scene.change_alarm(AlarmChange::Raise(alarm(kind))).await;
        let reply = scene.get("/health?exclude=NOSPACE").await;
        assert_eq!(told(&reply), (503, PLAIN, ill(reason).as_str()));
        let reply = scene.get(&format!("/health?exclude=NOSPACE&exclude={name}")).await;
        assert_eq!(reply.status, 200);
        scene.change_alarm(AlarmChange::Disarm(alarm(kind))).await;
    }
}

#[tokio::test]
async fn a_damaged_member_is_not_ready() {
    let scene = Scene::new();
    scene.change_alarm(AlarmChange::Raise(Alarm { kind: AlarmKind::CORRUPT, member: MEMBER })).await;
    let body = "[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n\
                [+]linearizable_read ok\n[+]non_learner ok\n\n";
    assert_eq!(told(&scene.get("/readyz").await), (503, PLAIN, body));
    assert_eq!(scene.get("/readyz?exclude=data_corruption").await.status, 200);
    assert_eq!(scene.get("/livez").await.status, 200);
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

#[tokio::test]
async fn what_goes_to_and_from_other_members_is_shown_under_etcds_names() {
    let metrics = Scene::new().get("/metrics").await;
    for (series, value) in [
        (r#"etcd_network_peer_sent_bytes_total{To="b0b"}"#, 7.0),
        (r#"etcd_network_peer_received_bytes_total{From="b0b"}"#, 8.0),
        (r#"etcd_network_peer_sent_failures_total{To="b0b"}"#, 9.0),
        (r#"etcd_network_peer_received_failures_total{From="b0b"}"#, 10.0),
        (r#"etcd_network_peer_round_trip_time_seconds_bucket{To="b0b",le="0.0001"}"#, 1.0),
        (r#"etcd_network_peer_round_trip_time_seconds_bucket{To="b0b",le="0.0002"}"#, 3.0),
        (r#"etcd_network_peer_round_trip_time_seconds_bucket{To="b0b",le="+Inf"}"#, 6.0),
        (r#"etcd_network_peer_round_trip_time_seconds_count{To="b0b"}"#, 6.0),
        (r#"etcd_network_peer_round_trip_time_seconds_sum{To="b0b"}"#, 0.012),
        ("etcd_server_leader_changes_seen_total", 1.0),
        ("etcd_server_is_learner", 0.0),
    ] {
        assert_eq!(metrics.series(series), Some(value), "{series}");
    }
}

#[tokio::test]
async fn a_learner_is_not_ready_and_says_so() {
    let scene = Scene::new();
    let node = |member: MemberId| Node { id: member.0, ..Node::default() };
    scene.consensus.reform(vec![node(MemberId(1)), Node { is_learner: true, ..node(MEMBER) }]);
    let reply = scene.get("/readyz/non_learner").await;
    assert_eq!(told(&reply), (503, PLAIN, "[-]non_learner failed: not supported for learner\n\n"));
    assert_eq!(scene.get("/metrics").await.series("etcd_server_is_learner"), Some(1.0));
    assert_eq!(scene.get("/livez").await.status, 200);
}
