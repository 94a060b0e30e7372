use super::*;
use crate::MembershipRefusal;
use crate::consensus::{NotMoved, NotReconfigured};
use quorate_proto::log;
use quorate_state_machine::Member;
use quorate_tasks::testing::Seed;
use std::collections::{BTreeMap, BTreeSet};

const OTHER: MemberId = MemberId(9);

fn urls(urls: &[&str]) -> Vec<String> {
    urls.iter().map(|&url| url.to_owned()).collect()
}

/// A voter that has started.
fn voter(id: MemberId) -> log::Node {
    log::Node {
        id: id.0,
        name: format!("m{id}"),
        peer_urls: urls(&[&format!("http://m{id}:2380")]),
        ..log::Node::default()
    }
}

fn learner(id: MemberId) -> log::Node {
    log::Node { is_learner: true, ..voter(id) }
}

/// This member and another voter, connected for long.
fn pair() -> Scene {
    let scene = scene(Limits::default());
    scene.consensus.reform(vec![voter(MEMBER), voter(OTHER)]);
    scene.clock.advance(Duration::from_secs(60));
    scene
}

impl Scene {
    fn call(&self) -> Call {
        Call { identity: Identity::Anonymous, deadline: self.clock.now() + Duration::from_secs(7) }
    }

    async fn add(&self, peer_urls: &[&str], is_learner: bool) -> Result<(MemberId, Vec<Member>), Error> {
        self.run(self.door.member_add(&self.call(), &urls(peer_urls), is_learner)).await
    }

    /// `work`'s answer; time passes, a second at a time, whenever it waits for that.
    async fn run_on<F: Future>(&self, work: F) -> F::Output {
        let passing = async {
            loop {
                while self.clock.sleepers() == 0 {
                    tokio::task::yield_now().await;
                }
                self.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = self.run(work) => answer,
            () = passing => unreachable!("time passes for ever"),
        }
    }
}

fn ids(members: &[Member]) -> Vec<u64> {
    members.iter().map(|member| member.id).collect()
}

#[tokio::test]
async fn a_new_member_has_an_id_by_its_urls_and_the_second_and_no_name() {
    let scene = scene(Limits::default());
    scene.clock.advance(Duration::from_millis(472_662_245_999));
    let (id, members) = scene.add(&[" http://10.0.0.8:2379 "], false).await.unwrap();
    assert_eq!(id, MemberId(2_448_790_162_483_548_276), "as etcd computes it at 1984-12-23T15:04:05Z");
    let expected = Member {
        id: id.0,
        peer_urls: urls(&["http://10.0.0.8:2379"]),
        is_learner: false,
        name: String::new(),
        client_urls: vec![],
    };
    assert_eq!(members[1], expected);
    assert_eq!(scene.run(scene.door.members(&scene.call(), true)).await, Ok(members));
    let newest = scene.consensus.reader().newest();
    assert!(newest.is_pending_voter(id), "it has no vote before it has caught up");
}

#[tokio::test]
async fn members_come_change_and_go_for_ever() {
    let scene = scene(Limits::default());
    let (id, members) = scene.add(&["http://b:1", "http://a:1"], true).await.unwrap();
    let added = members.iter().find(|member| member.id == id.0).unwrap();
    assert_eq!((added.is_learner, &added.peer_urls), (true, &urls(&["http://a:1", "http://b:1"])));
    scene
        .run(async {
            let call = scene.call();
            let updated = scene.door.member_update(&call, id, urls(&["anything"])).await.unwrap();
            let updated = updated.iter().find(|member| member.id == id.0).unwrap();
            assert_eq!((updated.is_learner, &updated.peer_urls), (true, &urls(&["anything"])));
            let promoted = scene.door.member_promote(&call, id).await.unwrap();
            assert!(promoted.iter().all(|member| !member.is_learner));
            scene.consensus.introduce(id, "new");
            scene.consensus.connect(id, None);
            assert_eq!(ids(&scene.door.member_remove(&call, id).await.unwrap()), [MEMBER.0]);
            let not_found = Err(MembershipRefusal::MemberNotFound.into());
            assert_eq!(scene.door.member_remove(&call, id).await, not_found);
            assert_eq!(scene.door.member_update(&call, id, vec![]).await, not_found);
            assert_eq!(scene.door.member_promote(&call, id).await, not_found);
        })
        .await;
}

/// The URLs whatever there is; then, at once, whether a quorum would be left; then, after a round with the others, the rest.
#[tokio::test]
async fn checks_come_in_etcds_order() {
    let scene = pair();
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    let taken = "http://m9:2380";
    assert_eq!(scene.add(&[], true).await, Err(Invalid::PeerUrls.into()));
    assert_eq!(scene.add(&[taken, "a:1"], true).await, Err(Invalid::PeerUrls.into()));
    scene.consensus.connect(OTHER, None);
    assert_eq!(scene.add(&[taken], true).await, Err(MembershipRefusal::Unhealthy.into()));
    scene.consensus.connect(OTHER, Some(Moment::default()));
    assert_eq!(scene.add(&[taken], true).await, Err(Unavailable::NoLeader.into()));
    scene.consensus.behave(Manner::Prompt);
    assert_eq!(scene.add(&[taken], true).await, Err(MembershipRefusal::PeerUrlExists.into()));
    let (_, members) = scene.add(&["http://c:1"], true).await.unwrap();
    assert_eq!(members.len(), 3);
    assert_eq!(scene.add(&["http://d:1"], true).await, Err(MembershipRefusal::TooManyLearners.into()));
    assert!(scene.add(&["http://d:1"], false).await.is_ok(), "who waits for a vote is no learner");
}

#[tokio::test]
async fn without_strict_reconfiguration_nobody_counts_who_is_there() {
    let limits = Limits { strict_reconfiguration: false, learners_max: 2, ..Limits::default() };
    let scene = scene(limits);
    scene.consensus.reform(vec![voter(MEMBER), voter(OTHER), learner(MemberId(3))]);
    scene.consensus.connect(OTHER, None);
    assert_eq!(scene.add(&["http://c:1"], true).await.unwrap().1.len(), 4);
    let too_many = Err(MembershipRefusal::TooManyLearners.into());
    assert_eq!(
        scene.add(&["http://d:1"], true).await,
        too_many,
        "what makes no sense is refused all the same"
    );
    let left = scene.run(scene.door.member_remove(&scene.call(), MEMBER)).await.unwrap();
    assert!(!ids(&left).contains(&MEMBER.0));
}

#[tokio::test]
async fn a_change_waits_for_another_one_and_is_judged_anew() {
    let scene = pair();
    let call = scene.call();
    scene.consensus.set_back(NotReconfigured::InProgress);
    scene.consensus.set_back(NotReconfigured::InProgress);
    let asked = urls(&["http://c:1"]);
    let (id, _) = scene.run_on(scene.door.member_add(&call, &asked, true)).await.unwrap();

    scene.consensus.set_back(NotReconfigured::InProgress);
    let overtaken = urls(&["http://d:1"]);
    let mut waiting = Box::pin(scene.door.member_add(&call, &overtaken, false));
    assert!(futures::poll!(&mut waiting).is_pending());
    let d = log::Node { peer_urls: overtaken.clone(), ..voter(MemberId(4)) };
    scene.consensus.reform(vec![voter(MEMBER), voter(OTHER), learner(id), d]);
    assert_eq!(scene.run_on(waiting).await, Err(MembershipRefusal::PeerUrlExists.into()));
}

#[tokio::test]
async fn a_change_that_is_never_made_ends_by_its_deadline() {
    let scene = pair();
    for _ in 0..1000 {
        scene.consensus.set_back(NotReconfigured::InProgress);
    }
    let (call, asked) = (scene.call(), urls(&["http://c:1"]));
    let told = scene.run_on(scene.door.member_add(&call, &asked, true)).await;
    assert_eq!(told, Err(Unavailable::TimedOut.into()));
    assert!(scene.clock.now() >= call.deadline);
}

/// As of a proposal, whichever step it was: here the round with the others.
#[tokio::test]
async fn a_change_cut_off_from_the_leader_is_told_so() {
    let scene = pair();
    scene.consensus.behave(Manner::Silent);
    scene.consensus.stand(Standing { connected: None, ..scene.consensus.standing() });
    let (call, asked) = (scene.call(), urls(&["http://c:1"]));
    let told = scene.run_on(scene.door.member_add(&call, &asked, true)).await;
    assert_eq!(told, Err(Unavailable::TimedOutCutOff.into()));
}

#[tokio::test]
async fn what_consensus_says_of_a_change_is_told() {
    let scene = pair();
    scene.consensus.reform(vec![voter(MEMBER), voter(OTHER), learner(MemberId(3))]);
    for (setback, error) in [
        (NotReconfigured::NotInSync, Error::Membership(MembershipRefusal::LearnerNotReady)),
        (Unavailable::LeaderChanged.into(), Unavailable::LeaderChanged.into()),
        (Unavailable::TimedOut.into(), Unavailable::TimedOut.into()),
    ] {
        scene.consensus.set_back(setback);
        let told = scene.run(scene.door.member_promote(&scene.call(), MemberId(3))).await;
        assert_eq!(told, Err(error));
    }
    assert!(scene.run(scene.door.member_promote(&scene.call(), MemberId(3))).await.is_ok());
}

#[tokio::test]
async fn a_leader_hands_over_to_a_voter_and_to_nobody_else() {
    let scene = pair();
    let waits = log::Node { is_pending_voter: true, ..learner(MemberId(4)) };
    scene.consensus.reform(vec![voter(MEMBER), voter(OTHER), learner(MemberId(3)), waits]);
    let leader = || scene.consensus.standing().leader;
    scene
        .run(async {
            let call = scene.call();
            for nobody in [3, 4, 5] {
                let told = scene.door.move_leader(&call, MemberId(nobody)).await;
                assert_eq!(told, Err(NotMoved::BadTransferee), "{nobody}");
            }
            assert_eq!(scene.door.move_leader(&call, MEMBER).await, Ok(()));
            scene.consensus.behave(Manner::Refusing(Unavailable::Stopped));
            let told = scene.door.move_leader(&call, OTHER).await;
            assert_eq!(told, Err(NotMoved::Unavailable(Unavailable::Stopped)));
            assert_eq!(leader(), Some(MEMBER));
            scene.consensus.behave(Manner::Prompt);
            assert_eq!(scene.door.move_leader(&call, OTHER).await, Ok(()));
            assert_eq!(leader(), Some(OTHER));
            assert_eq!(scene.door.move_leader(&call, OTHER).await, Err(NotMoved::NotLeader));
        })
        .await;
}

#[tokio::test]
async fn a_hand_over_that_never_ends_ends_by_its_deadline() {
    let scene = pair();
    scene.consensus.behave(Manner::Silent);
    let call = scene.call();
    let told = scene.run_on(scene.door.move_leader(&call, OTHER)).await;
    assert_eq!(told, Err(NotMoved::TimedOut));
    assert!(scene.clock.now() >= call.deadline);
}

#[tokio::test]
async fn a_member_knows_whether_it_is_a_learner() {
    let scene = scene(Limits::default());
    let waits = log::Node { is_pending_voter: true, ..learner(MEMBER) };
    for (here, is_learner) in
        [(Some(voter(MEMBER)), false), (Some(learner(MEMBER)), true), (Some(waits), false), (None, false)]
    {
        let nodes = [voter(OTHER)].into_iter().chain(here).collect();
        scene.consensus.reform(nodes);
        assert_eq!(scene.door.is_learner(), is_learner);
    }
}

/// What is known of a member besides its id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    peer_urls: Vec<String>,
    is_learner: bool,
}

/// A change that somebody asks for, whether or not it makes sense.
#[derive(Debug)]
enum Asked {
    Add(Vec<String>, bool),
    Promote(MemberId),
    Remove(MemberId),
    Update(MemberId, Vec<String>),
}

/// One of a few URLs, so that they collide, and one of all ids there ever were.
fn any_change(seed: &mut Seed, ever: &[MemberId]) -> Asked {
    let peer_urls = vec![format!("http://h{}:1", seed.below(6))];
    let member = ever[seed.below(ever.len())];
    match seed.below(6) {
        0 | 1 => Asked::Add(peer_urls, seed.below(2) == 0),
        2 | 3 => Asked::Promote(member),
        4 => Asked::Remove(member),
        _ => Asked::Update(member, peer_urls),
    }
}

impl Scene {
    /// Asks for `change`, and does the same to `model` if it is made.
    async fn ask(&self, change: &Asked, model: &mut BTreeMap<MemberId, Known>) -> Result<(), Error> {
        let call = self.call();
        match change {
            Asked::Add(peer_urls, is_learner) => {
                let added = self.run(self.door.member_add(&call, peer_urls, *is_learner)).await?;
                let known = Known { peer_urls: peer_urls.clone(), is_learner: *is_learner };
                assert_eq!(model.insert(added.0, known), None, "ids are new");
            }
            Asked::Promote(member) => {
                self.run(self.door.member_promote(&call, *member)).await?;
                model.get_mut(member).unwrap().is_learner = false;
            }
            Asked::Remove(member) => {
                self.run(self.door.member_remove(&call, *member)).await?;
                assert!(model.remove(member).is_some());
            }
            Asked::Update(member, peer_urls) => {
                self.run(self.door.member_update(&call, *member, peer_urls.clone())).await?;
                model.get_mut(member).unwrap().peer_urls.clone_from(peer_urls);
            }
        }
        Ok(())
    }
}

/// Whatever is asked for: the members are those of the changes that were made, no two share a URL, nobody returns, there
/// are no more learners than may be, and there is a vote.
#[tokio::test]
async fn no_changes_leave_the_members_in_disorder() {
    let (mut made, mut refused) = (0, 0);
    for number in 0..100 {
        let mut seed = Seed::new(number);
        let limits =
            Limits { strict_reconfiguration: seed.below(2) == 0, learners_max: 2, ..Limits::default() };
        let scene = scene(limits);
        let founder = Known { peer_urls: urls(&["http://seven:2380"]), is_learner: false };
        let (mut model, mut ever) = (BTreeMap::from([(MEMBER, founder)]), vec![MEMBER, MemberId(5)]);
        for _ in 0..60 {
            scene.clock.advance(Duration::from_secs(7)); // each new id has its second
            let change = any_change(&mut seed, &ever);
            match scene.ask(&change, &mut model).await {
                Ok(()) => made += 1,
                Err(_) => refused += 1,
            }
            let newest = scene.consensus.reader().newest();
            let new: Vec<MemberId> = model.keys().copied().filter(|id| !ever.contains(id)).collect();
            ever.extend(new);
            let known = |member: &Member| {
                let peer_urls = member.peer_urls.clone();
                (MemberId(member.id), Known { peer_urls, is_learner: member.is_learner })
            };
            let listed: BTreeMap<_, _> = newest.members().map(known).collect();
            assert_eq!(listed, model, "seed {number}: {change:?}");
            let urls: Vec<&String> = model.values().flat_map(|known| &known.peer_urls).collect();
            let distinct: BTreeSet<&String> = urls.iter().copied().collect();
            assert_eq!(urls.len(), distinct.len(), "seed {number}: {change:?}");
            assert!(model.keys().all(|id| !newest.is_removed(*id)), "seed {number}: {change:?}");
            let learners = model.values().filter(|known| known.is_learner).count();
            let has_vote = |id: &MemberId| !model[id].is_learner && !newest.is_pending_voter(*id);
            assert!(learners <= 2 && model.keys().any(has_vote), "seed {number}: {change:?}");
            if let Some(id) = model.keys().nth(seed.below(model.len())) {
                scene.consensus.introduce(*id, "somebody");
            }
        }
    }
    assert!(made > 500 && refused > 500, "both happen: {made} {refused}");
}
