//! Commands that came to a follower, on their way to the leader.

use crate::codec::peer::Malformed;
use crate::grouping::Bounds;
use crate::pending::{Pending, reason};
use crate::proposer::Proposal;
use crate::transport::{Broken, Purpose, Target, Transport};
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_proto::peer::{ProposeReply, ProposeRequest};
use quorate_tasks::inbox::{Receiver, Sender};
use quorate_tasks::{Clock, Failure, timeout};
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What commands go in a call: it should not hold up the next one for long.
const CALL: Bounds = Bounds { bytes: 1 << 20, count: 4096 };
/// Calls under way at once: each ends when the leader has applied, or refused, all it carries. What comes meanwhile gathers: a call costs
/// both members more than the commands in it.
const CALLS_MAX: usize = 16;

/// Commands for one leader.
pub(crate) struct Parcel {
    pub(crate) leader: Target,
    pub(crate) proposals: Vec<Proposal>,
}

/// Takes parcels to leaders. Law R3: a command is proposed again only if the leader says that it did not append it, or if the
/// parcel was not sent.
pub(crate) struct Forwarder {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) again: Sender<Proposal>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Forwarder {
    pub(crate) async fn run(self, mut inbox: Receiver<Parcel>) -> Result<(), Failure> {
        let mut calls = FuturesUnordered::new();
        let mut batch = Vec::new();
        loop {
            let is_open = {
                let next = pin!(next_batch(&mut inbox, &mut batch, calls.len() < CALLS_MAX));
                match select(next, pin!(ended(&mut calls))).await {
                    Either::Left((is_open, _)) => is_open,
                    Either::Right(_) => true,
                }
            };
            for parcel in merged(&mut batch) {
                cut(parcel).for_each(|parcel| calls.push(self.carry(parcel)));
            }
            if !is_open {
                return Ok(());
            }
        }
    }

    async fn carry(&self, parcel: Parcel) {
        let Parcel { leader, proposals } = parcel;
        let envelopes = proposals.iter().map(|proposal| proposal.envelope.clone()).collect();
        let deadline = proposals.iter().map(|proposal| proposal.deadline).max().unwrap_or_default();
        let question = Question::Propose(ProposeRequest { envelopes });
        let call = self.transport.call(&leader, Purpose::Calls, question);
        match timeout(self.clock.as_ref(), deadline, call).await {
            Ok(Ok(Answer::Propose(reply))) => {
                let is_refused = refused(&reply, proposals.len());
                let again = proposals.into_iter().zip(is_refused).filter(|(_, is_refused)| *is_refused);
                again.for_each(|(proposal, _)| self.propose_again(proposal));
            }
            Ok(Ok(_) | Err(Broken::NotSent(_))) => {
                proposals.into_iter().for_each(|proposal| self.propose_again(proposal));
            }
            // What became of them is not known: their outcomes, or their deadlines, answer (R2, R3).
            Ok(Err(Broken::Unanswered(_))) | Err(_) => {
                proposals.iter().for_each(|proposal| self.pending.discard(proposal.id));
            }
        }
    }

    fn propose_again(&self, proposal: Proposal) {
        let id = proposal.id;
        if let Err(refused) = self.again.push(proposal) {
            self.pending.fail(id, reason(&refused));
        }
    }
}

/// Adds what waits to `batch` if there is room for it; false once nothing will come any more.
async fn next_batch(inbox: &mut Receiver<Parcel>, batch: &mut Vec<Parcel>, has_room: bool) -> bool {
    if has_room { inbox.next(batch).await } else { std::future::pending().await }
}

/// The end of one call; never, if there is none.
async fn ended<F: Future>(calls: &mut FuturesUnordered<F>) {
    if calls.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// What is for one leader together, in its order: each poll of a front thread brings a parcel of its own.
fn merged(batch: &mut Vec<Parcel>) -> Vec<Parcel> {
    let mut merged: Vec<Parcel> = Vec::new();
    for parcel in batch.drain(..) {
        match merged.last_mut() {
            Some(last) if last.leader == parcel.leader => last.proposals.extend(parcel.proposals),
            _ => merged.push(parcel),
        }
    }
    merged
}

/// One parcel a call.
fn cut(parcel: Parcel) -> impl Iterator<Item = Parcel> {
    let Parcel { leader, proposals } = parcel;
    let groups = CALL.groups(proposals, |proposal| proposal.envelope.len());
    groups.map(move |proposals| Parcel { leader: leader.clone(), proposals })
}

/// For each of `count` commands whether the leader refused it.
fn refused(reply: &ProposeReply, count: usize) -> Vec<bool> {
    let mut refused = vec![false; count];
    for &position in &reply.refused {
        if let Some(refused) = refused.get_mut(position as usize) {
            *refused = true;
        }
    }
    refused
}

/// What becomes, at the leader, of the commands of one call: told once the fate of each is settled, when the last clone goes.
#[derive(Clone)]
pub(crate) struct Fates(Arc<Settling>);

struct Settling {
    refused: Mutex<Vec<u32>>,
    told: Mutex<Option<oneshot::Sender<Vec<u32>>>>,
}

impl Fates {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Vec<u32>>) {
        let (told, settled) = oneshot::channel();
        let settling = Settling { refused: Mutex::default(), told: Mutex::new(Some(told)) };
        (Self(Arc::new(settling)), settled)
    }

    /// The commands at `positions` were not appended.
    pub(crate) fn refuse(&self, positions: Range<u32>) {
        self.0.refused.lock().extend(positions);
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        let refused = std::mem::take(self.refused.get_mut());
        if let Some(told) = self.told.get_mut().take() {
            drop(told.send(refused)); // whoever asked may have gone away
        }
    }
}

/// Whether every envelope is one that this release can apply: what is none would stop every member at once.
pub(crate) fn check(request: &ProposeRequest) -> Result<(), Malformed> {
    let is_command = |envelope| quorate_state_machine::Command::decode(envelope).is_ok();
    if request.envelopes.iter().all(is_command) { Ok(()) } else { Err(Malformed("it proposes no command")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Node;
    use quorate_tasks::Moment;
    use quorate_types::MemberId;

    fn parcel(leader: u64, ids: &[u64]) -> Parcel {
        let proposal = |&id: &u64| Proposal {
            id,
            envelope: vec![0; 400 << 10].into(),
            deadline: Moment::default(),
            ticket: None,
            alone: false,
            share: None,
        };
        let leader = Target { member: MemberId(leader), node: Node::default() };
        Parcel { leader, proposals: ids.iter().map(proposal).collect() }
    }

    fn shown(parcels: &[Parcel]) -> Vec<(u64, Vec<u64>)> {
        let ids = |parcel: &Parcel| parcel.proposals.iter().map(|proposal| proposal.id).collect();
        parcels.iter().map(|parcel| (parcel.leader.member.0, ids(parcel))).collect()
    }

    #[test]
    fn what_waits_for_one_leader_goes_together_and_in_order() {
        let mut batch = vec![parcel(1, &[1]), parcel(1, &[2, 3]), parcel(2, &[4]), parcel(1, &[5])];
        let merged = merged(&mut batch);
        assert_eq!(shown(&merged), [(1, vec![1, 2, 3]), (2, vec![4]), (1, vec![5])]);
        assert!(batch.is_empty());
    }

    #[test]
    fn a_call_carries_about_a_mebibyte() {
        assert_eq!(
            shown(&cut(parcel(1, &[1, 2, 3, 4, 5])).collect::<Vec<_>>()),
            [(1, vec![1, 2]), (1, vec![3, 4]), (1, vec![5])]
        );
    }
}
