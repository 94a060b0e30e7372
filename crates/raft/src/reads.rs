//! Linearizable reads: all that wait share one ReadIndex round.

use crate::machine::Machine;
use crate::types::TypeConfig;
use openraft::errors::{LinearizableReadError, RaftError};
use openraft::{Raft, ReadPolicy};
use quorate_state_machine::{Answer, Unavailable};
use quorate_tasks::inbox::Receiver;
use quorate_tasks::reply::{Outbox, Ticket};
use quorate_tasks::{Clock, Failure, Moment};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a round that met no leader waits before the next try.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// A read that waits until this member's state is current.
#[derive(Debug)]
pub(crate) struct Waiting {
    ticket: Option<Ticket<Answer>>,
    deadline: Moment,
}

impl Waiting {
    pub(crate) fn new(ticket: Ticket<Answer>, deadline: Moment) -> Self {
        Self { ticket: Some(ticket), deadline }
    }

    fn answer(mut self, answer: &Answer, outbox: &mut Outbox<Answer>) {
        self.ticket.take().into_iter().for_each(|ticket| outbox.put(ticket, answer.clone()));
    }
}

/// What a stop finds waiting is told so.
impl Drop for Waiting {
    fn drop(&mut self) {
        self.ticket.take().into_iter().for_each(|ticket| ticket.answer(Answer::Failed(Unavailable::Stopped)));
    }
}

/// The read loop. While one round is under way, the next forms in the inbox.
pub(crate) struct ReadLoop {
    pub(crate) raft: Raft<TypeConfig, Machine>,
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
            // R5: the leader asks a quorum whether it still leads.
            let policy = ReadPolicy::ReadIndex;
            match self.raft.get_read_linearizer(policy).await {
                Ok(linearizer) => {
                    let index = linearizer.read_log_id().index();
                    let is_applied = self.applied.wait_for(|applied| *applied >= Some(index)).await.is_ok();
                    let answer =
                        if is_applied { Answer::Current } else { Answer::Failed(Unavailable::Stopped) };
                    batch.drain(..).for_each(|waiting| waiting.answer(&answer, outbox));
                }
                Err(RaftError::APIError(
                    LinearizableReadError::ForwardToLeader(_) | LinearizableReadError::QuorumNotEnough(_),
                )) => {
                    self.clock.sleep_until(self.clock.now() + RETRY_PAUSE).await;
                    give_up(batch, self.clock.now(), outbox);
                }
                Err(RaftError::Fatal(_)) => {
                    // Why consensus has ended, the standing task says.
                    let stopped = Answer::Failed(Unavailable::Stopped);
                    batch.drain(..).for_each(|waiting| waiting.answer(&stopped, outbox));
                }
            }
            outbox.send();
        }
    }
}

/// Takes those out of `batch` whose deadline has come.
fn give_up(batch: &mut Vec<Waiting>, now: Moment, outbox: &mut Outbox<Answer>) {
    for waiting in batch.extract_if(.., |waiting| waiting.deadline <= now) {
        waiting.answer(&Answer::Failed(Unavailable::TimedOut), outbox);
    }
}
