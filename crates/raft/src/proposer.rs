//! The way into the log.

use crate::forward::Parcel;
use crate::grouping::grouped;
use crate::machine::Machine;
use crate::pending::{Pending, Rejection, Retry, reason};
use crate::standing::Known;
use crate::types::{Proposed, TypeConfig};
use bytes::Bytes;
use futures::future::select;
use openraft::Raft;
use quorate_state_machine::{Answer, Unavailable};
use quorate_tasks::budget::Share;
use quorate_tasks::inbox::{Receiver, Refused, Sender};
use quorate_tasks::poll::pause_if_overdue;
use quorate_tasks::reply::Ticket;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, Moment};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a command that met no leader waits before it is proposed again. A new leader is ready within 5 to 8 ms.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Entries of this member's commands that may be under way at once: proposed and not yet committed. What comes meanwhile shares the
/// next one: an entry costs more than the commands in it, at each member.
pub(crate) const PLACES: usize = 64;
/// Commands share an entry of up to so many bytes; a longer one has its own.
const ENTRY_BYTES: usize = 64 << 10;
/// And at most so many.
const ENTRY_COMMANDS_MAX: usize = 128;

/// A command to be carried through the log.
#[derive(Debug)]
pub struct Proposal {
    /// The command's id, unique across members and restarts.
    pub id: u64,
    /// The command in its envelope.
    pub envelope: Bytes,
    /// When nobody waits any more.
    pub deadline: Moment,
    /// Who waits; none once it is known to [`Pending`].
    pub ticket: Option<Ticket<Answer>>,
    /// Nobody else is served by the thread that proposes it: it may wait for the disk.
    pub alone: bool,
    /// What it takes of its proposer's budget: held until it is applied or rejected, also when nobody waits any more.
    pub share: Option<Share>,
}

/// What a stop finds on its way is told so, if nobody knows of it yet.
impl Drop for Proposal {
    fn drop(&mut self) {
        self.ticket.take().into_iter().for_each(|ticket| ticket.answer(Answer::Failed(Unavailable::Stopped)));
    }
}

/// Hands what waits to openraft, or to whoever takes it to the member that leads.
pub(crate) struct Proposer {
    pub(crate) raft: Raft<TypeConfig, Machine>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) again: Sender<Proposal>,
    pub(crate) known: Arc<Known>,
    pub(crate) parcels: Sender<Parcel>,
    /// See [`PLACES`].
    pub(crate) places: Arc<Semaphore>,
}

/// Proposes again what met no leader.
pub(crate) struct Retrier {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) proposals: Sender<Proposal>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Proposer {
    pub(crate) async fn run(self, mut inbox: Receiver<Proposal>) -> Result<(), Failure> {
        let mut batch = Vec::new();
        while inbox.next(&mut batch).await {
            self.turn(&mut batch, &mut inbox).await;
        }
        Ok(())
    }

    async fn turn(&self, batch: &mut Vec<Proposal>, inbox: &mut Receiver<Proposal>) {
        self.remember(batch);
        match self.known.other_leader() {
            Some(leader) => self.forward(Parcel { leader, proposals: std::mem::take(batch) }),
            None => self.propose(batch, inbox).await,
        }
    }

    fn remember(&self, batch: &mut [Proposal]) {
        for proposal in batch {
            if let Some(ticket) = proposal.ticket.take() {
                self.pending.insert(proposal.id, ticket, proposal.deadline, proposal.share.take());
            }
        }
    }

    /// Everything that waits goes to openraft, several commands an entry if there are; the log groups those into syncs. On a thread
    /// that serves others it goes on only for as long as the poll there may take.
    async fn propose(&self, batch: &mut Vec<Proposal>, inbox: &mut Receiver<Proposal>) {
        let mut place = self.place().await;
        inbox.gather(batch); // what came while there was no place
        self.remember(batch);
        for proposals in entries(std::mem::take(batch), |proposal| proposal.envelope.len()) {
            pause_if_overdue().await;
            let here = match place.take() {
                Some(here) => here,
                None => match self.place().await {
                    Some(here) => here,
                    None => return,
                },
            };
            self.propose_entry(proposals, here).await;
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok() // nobody closes it
    }

    async fn propose_entry(&self, proposals: Vec<Proposal>, place: OwnedSemaphorePermit) {
        let ids: Vec<u64> = proposals.iter().map(|proposal| proposal.id).collect();
        let envelopes = proposals.iter().map(|proposal| proposal.envelope.clone()).collect();
        let retry = |command| Retry { command, pending: self.pending.clone(), again: self.again.clone() };
        let rejection = Rejection::mine(proposals.into_iter().map(retry).collect(), place);
        if self.raft.client_write_ff(Proposed { envelopes }, Some(rejection)).await.is_err() {
            // Why consensus has ended, the standing task says.
            ids.iter().for_each(|id| self.pending.fail(*id, Unavailable::Stopped));
        }
    }

    fn forward(&self, parcel: Parcel) {
        if let Err(refused) = self.parcels.push(parcel) {
            let reason = reason(&refused);
            let (Refused::Full(parcel) | Refused::Closed(parcel)) = refused;
            parcel.proposals.iter().for_each(|proposal| self.pending.fail(proposal.id, reason));
        }
    }
}

/// Commands in their order, as many together as share an entry. `length` is that of an envelope.
pub(crate) fn entries<T>(commands: Vec<T>, length: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    grouped(commands, ENTRY_BYTES, ENTRY_COMMANDS_MAX, length)
}

impl Retrier {
    /// Ends with the replica's stop: proposer and retrier feed each other, so neither inbox closes by itself.
    pub(crate) async fn run(self, inbox: Receiver<Proposal>) -> Result<(), Failure> {
        let mut stopping = self.stopping.clone();
        let stopped = stopping.wait_for(|stopping| *stopping);
        select(pin!(self.retry(inbox)), pin!(stopped)).await;
        Ok(())
    }

    async fn retry(&self, mut inbox: Receiver<Proposal>) {
        let mut batch = Vec::new();
        while inbox.next(&mut batch).await {
            self.clock.sleep_until(self.clock.now() + RETRY_PAUSE).await;
            let now = self.clock.now();
            for proposal in batch.drain(..) {
                let id = proposal.id;
                if proposal.deadline <= now {
                    self.pending.fail(id, Unavailable::TimedOut);
                } else if let Err(refused) = self.proposals.push(proposal) {
                    self.pending.fail(id, reason(&refused));
                }
            }
        }
    }
}
