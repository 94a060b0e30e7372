use super::*;
use crate::machine::tests::{Scene, describe};
use crate::{Payload, spaces};
use proptest::prelude::*;

/// What a membership entry says of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Voter,
    Learner,
    PendingVoter,
}

use Part::{Learner, PendingVoter, Voter};

fn membership(parts: &[(u64, Part)]) -> Payload {
    let voters = parts.iter().filter(|(_, part)| *part == Voter).map(|(id, _)| *id).collect();
    let node = |&(id, part): &(u64, Part)| log::Node {
        id,
        name: String::new(),
        peer_urls: vec![format!("http://{id}:2380")],
        is_learner: part != Voter,
        is_pending_voter: part == PendingVoter,
    };
    let nodes = parts.iter().map(node).collect();
    Payload::Membership(log::Membership { configs: vec![log::VoterSet { voters }], nodes })
}

/// What readers see: the members, those of them that wait for a vote, and the ids that are gone.
fn seen(scene: &Scene) -> (Vec<(u64, Part)>, Vec<u64>) {
    let newest = scene.state.reader().newest();
    let part = |member: &Member| match (member.is_learner, newest.is_pending_voter(MemberId(member.id))) {
        (false, false) => Voter,
        (true, false) => Learner,
        (false, true) => PendingVoter,
        (true, true) => panic!("{member:?} is listed as a voter while it waits for its vote"),
    };
    let listed = newest.members().map(|member| (member.id, part(member))).collect();
    (listed, newest.removed_members().map(|id| id.0).collect())
}

fn again(scene: Scene) -> Scene {
    Scene { index: scene.index, ..Scene::on(scene.engine) }
}

/// Law A7.
#[test]
fn who_is_not_in_a_membership_is_removed_and_never_returns() {
    let mut scene = Scene::new();
    scene.apply(membership(&[(0x0a, Voter), (0xbeef, Learner)]));
    scene.run([describe(0x0a, "ann"), describe(0xbeef, "bob")]);
    scene.apply(membership(&[(0x0a, Voter)]));
    let left = (vec![(0x0a, Voter)], vec![0xbeef]);
    assert_eq!(seen(&scene), left);
    let records = scene.contents();
    let ann = r#"{"id":10,"peerURLs":["http://10:2380"],"name":"ann","clientURLs":["http://ann:2379"]}"#;
    assert_eq!(records[spaces::MEMBERS.ordinal()].1, [("a".into(), ann.into())]);
    assert_eq!(records[spaces::MEMBERS_REMOVED.ordinal()].1, [("beef".into(), "removed".into())]);
    scene.run([describe(0xbeef, "bob")]);
    scene.apply(membership(&[(0x0a, Voter), (0xbeef, PendingVoter)]));
    assert_eq!(seen(&scene), left, "neither by what it says itself nor by a membership");
    let scene = again(scene);
    assert_eq!(seen(&scene), left, "nor by a restart");
    let newest = scene.state.reader().newest();
    assert!(newest.is_removed(MemberId(0xbeef)) && newest.member(MemberId(0xbeef)).is_none());
}

#[test]
fn a_pending_voter_is_listed_as_a_voter_and_its_record_says_nothing_more() {
    let mut scene = Scene::new();
    scene.apply(membership(&[(1, Voter), (2, PendingVoter), (3, Learner)]));
    let all = vec![(1, Voter), (2, PendingVoter), (3, Learner)];
    assert_eq!(seen(&scene), (all.clone(), vec![]));
    let records = &scene.contents()[spaces::MEMBERS.ordinal()].1;
    assert_eq!(records[1].1, r#"{"id":2,"peerURLs":["http://2:2380"]}"#);
    let reader = scene.state.reader();
    assert_eq!([1, 2, 3, 4].map(|id| reader.is_learner(MemberId(id))), [false, false, true, false]);
    let mut scene = again(scene);
    assert_eq!(seen(&scene), (all, vec![]), "a restart knows who waits");
    scene.apply(membership(&[(1, Voter), (2, Voter), (3, PendingVoter)]));
    let promoted = vec![(1, Voter), (2, Voter), (3, PendingVoter)];
    assert_eq!(seen(&scene), (promoted.clone(), vec![]));
    scene.apply(membership(&[(1, Voter), (2, Voter)]));
    assert_eq!(seen(&again(scene)), (promoted[..2].to_vec(), vec![3]));
}

#[test]
fn who_has_a_vote_does_not_wait_for_one_whatever_is_said() {
    let mut scene = Scene::new();
    let node = |id| log::Node { id, is_pending_voter: true, ..log::Node::default() };
    let configs = vec![log::VoterSet { voters: vec![1] }, log::VoterSet { voters: vec![1, 2] }];
    let nodes = vec![node(1), node(2), node(3)];
    scene.apply(Payload::Membership(log::Membership { configs, nodes }));
    assert_eq!(seen(&scene).0, [(1, Voter), (2, Voter), (3, PendingVoter)]);
}

#[test]
fn new_peer_urls_change_nothing_else() {
    let mut scene = Scene::new();
    scene.apply(membership(&[(1, Voter)]));
    scene.run([describe(1, "one")]);
    let configs = vec![log::VoterSet { voters: vec![1] }];
    let node = log::Node { id: 1, peer_urls: vec!["http://b:1".into()], ..log::Node::default() };
    scene.apply(Payload::Membership(log::Membership { configs, nodes: vec![node] }));
    let newest = scene.state.reader().newest();
    let expected = Member {
        id: 1,
        peer_urls: vec!["http://b:1".into()],
        is_learner: false,
        name: "one".into(),
        client_urls: vec!["http://one:2379".into()],
    };
    assert_eq!(newest.member(MemberId(1)), Some(&expected));
}

fn any_membership() -> impl Strategy<Value = Vec<(u64, Part)>> {
    let part = prop::option::of(prop::sample::select(vec![Voter, Learner, PendingVoter]));
    prop::collection::vec(part, 6).prop_map(|parts| {
        let named = (1..).zip(parts).filter_map(|(id, part)| Some((id, part?)));
        named.collect()
    })
}

proptest! {
    /// Whatever the memberships, also with restarts between them: an id lives once.
    #[test]
    fn an_id_is_listed_from_its_first_membership_to_the_first_without_it(
        memberships in prop::collection::vec(any_membership(), 1..10),
        every in 1..4usize,
    ) {
        let mut scene = Scene::new();
        let (mut listed, mut removed) = (BTreeSet::new(), BTreeSet::new());
        for (at, parts) in memberships.into_iter().enumerate() {
            let named: BTreeSet<u64> = parts.iter().map(|(id, _)| *id).collect();
            removed.extend(listed.difference(&named).copied());
            let left: Vec<(u64, Part)> = parts.iter().copied().filter(|(id, _)| !removed.contains(id)).collect();
            listed = left.iter().map(|(id, _)| *id).collect();
            scene.apply(membership(&parts));
            prop_assert_eq!(seen(&scene), (left.clone(), removed.iter().copied().collect()));
            if at % every == 0 {
                scene = again(scene);
                prop_assert_eq!(seen(&scene), (left, removed.iter().copied().collect()));
            }
        }
    }
}

#[test]
fn a_member_is_stored_as_etcd_stores_it() {
    let member = Member {
        id: 10_276_657_743_932_975_437,
        peer_urls: vec!["http://localhost:2380".into()],
        is_learner: false,
        name: "default".into(),
        client_urls: vec!["http://localhost:2379".into()],
    };
    assert_eq!(
        serde_json::to_string(&member).unwrap(),
        r#"{"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default","clientURLs":["http://localhost:2379"]}"#
    );
}

#[test]
fn a_member_that_never_started_has_no_name() {
    let stored = r#"{"id":7,"peerURLs":["http://a:1"],"isLearner":true}"#;
    let member: Member = serde_json::from_str(stored).unwrap();
    assert!(member.is_learner && member.name.is_empty() && member.client_urls.is_empty());
    assert_eq!(serde_json::to_string(&member).unwrap(), stored);
}
