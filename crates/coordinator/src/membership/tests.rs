use super::*;
use crate::consensus::Consensus;
use crate::testing::{LocalConsensus, MEMBER};
use quorate_proto::log;
use std::collections::BTreeMap;

const NOW: Moment = Moment(Duration::from_secs(100));

/// A cluster as a line says: `1 2:down 3:new 4:learner`. Without more, a member is a voter that has started, and has been
/// connected for long to the member that is asked, which is the first. Besides there are `young`, connected for five seconds
/// and no more, and `pending`, a voter-to-be.
struct Cluster {
    consensus: LocalConsensus,
    here: MemberId,
    since: BTreeMap<MemberId, Option<Moment>>,
}

impl Cluster {
    fn of(line: &str) -> Self {
        let parsed = line.split(' ').map(|member| {
            let mut words = member.split(':');
            let id: u64 = words.next().unwrap().parse().unwrap();
            (id, words.collect::<Vec<_>>())
        });
        let parsed: Vec<(u64, Vec<&str>)> = parsed.collect();
        let consensus = LocalConsensus::new().unwrap();
        let nodes = parsed.iter().map(|(id, words)| log::Node {
            id: *id,
            name: if words.contains(&"new") { String::new() } else { format!("m{id}") },
            peer_urls: vec![url(*id)],
            is_learner: words.contains(&"learner") || words.contains(&"pending"),
            is_pending_voter: words.contains(&"pending"),
        });
        consensus.reform(nodes.collect());
        let since = parsed.iter().map(|(id, words)| {
            let since = match words.as_slice() {
                words if words.contains(&"down") => None,
                words if words.contains(&"young") => Some(Moment(NOW.0 - SETTLED)),
                _ => Some(Moment::default()),
            };
            (MemberId(*id), since)
        });
        let since = since.collect();
        Self { consensus, here: MemberId(parsed[0].0), since }
    }

    fn keeps_quorum(&self, change: &Reconfiguration) -> Result<(), Refusal> {
        let since = |other| self.since.get(&other).copied().flatten();
        let contact = Contact { here: self.here, now: NOW, since: &since };
        keeps_quorum(change, &self.consensus.reader().newest(), &contact)
    }

    fn fits(&self, change: &Reconfiguration, learners_max: usize) -> Result<(), Refusal> {
        fits(change, &self.consensus.reader().newest(), learners_max)
    }
}

fn url(id: u64) -> String {
    format!("http://m{id}:2380")
}

fn add(id: u64, urls: &[String]) -> Reconfiguration {
    Reconfiguration::Add { member: MemberId(id), peer_urls: urls.to_vec(), is_learner: false }
}

fn add_learner(id: u64, urls: &[String]) -> Reconfiguration {
    Reconfiguration::Add { member: MemberId(id), peer_urls: urls.to_vec(), is_learner: true }
}

fn promote(id: u64) -> Reconfiguration {
    Reconfiguration::Promote { member: MemberId(id) }
}

fn remove(id: u64) -> Reconfiguration {
    Reconfiguration::Remove { member: MemberId(id) }
}

fn update(id: u64, urls: &[String]) -> Reconfiguration {
    Reconfiguration::Update { member: MemberId(id), peer_urls: urls.to_vec() }
}

use Refusal::{MemberNotFound, NotEnoughStarted, Unhealthy};

#[test]
fn a_voter_is_added_if_a_quorum_of_all_has_started_and_is_connected() {
    for (cluster, voter, learner) in [
        ("1", Ok(()), Ok(())),
        ("1:new", Err(NotEnoughStarted), Ok(())),
        ("1 2", Ok(()), Ok(())),
        ("1 2:new", Err(NotEnoughStarted), Ok(())),
        ("1 2:new:down", Err(NotEnoughStarted), Err(Unhealthy)),
        ("1 2:down", Err(Unhealthy), Err(Unhealthy)),
        ("1 2:young", Err(Unhealthy), Err(Unhealthy)),
        ("1 2 3", Ok(()), Ok(())),
        ("1 2 3:down", Err(Unhealthy), Err(Unhealthy)),
        ("1 2 3:young", Err(Unhealthy), Err(Unhealthy)),
        ("1 2 3:new", Err(NotEnoughStarted), Ok(())),
        ("1 2 3 4:new:down", Ok(()), Ok(())),
        ("1 2 3 4:down:new 5:down", Err(Unhealthy), Err(Unhealthy)),
        ("1 2 3 4 5:down", Ok(()), Ok(())),
        ("1 2 3 4:down 5:down", Err(Unhealthy), Err(Unhealthy)),
        // Those that wait for a vote count as voters, learners do not.
        ("1 2:pending:new", Err(NotEnoughStarted), Ok(())),
        ("1 2:pending", Ok(()), Ok(())),
        ("1 2:learner:new:down", Ok(()), Ok(())),
    ] {
        let cluster_of = Cluster::of(cluster);
        assert_eq!(cluster_of.keeps_quorum(&add(9, &[url(9)])), voter, "{cluster}");
        assert_eq!(cluster_of.keeps_quorum(&add_learner(9, &[url(9)])), learner, "{cluster}");
    }
}

#[test]
fn a_voter_is_removed_if_a_quorum_of_the_rest_has_started_and_is_connected() {
    for (cluster, member, expected) in [
        ("1", 1, Err(NotEnoughStarted)),
        ("1 2", 2, Ok(())),
        ("1 2", 1, Ok(())),
        ("1 2:down", 2, Ok(())),
        ("1 2:down", 1, Err(Unhealthy)),
        ("1 2:young", 2, Err(Unhealthy)),
        ("1 2:new", 1, Err(NotEnoughStarted)),
        ("1 2:new:down", 2, Ok(())),
        ("1 2 3", 3, Ok(())),
        ("1 2 3:down", 3, Ok(())),
        ("1 2 3:down", 2, Err(Unhealthy)),
        ("1 2 3:down", 1, Err(Unhealthy)),
        ("1 2:down 3:down", 3, Ok(())),
        ("1 2 3 4 5:down", 4, Ok(())),
        ("1 2 3 4:down 5:down", 3, Err(Unhealthy)),
        ("1 2 3:new", 2, Err(NotEnoughStarted)),
        ("1 2:pending", 2, Ok(())),
        ("1 2:pending:new", 1, Err(NotEnoughStarted)),
        ("1 2:learner:down", 2, Ok(())),
        ("1:new 2:learner", 2, Ok(())),
        // An unknown one is looked for later.
        ("1", 9, Ok(())),
        ("1:new", 9, Err(NotEnoughStarted)),
    ] {
        assert_eq!(Cluster::of(cluster).keeps_quorum(&remove(member)), expected, "{cluster}: {member}");
    }
}

#[test]
fn a_learner_is_promoted_if_a_quorum_has_started_then_and_its_connections_do_not_count() {
    for (cluster, member, expected) in [
        ("1 2:learner", 2, Ok(())),
        ("1 2:down 3:learner:down", 3, Ok(())),
        ("1:new 2:learner", 2, Err(NotEnoughStarted)),
        ("1 2:new 3:learner", 3, Ok(())),
        ("1 2:new 3:new 4:learner", 4, Err(NotEnoughStarted)),
        ("1 2:pending:new 3:pending:new 4:learner", 4, Err(NotEnoughStarted)),
        ("1:new", 9, Err(MemberNotFound)),
    ] {
        assert_eq!(Cluster::of(cluster).keeps_quorum(&promote(member)), expected, "{cluster}: {member}");
    }
    assert_eq!(Cluster::of("1:new 2:down").keeps_quorum(&update(1, &[])), Ok(()), "nobody comes or goes");
}

#[test]
fn an_added_member_has_an_id_and_urls_of_its_own() {
    let cluster = Cluster::of("1 2:learner");
    for (change, expected) in [
        (add(3, &[url(3)]), Ok(())),
        (add(3, &[url(3), url(3)]), Ok(())),
        (add(2, &[url(3)]), Err(Refusal::MemberExists)),
        (add(2, &[url(1)]), Err(Refusal::MemberExists)),
        (add(3, &[url(3), url(1)]), Err(Refusal::PeerUrlExists)),
        (add(3, &[url(2)]), Err(Refusal::PeerUrlExists)),
        (add_learner(3, &[url(3)]), Err(Refusal::TooManyLearners)),
        (add_learner(3, &[url(1)]), Err(Refusal::PeerUrlExists)),
    ] {
        assert_eq!(cluster.fits(&change, 1), expected, "{change:?}");
    }
}

#[test]
fn so_many_may_be_learners_and_who_waits_for_a_vote_is_none() {
    for (cluster, learners_max, expected) in [
        ("1", 0, Err(Refusal::TooManyLearners)),
        ("1", 1, Ok(())),
        ("1 2:learner", 2, Ok(())),
        ("1 2:learner 3:learner", 2, Err(Refusal::TooManyLearners)),
        ("1 2:pending 3:pending", 1, Ok(())),
    ] {
        let learner = add_learner(9, &[url(9)]);
        assert_eq!(Cluster::of(cluster).fits(&learner, learners_max), expected, "{cluster}");
    }
}

#[test]
fn only_members_are_changed_and_only_learners_promoted() {
    let cluster = Cluster::of("1 2 3:learner 4:pending");
    for (change, expected) in [
        (promote(3), Ok(())),
        (promote(1), Err(Refusal::NotLearner)),
        (promote(4), Err(Refusal::NotLearner)),
        (promote(9), Err(MemberNotFound)),
        (remove(3), Ok(())),
        (remove(4), Ok(())),
        (remove(1), Ok(())),
        (remove(9), Err(MemberNotFound)),
        (update(1, &[url(1), url(8)]), Ok(())),
        (update(1, &["anything".into()]), Ok(())),
        (update(1, &[]), Ok(())),
        (update(1, &[url(4)]), Err(Refusal::PeerUrlExists)),
        (update(9, &[url(9)]), Err(MemberNotFound)),
    ] {
        assert_eq!(cluster.fits(&change, 1), expected, "{change:?}");
    }
}

#[test]
fn whoever_was_removed_is_not_found_and_does_not_return() {
    let cluster = Cluster::of("1 2");
    cluster.consensus.reform(vec![log::Node { id: 1, ..log::Node::default() }]);
    let every = [add(2, &[url(9)]), add(MEMBER.0, &[url(9)]), promote(2), remove(2), update(2, &[])];
    for change in every {
        assert_eq!(cluster.fits(&change, 1), Err(MemberNotFound), "{change:?}");
    }
}

/// The only vote: what waits for one cannot stand in for it.
#[test]
fn the_last_vote_stays() {
    for cluster in ["1", "1 2:learner", "1 2:pending", "1 2:pending 3:pending"] {
        assert_eq!(Cluster::of(cluster).fits(&remove(1), 1), Err(NotEnoughStarted), "{cluster}");
    }
    assert_eq!(Cluster::of("1 2").fits(&remove(1), 1), Ok(()));
}

/// As etcd's own test has them (`TestMemberTime`), at 1984-12-23T15:04:05Z.
#[test]
fn ids_are_those_that_etcd_computes() {
    let id = |url: &str| new_member_id(&[url.to_owned()], 472_662_245);
    assert_eq!(id("http://10.0.0.8:2379"), MemberId(2_448_790_162_483_548_276));
    assert_eq!(id("http://10.0.0.1:2379"), MemberId(1_466_075_294_948_436_910));
    let two = ["http://10.0.0.8:2379", "http://10.0.0.9:2379"].map(str::to_owned);
    assert_ne!(new_member_id(&two, 472_662_245), new_member_id(&two, 472_662_246), "the second counts");
}
