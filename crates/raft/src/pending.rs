//! Who waits for what: from a command's id to the ticket of its call.

use crate::proposer::Proposal;
use crate::types::TypeConfig;
use foldhash::HashMap;
use openraft::OptionalSend;
use openraft::errors::ClientWriteError;
use openraft::raft::ClientWriteResult;
use openraft::raft::responder::Responder;
use parking_lot::Mutex;
use quorate_state_machine::{Answer, Applied, Unavailable};
use quorate_tasks::Moment;
use quorate_tasks::inbox::{self, Refused};
use quorate_tasks::reply::{Outbox, Ticket};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// The calls whose commands are under way. Bounded by admission at the edge, and in time by each one's deadline.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    waiting: HashMap<u64, Waiting>,
    /// Nobody will be answered any more: whoever comes is told so.
    is_closed: bool,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket<Answer>,
    deadline: Moment,
}

impl Pending {
    /// Remembers who waits for the command `id`; after [`Pending::close`] it is told at once.
    pub(crate) fn insert(&self, id: u64, ticket: Ticket<Answer>, deadline: Moment) {
        let mut calls = self.calls.lock();
        if calls.is_closed {
            drop(calls);
            ticket.answer(Answer::Failed(Unavailable::Stopped));
            return;
        }
        let earlier = calls.waiting.insert(id, Waiting { ticket, deadline });
        assert!(earlier.is_none(), "R2: ids are unique");
    }

    /// Lays the outcomes ready for those that wait here.
    pub(crate) fn answer(&self, outcomes: &mut Vec<Applied>, outbox: &mut Outbox<Answer>) {
        let mut calls = self.calls.lock();
        for applied in outcomes.drain(..) {
            if let Some(waiting) = calls.waiting.remove(&applied.id) {
                outbox.put(waiting.ticket, Answer::Applied(applied.outcome));
            }
        }
    }

    /// Tells one waiter that its command came to nothing here.
    pub(crate) fn fail(&self, id: u64, reason: Unavailable) {
        let waiting = self.calls.lock().waiting.remove(&id);
        if let Some(waiting) = waiting {
            waiting.ticket.answer(Answer::Failed(reason));
        }
    }

    /// Tells those whose deadline has come (R2). Cost: a look at every call that waits.
    pub(crate) fn expire(&self, now: Moment) {
        let mut outbox = Outbox::default();
        let mut calls = self.calls.lock();
        for (_, waiting) in calls.waiting.extract_if(|_, waiting| waiting.deadline <= now) {
            outbox.put(waiting.ticket, Answer::Failed(Unavailable::TimedOut));
        }
        drop(calls);
        outbox.send();
    }

    /// Tells every waiter, and whoever comes later, that this replica has stopped.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut calls = self.calls.lock();
            calls.is_closed = true;
            std::mem::take(&mut calls.waiting)
        };
        let mut outbox = Outbox::default();
        for waiting in waiting.into_values() {
            outbox.put(waiting.ticket, Answer::Failed(Unavailable::Stopped));
        }
        outbox.send();
    }

    /// How many calls wait.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.calls.lock().waiting.len()
    }
}

/// What openraft tells when it will not carry a command to its end. Outcomes do not come this way: they come from the
/// apply thread, by id, on every member alike.
pub(crate) struct Rejection<T> {
    pub(crate) proposal: Retry,
    pub(crate) told: PhantomData<fn(T)>,
}

/// A command that may have to be proposed again.
pub(crate) struct Retry {
    pub(crate) command: Proposal,
    pub(crate) pending: Arc<Pending>,
    pub(crate) again: inbox::Sender<Proposal>,
}

impl<T: OptionalSend + 'static> Responder<TypeConfig, T> for Rejection<T> {
    fn on_complete(self, told: T) {
        let told: &dyn Any = &told;
        let Some(Err(error)) = told.downcast_ref::<ClientWriteResult<TypeConfig>>() else { return };
        self.proposal.rejected(error);
    }
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
            ClientWriteError::LogEntryDiscarded(_) => {}
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
