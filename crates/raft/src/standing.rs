//! How this member sees the cluster.

use parking_lot::Mutex;
use quorate_tasks::Moment;
use quorate_types::MemberId;
use std::sync::atomic::{AtomicU64, Ordering};

/// How this member sees the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Who leads, if this member knows of a leader.
    pub leader: Option<MemberId>,
    /// Since when it knows of this leader, or of none.
    pub since: Moment,
    /// When it learned of the last leader there was, if there was one.
    pub elected: Option<Moment>,
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
    leadership: Mutex<Leadership>,
}

/// Who leads, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Leadership {
    pub(crate) leader: Option<MemberId>,
    pub(crate) since: Moment,
    pub(crate) elected: Option<Moment>,
}

impl Known {
    pub(crate) fn term(&self) -> u64 {
        self.term.load(Ordering::Relaxed)
    }

    pub(crate) fn leadership(&self) -> Leadership {
        *self.leadership.lock()
    }

    /// Consensus says so at `now`.
    pub(crate) fn note(&self, term: u64, leader: Option<MemberId>, now: Moment) {
        self.term.store(term, Ordering::Relaxed);
        let mut leadership = self.leadership.lock();
        if leadership.leader != leader {
            let elected = if leader.is_some() { Some(now) } else { leadership.elected };
            *leadership = Leadership { leader, since: now, elected };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_leader_is_elected_once_and_no_leader_is_since_it_was_lost() {
        let known = Known::default();
        let at = |seconds| Moment(Duration::from_secs(seconds));
        let (first, second) = (Some(MemberId(1)), Some(MemberId(2)));
        for (now, leader, since, elected) in [
            (1, None, 0, None),
            (2, first, 2, Some(2)),
            (3, first, 2, Some(2)),
            (4, None, 4, Some(2)),
            (5, None, 4, Some(2)),
            (6, second, 6, Some(6)),
            (7, first, 7, Some(7)),
        ] {
            known.note(now, leader, at(now));
            let told = Leadership { leader, since: at(since), elected: elected.map(at) };
            assert_eq!((known.leadership(), known.term()), (told, now));
        }
    }
}
