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
use quorate_tasks::budget::Share;
use quorate_tasks::inbox;
use quorate_tasks::reply::{Outbox, Ticket};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

/// The calls whose commands are under way. Bounded by the budget that each holds a share of; a call that gave up leaves its entry until
/// its command is applied or rejected.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    waiting: Mutex<HashMap<u64, Waiting>>,
}

/// One call, and what its command takes of the budget until its fate is known.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket<Answer>,
    _share: Option<Share>,
}

impl Pending {
    pub(crate) fn insert(&self, id: u64, ticket: Ticket<Answer>, share: Option<Share>) {
        let earlier = self.waiting.lock().insert(id, Waiting { ticket, _share: share });
        assert!(earlier.is_none(), "R2: ids are unique");
    }

    /// Lays the outcomes ready for those that wait here.
    pub(crate) fn answer(&self, outcomes: &mut Vec<Applied>, outbox: &mut Outbox<Answer>) {
        let mut waiting = self.waiting.lock();
        for applied in outcomes.drain(..) {
            if let Some(call) = waiting.remove(&applied.id) {
                outbox.put(call.ticket, Answer::Applied(applied.outcome));
            }
        }
    }

    /// Tells one waiter that its command came to nothing here.
    pub(crate) fn fail(&self, id: u64, reason: Unavailable) {
        let call = self.waiting.lock().remove(&id);
        if let Some(call) = call {
            call.ticket.answer(Answer::Failed(reason));
        }
    }

    /// Tells every waiter: this replica stops.
    pub(crate) fn fail_all(&self, reason: Unavailable) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        let mut outbox = Outbox::default();
        waiting.into_values().for_each(|call| outbox.put(call.ticket, Answer::Failed(reason)));
        outbox.send();
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
                if self.again.push(self.command).is_err() {
                    self.pending.fail(id, Unavailable::Stopped);
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
