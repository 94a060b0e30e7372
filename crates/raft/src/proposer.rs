//! The way into the log.

use crate::forward::Parcel;
use crate::grouping::Bounds;
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
use quorate_tasks::{Clock, Failure, Moment, timeout};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a command that met no leader waits before it is proposed again. A new leader is ready within 5 to 8 ms.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Entries of this member's commands that may be under way at once: proposed and not yet committed. What comes meanwhile shares the
/// next one: an entry costs more than the commands in it, at each member.
pub(crate) const PLACES: usize = 64;
/// So long nothing is looked at but for a place: a leader that was cut off has none until its successor reaches it.
const PLACE_PAUSE: Duration = Duration::from_millis(20);
/// What commands may share an entry.
pub(crate) const ENTRY: Bounds = Bounds { bytes: 64 << 10, count: 128 };

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
    pub(crate) clock: Arc<dyn Clock>,
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
        let (mut batch, mut waiting) = (Vec::new(), VecDeque::new());
        while inbox.next(&mut batch).await {
            self.remember(&mut batch, &mut waiting);
            while !waiting.is_empty() {
                self.turn(&mut waiting).await;
                inbox.gather(&mut batch);
                self.remember(&mut batch, &mut waiting);
            }
        }
        Ok(())
    }

    fn remember(&self, batch: &mut Vec<Proposal>, waiting: &mut VecDeque<Proposal>) {
        for mut proposal in batch.drain(..) {
            if let Some(ticket) = proposal.ticket.take() {
                self.pending.insert(proposal.id, ticket, proposal.deadline, proposal.share.take());
            }
            waiting.push_back(proposal);
        }
    }

    /// Hands over what waits: all of it to another member that leads, else one entry to openraft, and none while there is no place. The
    /// log groups entries into syncs. On a thread that serves others it goes on only for as long as the poll there may take.
    async fn turn(&self, waiting: &mut VecDeque<Proposal>) {
        if let Some(leader) = self.known.other_leader() {
            self.forward(Parcel { leader, proposals: waiting.drain(..).collect() });
            return;
        }
        match self.place().await {
            Some(place) => {
                pause_if_overdue().await;
                let mut proposals = ENTRY.take(waiting, |proposal| proposal.envelope.len());
                proposals.retain(|proposal| !self.is_late(proposal));
                if !proposals.is_empty() {
                    self.propose_entry(proposals, place).await;
                }
            }
            None => waiting.retain(|proposal| !self.is_late(proposal)),
        }
    }

    /// Nothing, if there is none for a while: who leads may be another one by then.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        let until = self.clock.now() + PLACE_PAUSE;
        let place = timeout(self.clock.as_ref(), until, self.places.clone().acquire_owned()).await;
        place.ok()?.ok() // nobody closes it
    }

    /// Whether it is too late for `proposal`, which is told so.
    fn is_late(&self, proposal: &Proposal) -> bool {
        let is_late = proposal.deadline <= self.clock.now();
        if is_late {
            self.pending.fail(proposal.id, Unavailable::TimedOut);
        }
        is_late
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
