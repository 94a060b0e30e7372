//! Members without data that join a cluster.

use super::super::Beginning;
use super::super::roster;
use super::{Peer, alone, outcome, refusal};
use crate::url::Url;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use quorate_coordinator::testing::LocalConsensus;
use quorate_coordinator::{Coordinator, Limits, Work};
use quorate_tasks::{Group, SystemClock};
use quorate_types::ClusterId;
use std::sync::Arc;
use std::time::Duration;

/// A cluster of one, whose member has been told of a second one, `b`, that is to join.
struct Scene {
    peer: Peer,
    flags: [String; 3],
}

const B: &str = "http://127.0.0.1:2380";

impl Scene {
    async fn new() -> Self {
        let peer = Peer::new("c1").await;
        let cluster = format!("--initial-cluster=a={},b={B}", peer.url);
        let flags = ["--name=b".to_owned(), "--initial-cluster-state=existing".to_owned(), cluster];
        let mut scene = Self { peer, flags };
        scene.list(&[(0xa, &scene.peer.url.clone(), "a"), (0xb, B, "")]);
        scene
    }

    fn list(&mut self, members: &[(u64, &str, &str)]) {
        let list = members.iter().map(|(id, urls, name)| {
            let urls = urls.replace(' ', "\",\"");
            format!(r#"{{"id":{id},"peerURLs":["{urls}"],"name":"{name}"}}"#)
        });
        self.peer.members = format!("[{}]\n", list.collect::<Vec<_>>().join(","));
    }

    fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    /// Cluster and member, as they are printed.
    async fn ids(&self) -> (String, String) {
        let beginning = outcome(&self.flags(), &[&self.peer]).await.unwrap();
        let Beginning::Joins(identity) = &beginning else { panic!("it must found nothing: {beginning:?}") };
        assert!(beginning.founders().is_empty());
        (identity.cluster.to_string(), identity.member.to_string())
    }

    async fn refusal(&self) -> String {
        refusal(&self.flags(), &[&self.peer]).await
    }
}

#[tokio::test]
async fn ids_are_those_that_the_cluster_gave() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.ids().await, ("c1".to_owned(), "b".to_owned()));
    scene.list(&[(0xd, B, ""), (0xe, &scene.peer.url.clone(), "another name")]);
    assert_eq!(scene.ids().await.1, "d", "places count, not names");
    // What it advertises is what it told the cluster when it was added, and is not compared again.
    scene.flags[0] = "--initial-advertise-peer-urls=http://elsewhere.invalid:1".into();
    scene.flags[2] = scene.flags[2].replace("b=", "default=");
    assert_eq!(scene.ids().await.1, "d");
}

#[tokio::test]
async fn counts_and_urls_must_match() {
    let mut scene = Scene::new().await;
    let a = scene.peer.url.clone();
    scene.list(&[(0xa, &a, "a")]);
    let cluster = format!(
        "{{ClusterID:c1 Members:[&{{ID:a RaftAttributes:{{PeerURLs:[{a}] IsLearner:false}} Attributes:{{Name:a ClientURLs:[]}}}}] RemovedMemberIDs:[]}}"
    );
    assert_eq!(
        scene.refusal().await,
        format!("error validating peerURLs {cluster}: member count is unequal")
    );
    scene.list(&[(0xa, &a, "a"), (0xb, "http://127.0.0.1:2381", "")]);
    let told = scene.refusal().await;
    let expected = format!(
        r#": PeerURLs: no match found for existing member (b, [http://127.0.0.1:2381]), last resolver error (resolved urls: "http://127.0.0.1:2381" != "{B}")"#
    );
    assert!(
        told.starts_with("error validating peerURLs {ClusterID:c1 ") && told.ends_with(&expected),
        "{told}"
    );
    scene.list(&[(0xa, &a, "a"), (0xb, &format!("{B} http://127.0.0.1:2381"), "")]);
    assert!(scene.refusal().await.contains("last resolver error (len("), "{}", scene.refusal().await);
    scene.list(&[(0xa, &a, "a"), (0xb, &a, "")]);
    assert!(
        scene.refusal().await.contains("no match found for existing member (b, "),
        "nobody is two members"
    );
    scene.list(&[(0xa, &a, "a"), (0xb, "https://127.0.0.1:2380", "")]);
    assert!(scene.refusal().await.contains("no match found for existing member (b, "));
}

#[tokio::test]
async fn the_first_that_answers_is_believed_and_somebody_must() {
    let mut scene = Scene::new().await;
    let (gone, a) = (Peer::gone().await, scene.peer.url.clone());
    scene.flags[2] = format!("--initial-cluster=b={B},a={a},c={gone}");
    scene.list(&[(0xa, &a, "a"), (0xc, &gone, "c"), (0xb, B, "")]);
    assert_eq!(scene.ids().await.1, "b");
    let none = "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs";
    let alone = format!("--initial-cluster=b={B},c={gone}");
    assert_eq!(refusal(&[&scene.flags[0], &scene.flags[1], &alone], &[]).await, none);
    scene.peer.members = "<html>".into();
    assert_eq!(scene.refusal().await, none);
    scene.peer.members = "null\n".into();
    let none =
        "cannot fetch cluster info from peer urls: failed to get raft cluster member(s) from the given URLs";
    assert_eq!(scene.refusal().await, none);
}

#[tokio::test]
async fn an_empty_directory_does_not_join_as_a_member_that_has_started_or_that_is_etcds() {
    let mut scene = Scene::new().await;
    let plain = scene.peer.members.clone();
    scene.peer.members = plain.replace(r#""name":"""#, r#""name":"b","clientURLs":["http://b:2379"]"#);
    assert!(scene.refusal().await.starts_with("member b has already been bootstrapped"));
    scene.peer.members = plain;
    scene.peer.headers.pop();
    assert!(scene.refusal().await.contains("is not served by Quorate"));
}

#[tokio::test]
async fn the_cluster_must_have_agreed_on_a_version_that_this_release_speaks() {
    let mut scene = Scene::new().await;
    for (version, fits) in
        [("3.0.0", true), ("3.7.0", true), ("3.8.0", false), ("2.3.0", false), ("not_decided", false)]
    {
        scene.peer.version = version;
        let begun = outcome(&scene.flags(), &[&scene.peer]).await;
        match begun {
            Ok(_) => assert!(fits, "{version}"),
            Err(error) => {
                assert_eq!(
                    (error.to_string().as_str(), fits),
                    ("incompatible with current running cluster", false)
                );
            }
        }
    }
}

#[tokio::test]
async fn what_a_member_tells_on_its_peer_port_is_understood() {
    let consensus = Arc::new(LocalConsensus::new().unwrap());
    let member = quorate_coordinator::testing::MEMBER;
    let work = Work::start(&Group::threads(), 1);
    let door = Coordinator::new(
        ClusterId(0xdf8_1819),
        member,
        consensus,
        Arc::new(SystemClock::new()),
        Limits::default(),
        work,
    );
    let peer = Peer::new("").await;
    let serve = async {
        let (stream, _) = peer.listener.accept().await.unwrap();
        let router = TowerToHyperService::new(quorate_http::peer::router(&door));
        drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), router).await);
        std::future::pending::<()>().await;
    };
    let url = Url::parse(&peer.url).unwrap();
    let roster = tokio::select! {
        roster = alone(async |outside| roster::ask(&url, Duration::from_secs(10), outside).await) => roster.unwrap(),
        () = serve => unreachable!("it is served for ever"),
    };
    assert_eq!((roster.cluster, roster.is_ours), (ClusterId(0xdf8_1819), true));
    let [listed] = roster.members.as_slice() else { panic!("{roster:?}") };
    assert_eq!((listed.id, listed.name.as_str(), listed.has_started()), (member.0, "seven", false));
    assert_eq!(listed.peer_urls, ["http://seven:2380"]);
}
