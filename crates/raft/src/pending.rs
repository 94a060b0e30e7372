//! Who waits for what: from a command's id to the ticket of its call.

use crate::forward::Fates;
use crate::proposer::Proposal;
use crate::types::TypeConfig;
use foldhash::fast::FixedState;
use openraft::OptionalSend;
use openraft::errors::ClientWriteError;
use openraft::raft::ClientWriteResult;
use openraft::raft::responder::Responder;
use parking_lot::Mutex;
use quorate_state_machine::{Answer, Applied, Unavailable};
use quorate_tasks::Moment;
use quorate_tasks::budget::Share;
use quorate_tasks::inbox::{self, Refused};
use quorate_tasks::reply::{Outbox, Ticket};
use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The commands under way, and the calls that wait for them. Bounded by the budget that each command holds a share of; a
/// call waits until its deadline at most.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    commands: Mutex<Commands>,
}

#[derive(Debug, Default)]
struct Commands {
    /// In an order that is the same in each run: ids are our own, so nobody can make them collide.
    under_way: HashMap<u64, UnderWay, FixedState>,
    /// Nobody will be answered any more: whoever comes is told so.
    is_closed: bool,
}

#[derive(Debug)]
struct UnderWay {
    /// Who waits; nobody once the deadline has come.
    ticket: Option<Ticket<Answer>>,
    deadline: Moment,
    /// Held as long as this member may still have the command in a queue or in its log's memory.
    share: Option<Share>,
}

impl Pending {
    /// Remembers who waits for a command, and what that takes of the budget; after [`Pending::close`] it is told at
    /// once.
    pub(crate) fn insert(&self, id: u64, ticket: Ticket<Answer>, deadline: Moment, share: Option<Share>) {
        let mut commands = self.commands.lock();
        if commands.is_closed {
            drop(commands);
            ticket.answer(Answer::Failed(Unavailable::Stopped));
            return;
        }
        let command = UnderWay { ticket: Some(ticket), deadline, share };
        let earlier = commands.under_way.insert(id, command);
        assert!(earlier.is_none(), "R2: ids are unique");
    }

    /// Lays the outcomes ready for those that wait here.
    pub(crate) fn answer(&self, outcomes: &mut Vec<Applied>, outbox: &mut Outbox<Answer>) {
        let mut commands = self.commands.lock();
        for applied in outcomes.drain(..) {
            let command = commands.under_way.remove(&applied.id);
            if let Some(ticket) = command.and_then(|command| command.ticket) {
                outbox.put(ticket, Answer::Applied(applied.outcome));
            }
        }
    }

    /// Tells one waiter that its command came to nothing here.
    pub(crate) fn fail(&self, id: u64, reason: Unavailable) {
        let command = self.commands.lock().under_way.remove(&id);
        if let Some(ticket) = command.and_then(|command| command.ticket) {
            ticket.answer(Answer::Failed(reason));
        }
    }

    /// This member has a command no longer, which may still come back from another one: who waits goes on waiting.
    pub(crate) fn discard(&self, id: u64) {
        let mut commands = self.commands.lock();
        if let Some(command) = commands.under_way.get_mut(&id) {
            command.share = None;
            if command.ticket.is_none() {
                commands.under_way.remove(&id);
            }
        }
    }

    /// Tells those whose deadline has come (R2). Cost: a look at every command under way.
    pub(crate) fn expire(&self, now: Moment) {
        let mut outbox = Outbox::default();
        self.commands.lock().under_way.retain(|_, command| {
            if command.deadline <= now
                && let Some(ticket) = command.ticket.take()
            {
                outbox.put(ticket, Answer::Failed(Unavailable::TimedOut));
            }
            command.ticket.is_some() || command.share.is_some()
        });
        outbox.send();
    }

    /// A state has come in the place of entries, and nobody knows which commands were in them: each is [discarded](Self::discard).
    pub(crate) fn discard_all(&self) {
        self.commands.lock().under_way.retain(|_, command| {
            command.share = None;
            command.ticket.is_some()
        });
    }

    /// Tells every waiter, and whoever comes later, that this replica has stopped.
    pub(crate) fn close(&self) {
        let under_way = {
            let mut commands = self.commands.lock();
            commands.is_closed = true;
            std::mem::take(&mut commands.under_way)
        };
        let mut outbox = Outbox::default();
        for ticket in under_way.into_values().filter_map(|command| command.ticket) {
            outbox.put(ticket, Answer::Failed(Unavailable::Stopped));
        }
        outbox.send();
    }

    /// How many commands are under way.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.commands.lock().under_way.len()
    }
}

/// What openraft tells when it will not carry an entry of commands to its end. Outcomes do not come this way: they come from the
/// apply thread, by id, on every member alike. It is dropped when the entry is handed over to be applied.
pub(crate) struct Rejection<T> {
    whose: Whose,
    told: PhantomData<fn(T)>,
}

enum Whose {
    /// Its commands came to this member. They hold a place among the entries that may be under way at once.
    Mine(Vec<Retry>, #[expect(dead_code, reason = "given back with it")] OwnedSemaphorePermit),
    /// They came to another one, which this member leads: the commands at these positions of its call.
    Forwarded(Fates, Range<u32>),
}

/// A command that may have to be proposed again.
pub(crate) struct Retry {
    pub(crate) command: Proposal,
    pub(crate) pending: Arc<Pending>,
    pub(crate) again: inbox::Sender<Proposal>,
}

impl<T> Rejection<T> {
    pub(crate) fn mine(retries: Vec<Retry>, place: OwnedSemaphorePermit) -> Self {
        Self { whose: Whose::Mine(retries, place), told: PhantomData }
    }

    pub(crate) fn forwarded(fates: Fates, positions: Range<u32>) -> Self {
        Self { whose: Whose::Forwarded(fates, positions), told: PhantomData }
    }
}

impl<T: OptionalSend + 'static> Responder<TypeConfig, T> for Rejection<T> {
    fn on_complete(self, told: T) {
        let told: &dyn Any = &told;
        let Some(Err(error)) = told.downcast_ref::<ClientWriteResult<TypeConfig>>() else { return };
        match self.whose {
            Whose::Mine(retries, _) => retries.into_iter().for_each(|retry| retry.rejected(error)),
            // R3: what was refused before it was appended may be proposed again; of all else the outcome tells.
            Whose::Forwarded(fates, positions) if was_not_appended(error) => fates.refuse(positions),
            Whose::Forwarded(..) => {}
        }
    }
}

fn was_not_appended(error: &ClientWriteError<TypeConfig>) -> bool {
    matches!(error, ClientWriteError::ForwardToLeader(_))
}

impl Retry {
    fn rejected(self, error: &ClientWriteError<TypeConfig>) {
        let id = self.command.id;
        match error {
            // R3: refused before it was appended; soon there is a leader, and it may be this member.
            ClientWriteError::ForwardToLeader(_) => {
                if let Err(refused) = self.again.push(self.command) {
                    self.pending.fail(id, reason(&refused));
                }
            }
            // What became of it is not known: its deadline, or its outcome, answers (R2, R3).
            ClientWriteError::LogEntryDiscarded(_) => self.pending.discard(id),
            ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_) => {
                tracing::warn!(id, %error, "openraft refused a command for a reason that commands do not have");
                self.pending.fail(id, Unavailable::LeaderChanged);
            }
        }
    }
}

/// Why nothing will happen to what an inbox refused.
pub(crate) fn reason<T>(refused: &Refused<T>) -> Unavailable {
    match refused {
        Refused::Full(_) => Unavailable::TooManyRequests,
        Refused::Closed(_) => Unavailable::Stopped,
    }
}

#[cfg(test)]
mod tests;
