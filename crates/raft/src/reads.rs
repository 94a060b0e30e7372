//! Linearizable reads: all that wait share one ReadIndex round.

use crate::confirmation::{Confirmation, Round};
use crate::contacts::Contacts;
use crate::transport::{Purpose, Target, Transport};
use crate::types::TypeConfig;
use openraft::errors::ForwardToLeader;
use quorate_proto::peer::ReadIndexRequest;
use quorate_proto::peer::call_reply as proto;
use quorate_proto::peer::call_request::Question;
use quorate_state_machine::{Answer, Unavailable};
use quorate_tasks::inbox::Receiver;
use quorate_tasks::reply::{Outbox, Ticket};
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, Moment, timeout};
use quorate_types::MemberId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a round that met no leader waits before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// A read that waits until a state is current.
#[derive(Debug)]
pub(crate) struct Waiting {
    asker: Option<Asker>,
    deadline: Moment,
}

#[derive(Debug)]
enum Asker {
    /// A call of this member: it waits until the state here is current.
    Mine(Ticket<Answer>),
    /// Another member: it waits for its own state, and wants to know for which index. Dropped if this member does not lead.
    Member(oneshot::Sender<u64>),
}

impl Waiting {
    pub(crate) fn new(ticket: Ticket<Answer>, deadline: Moment) -> Self {
        Self { asker: Some(Asker::Mine(ticket)), deadline }
    }

    pub(crate) fn for_member(told: oneshot::Sender<u64>, deadline: Moment) -> Self {
        Self { asker: Some(Asker::Member(told)), deadline }
    }

    fn is_member(&self) -> bool {
        matches!(self.asker, Some(Asker::Member(_)))
    }

    fn answer(mut self, answer: &Answer, outbox: &mut Outbox<Answer>) {
        if let Some(Asker::Mine(ticket)) = self.asker.take() {
            outbox.put(ticket, answer.clone());
        }
    }

    /// Tells another member the index to wait for.
    fn tell(mut self, index: u64) {
        if let Some(Asker::Member(told)) = self.asker.take() {
            let _ = told.send(index); // it may have gone away
        }
    }
}

/// What a stop finds waiting is told so.
impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(Asker::Mine(ticket)) = self.asker.take() {
            ticket.answer(Answer::Failed(Unavailable::Stopped));
        }
    }
}

/// The read loop. While one round is under way, the next forms in the inbox.
pub(crate) struct ReadLoop {
    pub(crate) confirmation: Confirmation,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) contacts: Contacts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) applied: watch::Receiver<Option<u64>>,
}

impl ReadLoop {
    pub(crate) async fn run(mut self, mut inbox: Receiver<Waiting>) -> Result<(), Failure> {
        let (mut batch, mut outbox) = (Vec::new(), Outbox::default());
        while inbox.next(&mut batch).await {
            self.turn(&mut batch, &mut outbox).await;
        }
        Ok(())
    }

    /// One round for all of `batch`. Those whose deadline comes first are told so.
    async fn turn(&mut self, batch: &mut Vec<Waiting>, outbox: &mut Outbox<Answer>) {
        while !batch.is_empty() {
            match self.confirmation.round().await {
                Round::Index(index) => {
                    batch.extract_if(.., |waiting| waiting.is_member()).for_each(|member| member.tell(index));
                    self.catch_up(index, batch, outbox).await;
                }
                Round::Elsewhere(leader) => {
                    batch.retain(|waiting| !waiting.is_member());
                    match self.ask(*leader).await {
                        Some(index) => self.catch_up(index, batch, outbox).await,
                        None => self.rest(batch, outbox).await,
                    }
                }
                Round::Nobody => self.rest(batch, outbox).await,
                // Why consensus has ended, the standing task says.
                Round::Stopped => {
                    let stopped = Answer::Failed(Unavailable::Stopped);
                    batch.drain(..).for_each(|waiting| waiting.answer(&stopped, outbox));
                }
            }
            outbox.send();
        }
    }

    /// Has the member that leads make a round.
    async fn ask(&mut self, leader: ForwardToLeader<TypeConfig>) -> Option<u64> {
        let target = Target { member: MemberId(leader.leader_id?), node: leader.leader_node? };
        let question = Question::ReadIndex(ReadIndexRequest {});
        let bound = self.clock.now() + self.contacts.bound();
        let asking = self.transport.call(&target, Purpose::Calls, question);
        match timeout(self.clock.as_ref(), bound, asking).await {
            Ok(Ok(proto::Answer::ReadIndex(reply))) => Some(reply.index),
            _ => None,
        }
    }

    /// Waits until `index` is applied here.
    async fn catch_up(&mut self, index: u64, batch: &mut Vec<Waiting>, outbox: &mut Outbox<Answer>) {
        while let Some(first) = batch.iter().map(|waiting| waiting.deadline).min() {
            let applying = self.applied.wait_for(|applied| *applied >= Some(index));
            match timeout(self.clock.as_ref(), first, applying).await {
                Ok(reached) => {
                    let answer =
                        if reached.is_ok() { Answer::Current } else { Answer::Failed(Unavailable::Stopped) };
                    batch.drain(..).for_each(|waiting| waiting.answer(&answer, outbox));
                }
                Err(_) => give_up(batch, self.clock.now(), Unavailable::TimedOutApplying, outbox),
            }
        }
    }

    async fn rest(&mut self, batch: &mut Vec<Waiting>, outbox: &mut Outbox<Answer>) {
        self.clock.sleep_until(self.clock.now() + RETRY_PAUSE).await;
        give_up(batch, self.clock.now(), Unavailable::TimedOut, outbox);
    }
}

/// Takes those out of `batch` whose deadline has come.
fn give_up(batch: &mut Vec<Waiting>, now: Moment, reason: Unavailable, outbox: &mut Outbox<Answer>) {
    for waiting in batch.extract_if(.., |waiting| waiting.deadline <= now) {
        waiting.answer(&Answer::Failed(reason), outbox);
    }
}
