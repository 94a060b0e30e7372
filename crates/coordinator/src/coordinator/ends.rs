//! What ends a stream that its client would go on with.

use super::{Coordinator, Stopping};
use std::future::pending;

/// So many election time-outs without a leader, and streams that asked for one end. etcd: `maxNoLeaderCnt`.
const ELECTIONS: u32 = 3;

impl Coordinator {
    /// The same door, whose streams end once `stopping` says so.
    #[must_use]
    pub fn until(self, stopping: Stopping) -> Self {
        Self { stopping: Some(stopping), ..self }
    }

    /// Ends once the server stops.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let stopping = self.stopping.clone();
        async move {
            match stopping {
                // A server that is gone has stopped too.
                Some(mut stopping) => drop(stopping.wait_for(|stopping| *stopping).await),
                None => pending().await,
            }
        }
    }

    /// Ends once there has been no leader for three election time-outs. Cost: it looks once in that time, not more often.
    pub fn leader_lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = self.shared.clone();
        let patience = ELECTIONS * shared.limits.election_timeout;
        async move {
            loop {
                let (standing, now) = (shared.consensus.standing(), shared.clock.now());
                let from = if standing.leader.is_some() { now } else { standing.since };
                let again = from + patience;
                if again <= now {
                    return;
                }
                shared.clock.sleep_until(again).await;
            }
        }
    }
}
