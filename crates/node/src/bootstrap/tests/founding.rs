//! Members without data that found a cluster.

use super::super::{Beginning, Founding, InitialCluster, open};
use super::{Peer, beside, outcome, refusal, settings};
use quorate_raft::Node;
use std::collections::BTreeMap;

fn founding(name: &str, cluster: &str, token: &str) -> Founding {
    let (cluster, wrong) = InitialCluster::parse(cluster);
    assert!(wrong.is_empty(), "{wrong:?}");
    Founding::new(&cluster, name, token).unwrap()
}

/// Cluster and member, as they are printed.
fn ids(founding: &Founding) -> (String, String) {
    (founding.identity.cluster.to_string(), founding.identity.member.to_string())
}

#[test]
fn ids_are_those_that_etcd_computes() {
    let alone = founding("default", "default=http://localhost:2380", "etcd-cluster");
    assert_eq!(ids(&alone), ("cdf818194e3a8c32".into(), "8e9e05c52164694d".into()));
    // What etcd 3.5.1 says of the same settings.
    let cluster = "infra0=http://127.0.0.1:42380,infra0=http://127.0.0.1:4238,\
                   infra1=http://127.0.0.1:42381,infra2=http://127.0.0.1:42382";
    for (name, member) in
        [("infra0", "863b6bbcf417be17"), ("infra1", "5bf461d47ced50cb"), ("infra2", "e2908cad4b6e45d7")]
    {
        let founding = founding(name, cluster, "tok-1");
        assert_eq!(ids(&founding), ("4fab15b0df31da2f".into(), member.into()));
    }
}

#[test]
fn every_founder_computes_the_same_map() {
    let orders = [
        "a=http://a:10,a=http://a:9,b=http://b:1,c=http://c:1",
        "c=http://c:1, b=http://b:1, a=http://a:9, a=http://a:10",
        "b=http://b:1,a=http://a:9,,c=http://c:1/,a=http://a:10,",
    ];
    let maps: Vec<Founding> =
        orders.iter().zip(["a", "b", "c"]).map(|(order, name)| founding(name, order, "t")).collect();
    for map in &maps {
        assert_eq!(map.founders, maps[0].founders);
        assert_eq!(map.identity.cluster, maps[0].identity.cluster);
        let own = &map.founders[&map.identity.member.0];
        assert_eq!(map, &maps[["a", "b", "c"].iter().position(|name| own.name == *name).unwrap()]);
    }
    let urls: Vec<&[String]> = maps[0].founders.values().map(|node| node.peer_urls.as_slice()).collect();
    assert!(
        urls.contains(&["http://a:10".to_owned(), "http://a:9".to_owned()].as_slice()),
        "as texts: {urls:?}"
    );
}

#[test]
fn another_token_makes_another_cluster_of_other_members() {
    let [one, other] = ["t", "u"].map(|token| founding("a", "a=http://a:1,b=http://b:1", token));
    assert_ne!(one.identity.cluster, other.identity.cluster);
    assert!(one.founders.keys().all(|id| !other.founders.contains_key(id)));
}

/// Two founders: this one, and one that is there.
struct Pair {
    peer: Peer,
    flags: [String; 3],
    founding: Founding,
}

impl Pair {
    async fn new() -> Self {
        let mut peer = Peer::new("").await;
        let cluster = format!("a=http://127.0.0.1:2380,b={}", peer.url);
        let founding = founding("a", &cluster, "etcd-cluster");
        peer.headers[0].1 = founding.identity.cluster.to_string();
        let flags = [
            "--name=a".to_owned(),
            "--initial-advertise-peer-urls=http://127.0.0.1:2380".to_owned(),
            format!("--initial-cluster={cluster}"),
        ];
        Self { peer, flags, founding }
    }

    fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    /// Has the other one list both, this one with `more` fields.
    fn list(&mut self, more: &str) {
        let list = self.founding.founders.iter().map(|(id, node)| {
            let (name, url) = (&node.name, &node.peer_urls[0]);
            let more = if name == "a" { more } else { "" };
            format!(r#"{{"id":{id},"peerURLs":["{url}"],"name":"{name}"{more}}}"#)
        });
        self.peer.members = format!("[{}]\n", list.collect::<Vec<_>>().join(","));
    }

    async fn begins(&self) -> bool {
        outcome(&self.flags(), &[&self.peer]).await.unwrap() == Beginning::Founds(self.founding.clone())
    }

    async fn refusal(&self) -> String {
        refusal(&self.flags(), &[&self.peer]).await
    }
}

#[tokio::test]
async fn who_cannot_be_reached_or_says_nothing_is_no_obstacle() {
    let mut pair = Pair::new().await;
    assert!(pair.begins().await, "it has applied nothing yet");
    for members in ["null", "", "<html>", "{}", &"[".repeat(2 << 20)] {
        pair.peer.members = members.to_owned();
        assert!(pair.begins().await, "{members:.9}");
    }
    pair.peer.headers.clear();
    assert!(pair.begins().await, "who does not name a cluster is no member");
    let gone = Peer::gone().await;
    let cluster = format!("--initial-cluster=default=http://localhost:2380,b={gone}");
    let Beginning::Founds(founding) = outcome(&[&cluster], &[]).await.unwrap() else { panic!("it founds") };
    assert_eq!(founding.founders.len(), 2);
}

#[tokio::test]
async fn a_founder_that_was_given_the_same_is_no_obstacle() {
    let mut pair = Pair::new().await;
    pair.list("");
    assert!(pair.begins().await);
    pair.peer.members =
        pair.peer.members.replace(r#""name":"b""#, r#""name":"z","clientURLs":["http://b:2379"]"#);
    assert!(pair.begins().await, "who has started may go by another name");
}

#[tokio::test]
async fn a_founder_that_was_given_something_else_stops_the_start() {
    let mut pair = Pair::new().await;
    let (url, ours) = (pair.peer.url.clone(), pair.founding.identity.cluster);
    pair.list("");
    let (same, named) =
        (pair.peer.members.clone(), pair.peer.members.replace(r#""name":"b""#, r#""name":"z""#));
    let other_id = same.replace(&pair.founding.identity.member.0.to_string(), "1");
    for members in [named, same.replace(":2380", ":2381"), other_id, "[{\"id\":1}]".into()] {
        pair.peer.members = members;
        let told = pair.refusal().await;
        assert!(told.starts_with(&format!("{url} knows other members of cluster {ours}")), "{told}");
    }
    pair.peer.members = same;
    pair.peer.headers[0].1 = "c0ffee".into();
    let expected = format!(
        "{url} belongs to cluster c0ffee, and --initial-cluster with --initial-cluster-token makes cluster {ours}: all members of a new cluster must be given the same"
    );
    assert_eq!(pair.refusal().await, expected);
}

#[tokio::test]
async fn a_member_that_has_started_before_does_not_begin_again_without_its_data() {
    let mut pair = Pair::new().await;
    pair.list(r#","clientURLs":["http://a:2379"]"#);
    let told = pair.refusal().await;
    let expected = format!("member {} has already been bootstrapped", pair.founding.identity.member);
    assert!(told.starts_with(&expected), "{told}");
}

#[tokio::test]
async fn a_cluster_of_etcds_is_not_mixed_with() {
    let mut pair = Pair::new().await;
    pair.list("");
    pair.peer.headers.pop();
    assert!(pair.refusal().await.contains("is not served by Quorate"));
}

#[tokio::test]
async fn every_founder_is_asked_at_whichever_of_its_urls_answers() {
    let mut pair = Pair::new().await;
    let (gone, other) = (Peer::gone().await, Peer::new("c0ffee").await);
    let cluster = format!("{},b={gone},c={}", pair.flags[2], other.url);
    pair.flags[2] = cluster.clone();
    let (_, cluster) = cluster.split_once('=').unwrap();
    let three = founding("a", cluster, "etcd-cluster");
    pair.peer.headers[0].1 = three.identity.cluster.to_string();
    let told = refusal(&pair.flags(), &[&pair.peer, &other]).await;
    assert!(told.starts_with(&format!("{} belongs to cluster c0ffee", other.url)), "{told}");
    pair.peer.headers[0].1 = "dead".into();
    drop(other);
    let told = refusal(&pair.flags(), &[&pair.peer]).await;
    assert!(told.starts_with(&format!("{} belongs to cluster dead", pair.peer.url)), "{told}");
}

#[tokio::test]
async fn what_a_directory_began_as_it_stays_whatever_the_settings_and_others_say() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::new().await;
    let first = beside(&[&pair.peer], open(&settings(root.path(), &pair.flags()), "memory")).await.unwrap();
    assert_eq!((first.identity(), first.founders()), (&pair.founding.identity, &pair.founding.founders));
    drop(first);
    // Cut short before its log began, and given nonsense since.
    pair.peer.headers[0].1 = "c0ffee".into();
    let elsewhere = "--initial-advertise-peer-urls=http://nowhere.invalid:1";
    for flags in [
        &[][..],
        &["--name=z", "--initial-cluster=a", "--initial-cluster-state=existing", elsewhere],
        &["--initial-cluster=a=http://x:1,b=http://x:1", "--initial-cluster-token=other"],
        &["--initial-cluster=a=https://x:1"],
    ] {
        let again = beside(&[&pair.peer], open(&settings(root.path(), flags), "memory")).await.unwrap();
        assert_eq!((again.identity(), again.founders()), (&pair.founding.identity, &pair.founding.founders));
    }
}

#[tokio::test]
async fn who_is_refused_leaves_a_directory_that_can_begin_later() {
    let root = tempfile::tempdir().unwrap();
    let mut pair = Pair::new().await;
    let right = std::mem::replace(&mut pair.peer.headers[0].1, "c0ffee".into());
    let config = settings(root.path(), &pair.flags());
    assert!(beside(&[&pair.peer], open(&config, "memory")).await.is_err());
    pair.peer.headers[0].1 = right;
    assert!(beside(&[&pair.peer], open(&config, "memory")).await.unwrap().is_new());
}

#[tokio::test]
async fn who_is_alone_asks_nobody() {
    let Beginning::Founds(alone) =
        outcome(&["--name=a", "--initial-advertise-peer-urls=http://a.invalid:1"], &[]).await.unwrap()
    else {
        panic!("it founds")
    };
    let node = Node { name: "a".into(), peer_urls: vec!["http://a.invalid:1".into()], ..Node::default() };
    assert_eq!(alone.founders, BTreeMap::from([(alone.identity.member.0, node)]));
}
