//! Asks the other members whether they are there: a leader hears of all, a follower only of its leader, and what etcd's checks of a
//! change of the members want to know is of whom the member hears that is asked.

use crate::contacts::Contacts;
use crate::standing::Known;
use crate::transport::{Purpose, Target, Transport};
use futures::future::{join_all, select};
use quorate_proto::peer::ProbeRequest;
use quorate_proto::peer::call_request::Question;
use quorate_tasks::{Clock, Failure, timeout};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// See the module.
pub(crate) struct Prober {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) contacts: Contacts,
    pub(crate) known: Arc<Known>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Prober {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut stopping = self.stopping.clone();
        let stopped = stopping.wait_for(|stopping| *stopping);
        select(pin!(self.probe()), pin!(stopped)).await;
        Ok(())
    }

    async fn probe(&self) {
        loop {
            self.clock.sleep_until(self.clock.now() + self.period()).await;
            join_all(self.known.others().iter().map(|other| self.ask(other))).await;
        }
    }

    /// Often enough that a lost question does not look like a lost member.
    fn period(&self) -> Duration {
        self.contacts.bound() / 3
    }

    /// Asks one that has not been heard of since the last time.
    async fn ask(&self, other: &Target) {
        let now = self.clock.now();
        if self.contacts.of(other.member).is_some_and(|contact| now < contact.last + self.period()) {
            return;
        }
        let asking = self.transport.call(other, Purpose::Heartbeat, Question::Probe(ProbeRequest {}));
        if let Ok(Ok(_)) = timeout(self.clock.as_ref(), now + self.period(), asking).await {
            self.contacts.heard(other.member);
        }
    }
}
