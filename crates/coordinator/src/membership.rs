//! Whether the members may be changed so: etcd's checks, in etcd's order.
//!
//! They come in two stages. Strict reconfiguration ([`keeps_quorum`]) asks whether enough voters would be left that run and
//! can be reached, by what the member that is asked sees at that moment. Then [`fits`] asks whether the change makes sense
//! for the members that there are, in a state as new as any that was acknowledged; etcd does that as it applies the change.
//!
//! A voter is who is listed as one: those that wait for their vote count, and so does etcd's new voter from its first moment.

use crate::consensus::Reconfiguration;
use quorate_state_machine::{Member, Published};
use quorate_tasks::Moment;
use quorate_types::MemberId;
use sha1::{Digest, Sha1};
use std::time::Duration;

/// A connection that is not older does not count yet. etcd: `HealthInterval`.
const SETTLED: Duration = Duration::from_secs(5);

/// Why the members stay as they are. The texts that clients see are in `grpc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another member is reached at one of the URLs.
    #[error("peer URLs already exist")]
    PeerUrlExists,
    /// There is a member of that id.
    #[error("member ID already exists")]
    MemberExists,
    /// There is none, or not any more.
    #[error("member not found")]
    MemberNotFound,
    /// It is a voter already.
    #[error("can only promote a learner member")]
    NotLearner,
    /// It has not caught up.
    #[error("can only promote a learner member which is in sync with leader")]
    LearnerNotReady,
    /// There are as many learners as may be.
    #[error("too many learner members in cluster")]
    TooManyLearners,
    /// Of the voters that there would be, too few have ever started.
    #[error("re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    /// Of the voters that there would be, too few have been connected to this member for five seconds.
    #[error("unhealthy cluster")]
    Unhealthy,
}

/// Whom the member that is asked is connected to.
pub(crate) struct Contact<'a> {
    /// The member that is asked.
    pub(crate) here: MemberId,
    /// Now.
    pub(crate) now: Moment,
    /// Since when it has been connected to another one.
    pub(crate) since: &'a dyn Fn(MemberId) -> Option<Moment>,
}

/// The id that a member has which is added at this second. etcd: `computeMemberID`, without a token.
pub(crate) fn new_member_id(sorted_urls: &[String], unix_seconds: u64) -> MemberId {
    let digest = Sha1::digest(format!("{}{unix_seconds}", sorted_urls.concat()));
    let eight = digest.first_chunk().expect("SHA-1 gives twenty bytes");
    MemberId(u64::from_be_bytes(*eight))
}

/// Whether `change` leaves the cluster a quorum. etcd: `mayAddMember`, `mayPromoteMember`, `mayRemoveMember`.
pub(crate) fn keeps_quorum(
    change: &Reconfiguration,
    members: &Published,
    contact: &Contact<'_>,
) -> Result<(), Refusal> {
    let voters: Vec<&Member> = members.members().filter(|member| !member.is_learner).collect();
    let started = voters.iter().filter(|voter| is_started(voter)).count();
    match change {
        Reconfiguration::Add { is_learner, .. } => {
            let is_first = started == 1 && voters.len() == 1; // how a cluster grows from a single member
            if !is_learner && !is_first && started < quorum(voters.len() + 1) {
                return Err(Refusal::NotEnoughStarted);
            }
            // The new one cannot be reached yet.
            let is_reached = voters.len() == 1 || contact.count(&voters) >= quorum(voters.len() + 1);
            if is_reached { Ok(()) } else { Err(Refusal::Unhealthy) }
        }
        Reconfiguration::Promote { member } => {
            if members.member(*member).is_none() {
                return Err(Refusal::MemberNotFound);
            }
            let is_enough = started + 1 >= quorum(voters.len() + 1);
            if is_enough { Ok(()) } else { Err(Refusal::NotEnoughStarted) }
        }
        Reconfiguration::Remove { member } => {
            if members.member(*member).is_some_and(|member| member.is_learner) {
                return Ok(());
            }
            may_remove(*member, &voters, contact)
        }
        Reconfiguration::Update { .. } => Ok(()),
    }
}

/// One that is down may go as long as a quorum of the rest has started; one that is up also only if so many can be reached.
fn may_remove(member: MemberId, voters: &[&Member], contact: &Contact<'_>) -> Result<(), Refusal> {
    let rest = voters.iter().filter(|voter| voter.id != member.0);
    let (left, started) = rest.fold((0, 0), |(left, started), voter| {
        (left + 1, started + usize::from(is_started(voter))) // of one voter nobody is left, who has not started
    });
    if started < quorum(left) {
        return Err(Refusal::NotEnoughStarted);
    }
    let is_known = left < voters.len(); // else it is looked for later
    if !is_known || (member != contact.here && (contact.since)(member).is_none()) {
        return Ok(());
    }
    let reached = contact.count(voters).saturating_sub(1);
    if reached < quorum(voters.len().saturating_sub(1)) { Err(Refusal::Unhealthy) } else { Ok(()) }
}

/// Whether `change` makes sense for the members that there are. etcd: `RaftCluster.ValidateConfigurationChange`.
///
/// Unlike etcd, which would fall over it, it refuses to remove the last member that has a vote, with or without strict
/// reconfiguration.
pub(crate) fn fits(
    change: &Reconfiguration,
    members: &Published,
    learners_max: usize,
) -> Result<(), Refusal> {
    let id = change.member();
    if members.is_removed(id) {
        return Err(Refusal::MemberNotFound);
    }
    let is_of_another =
        |url: &String| members.members().any(|member| member.id != id.0 && member.peer_urls.contains(url));
    match (change, members.member(id)) {
        (Reconfiguration::Add { .. }, Some(_)) => Err(Refusal::MemberExists),
        (Reconfiguration::Add { peer_urls, is_learner, .. }, None) => {
            let learners = members.members().filter(|member| member.is_learner).count();
            if peer_urls.iter().any(is_of_another) {
                Err(Refusal::PeerUrlExists)
            } else if *is_learner && learners >= learners_max {
                Err(Refusal::TooManyLearners)
            } else {
                Ok(())
            }
        }
        (_, None) => Err(Refusal::MemberNotFound),
        (Reconfiguration::Promote { .. }, Some(member)) if !member.is_learner => Err(Refusal::NotLearner),
        (Reconfiguration::Promote { .. }, Some(_)) => Ok(()),
        (Reconfiguration::Remove { .. }, Some(_)) => {
            let votes = |member: &Member| {
                !member.is_learner && !members.is_pending_voter(MemberId(member.id)) && member.id != id.0
            };
            if members.members().any(votes) { Ok(()) } else { Err(Refusal::NotEnoughStarted) }
        }
        (Reconfiguration::Update { peer_urls, .. }, Some(_)) => {
            if peer_urls.iter().any(is_of_another) {
                Err(Refusal::PeerUrlExists)
            } else {
                Ok(())
            }
        }
    }
}

/// A member has a name once it has started.
fn is_started(member: &Member) -> bool {
    !member.name.is_empty()
}

fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

impl Contact<'_> {
    /// How many of `voters` are this member or have been connected to it for long enough.
    fn count(&self, voters: &[&Member]) -> usize {
        let is_reached = |voter: &&&Member| {
            let id = MemberId(voter.id);
            id == self.here || (self.since)(id).is_some_and(|since| self.now.since(since) > SETTLED)
        };
        voters.iter().filter(is_reached).count()
    }
}

#[cfg(test)]
mod tests;
