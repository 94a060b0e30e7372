//! Asks the other members whether they are there: a leader hears of all, a follower only of its leader, and what etcd's checks of a
//! change of the members want to know is of whom the member hears that is asked. Whoever was removed from the cluster is sent
//! nothing any more, so it asks, and is told.

use crate::contacts::Contacts;
use crate::standing::Known;
use crate::transport::{Purpose, Target, Transport};
use futures::future::{join_all, select};
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_proto::peer::{ProbeReply, ProbeRequest};
use quorate_state_machine::Reader;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, timeout};
use quorate_types::MemberId;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// So often everybody is asked, also those from whom much is heard: what an answer takes is told to operators, as by etcd.
const ROUND_TRIPS: Duration = Duration::from_secs(4);

/// See the module.
pub(crate) struct Prober {
    pub(crate) member: MemberId,
    pub(crate) reader: Reader,
    /// Set once this member is known not to belong to the cluster any more.
    pub(crate) removed: watch::Sender<bool>,
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
        let mut measured = self.clock.now();
        loop {
            self.clock.sleep_until(self.clock.now() + self.period()).await;
            let is_for_all = self.clock.now() >= measured + ROUND_TRIPS;
            if is_for_all {
                measured = self.clock.now();
            }
            if self.reader.newest().is_removed(self.member) {
                self.removed.send_replace(true);
            }
            join_all(self.known.others().iter().map(|other| self.ask(other, is_for_all))).await;
        }
    }

    /// Often enough that a lost question does not look like a lost member.
    fn period(&self) -> Duration {
        self.contacts.bound() / 3
    }

    /// Asks one that has not been heard of since the last time, or anyone.
    async fn ask(&self, other: &Target, is_for_all: bool) {
        let now = self.clock.now();
        if !is_for_all
            && self.contacts.of(other.member).is_some_and(|contact| now < contact.last + self.period())
        {
            return;
        }
        let asking = self.transport.call(other, Purpose::Heartbeat, Question::Probe(ProbeRequest {}));
        if let Ok(Ok(answer)) = timeout(self.clock.as_ref(), now + self.period(), asking).await {
            self.contacts.heard(other.member);
            if let Answer::Probe(ProbeReply { removed: true }) = answer {
                self.removed.send_replace(true);
            }
        }
    }
}
