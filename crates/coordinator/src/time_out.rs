//! What a proposal that timed out is told of why.

use crate::consensus::Standing;
use quorate_state_machine::Unavailable;
use quorate_tasks::Moment;
use std::time::Duration;

/// What a proposal is told that began at `began` and had no answer by its deadline, by how this member sees the cluster
/// then. etcd: `etcdserver/server.go`, `parseProposeCtxErr`.
#[must_use]
pub fn timed_out(began: Moment, standing: &Standing, election_timeout: Duration) -> Unavailable {
    let is_of_a_lost_leader = |elected| began < elected && began + 2 * election_timeout >= elected;
    if standing.elected.is_some_and(is_of_a_lost_leader) {
        return Unavailable::TimedOutLeaderFailed;
    }
    let is_connected = standing.connected.is_some_and(|since| since <= began);
    if standing.leader.is_some() && !is_connected {
        return Unavailable::TimedOutCutOff;
    }
    Unavailable::TimedOut
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_types::MemberId;

    const ELECTION: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    /// As seen by a member that knows of the leader elected at `elected`, and is connected to it since `connected`.
    fn standing(elected: u64, connected: Option<u64>) -> Standing {
        let (leader, since) = (Some(MemberId(1)), at(elected));
        let (elected, connected) = (Some(since), connected.map(at));
        Standing { leader, since, elected, leaders: 1, connected, term: 1, committed: 0 }
    }

    #[test]
    fn a_time_out_names_the_leader_that_failed_or_the_connection_that_was_lost() {
        let leaderless = Standing { leader: None, connected: None, ..standing(5, None) };
        let unborn = Standing { elected: None, ..leaderless };
        for (began, standing, told) in [
            (2, standing(5, Some(0)), Unavailable::TimedOut),
            (3, standing(5, Some(0)), Unavailable::TimedOutLeaderFailed),
            (4, standing(5, Some(0)), Unavailable::TimedOutLeaderFailed),
            (4, standing(5, None), Unavailable::TimedOutLeaderFailed),
            (5, standing(5, Some(5)), Unavailable::TimedOut),
            (9, standing(5, Some(5)), Unavailable::TimedOut),
            (9, standing(5, Some(10)), Unavailable::TimedOutCutOff),
            (9, standing(5, None), Unavailable::TimedOutCutOff),
            (9, leaderless, Unavailable::TimedOut),
            (4, leaderless, Unavailable::TimedOutLeaderFailed),
            (4, unborn, Unavailable::TimedOut),
        ] {
            assert_eq!(timed_out(at(began), &standing, ELECTION), told, "{began} {standing:?}");
        }
    }
}
