//! How this member sees the cluster.

use crate::contacts::Contact;
use crate::transport::Target;
use parking_lot::Mutex;
use quorate_tasks::Moment;
use quorate_types::MemberId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How this member sees the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Who leads, if this member knows of a leader.
    pub leader: Option<MemberId>,
    /// Since when it knows of this leader, or of none.
    pub since: Moment,
    /// When it learned of the last leader there was, if there was one.
    pub elected: Option<Moment>,
    /// How often it has learned of a leader other than the one before, the first one included.
    pub leaders: u64,
    /// Since when it has been connected, without a break, to the leader, or as the leader to a quorum.
    pub connected: Option<Moment>,
    /// The term.
    pub term: u64,
    /// The last entry known to be committed.
    pub committed: u64,
}

/// What consensus last told of the leader.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Every reply's header needs it, without a lock.
    term: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    leadership: Leadership,
    /// Where the leader is reached, if it is another member.
    elsewhere: Option<Target>,
    voters: Vec<MemberId>,
    /// All others, with a vote or without.
    others: Vec<Target>,
}

/// Who leads, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Leadership {
    pub(crate) leader: Option<MemberId>,
    pub(crate) since: Moment,
    pub(crate) elected: Option<Moment>,
    pub(crate) leaders: u64,
    /// Who led last.
    pub(crate) latest: Option<MemberId>,
}

/// What consensus says now.
pub(crate) struct Told {
    pub(crate) term: u64,
    pub(crate) leader: Option<MemberId>,
    /// Where the leader is reached, if it is another member.
    pub(crate) elsewhere: Option<Target>,
    pub(crate) voters: Vec<MemberId>,
    /// All others, with a vote or without.
    pub(crate) others: Vec<Target>,
}

impl Known {
    pub(crate) fn term(&self) -> u64 {
        self.term.load(Ordering::Relaxed)
    }

    pub(crate) fn leadership(&self) -> Leadership {
        self.state.lock().leadership
    }

    /// The member that leads, if it is another one.
    pub(crate) fn other_leader(&self) -> Option<Target> {
        self.state.lock().elsewhere.clone()
    }

    /// Those with a vote.
    pub(crate) fn voters(&self) -> Vec<MemberId> {
        self.state.lock().voters.clone()
    }

    /// All other members.
    pub(crate) fn others(&self) -> Vec<Target> {
        self.state.lock().others.clone()
    }

    /// Consensus says so at `now`.
    pub(crate) fn note(&self, told: Told, now: Moment) {
        let Told { term, leader, elsewhere, voters, others } = told;
        self.term.store(term, Ordering::Relaxed);
        let mut state = self.state.lock();
        (state.elsewhere, state.voters, state.others) = (elsewhere, voters, others);
        if state.leadership.leader != leader {
            let Leadership { elected, leaders, latest, .. } = state.leadership;
            state.leadership = if leader.is_some() {
                let leaders = leaders + u64::from(leader != latest);
                Leadership { leader, since: now, elected: Some(now), leaders, latest: leader }
            } else {
                Leadership { leader, since: now, elected, leaders, latest }
            };
        }
    }
}

impl Leadership {
    /// As it looks to `me`, which has been connected to the leader, or as the leader to a quorum, as `contact` says: past
    /// `bound` without contact there is no leader. openraft goes on believing.
    pub(crate) fn seen(self, contact: Option<Contact>, now: Moment, bound: Duration) -> Self {
        let lost = contact.map_or(self.since, |contact| contact.last.max(self.since)) + bound;
        if self.leader.is_none() || now <= lost { self } else { Self { leader: None, since: lost, ..self } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_is_elected_once_and_no_leader_is_since_it_was_lost() {
        let known = Known::default();
        let at = |seconds| Moment(Duration::from_secs(seconds));
        let (first, second) = (Some(MemberId(1)), Some(MemberId(2)));
        for (now, leader, since, elected, leaders, latest) in [
            (1, None, 0, None, 0, None),
            (2, first, 2, Some(2), 1, first),
            (3, first, 2, Some(2), 1, first),
            (4, None, 4, Some(2), 1, first),
            (5, first, 5, Some(5), 1, first),
            (6, second, 6, Some(6), 2, second),
            (7, first, 7, Some(7), 3, first),
        ] {
            let told = Told { term: now, leader, elsewhere: None, voters: Vec::new(), others: Vec::new() };
            known.note(told, at(now));
            let told = Leadership { leader, since: at(since), elected: elected.map(at), leaders, latest };
            assert_eq!((known.leadership(), known.term()), (told, now));
        }
    }

    #[test]
    fn a_leader_that_nobody_hears_of_is_none() {
        let at = |seconds| Moment(Duration::from_secs(seconds));
        let bound = Duration::from_secs(1);
        let leader = Some(MemberId(1));
        let leadership =
            Leadership { leader, since: at(10), elected: Some(at(10)), leaders: 1, latest: leader };
        let contact = |last| Some(Contact { since: at(3), last: at(last) });
        for (contact, now, seen) in [
            (None, 11, leader), // elected just now
            (contact(5), 11, leader),
            (contact(20), 21, leader),
            (contact(20), 22, None),
            (None, 12, None),
        ] {
            let seen_now = leadership.seen(contact, at(now), bound);
            assert_eq!(seen_now.leader, seen, "{contact:?} at {now}");
            assert_eq!(seen_now.elected, Some(at(10)));
        }
        assert_eq!(leadership.seen(contact(20), at(30), bound).since, at(21), "since it was lost");
    }
}
