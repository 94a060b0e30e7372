use super::*;
use futures::FutureExt;
use quorate_state_machine::Outcome;
use quorate_tasks::budget::Budget;
use quorate_tasks::reply::{Desk, Reply};
use quorate_types::Revision;
use std::time::Duration;

const SOON: Moment = Moment(Duration::from_secs(1));
const LATER: Moment = Moment(Duration::from_secs(2));

/// Two calls: 1 until soon, 2 until later.
fn two() -> (Pending, Desk<Answer>, [Reply<Answer>; 2]) {
    let (pending, desk) = (Pending::default(), Desk::default());
    let replies = [(1, SOON), (2, LATER)].map(|(id, deadline)| {
        let (ticket, reply) = desk.ticket();
        pending.insert(id, ticket, deadline, None);
        reply
    });
    (pending, desk, replies)
}

/// What the call was told, if anything.
fn told(desk: &Desk<Answer>, reply: &mut Reply<Answer>) -> Option<Answer> {
    assert_eq!(desk.attend().now_or_never(), None);
    reply.now_or_never()
}

#[test]
fn a_call_that_gave_up_is_forgotten_at_its_deadline() {
    let (pending, desk, [first, mut second]) = two();
    drop(first);
    pending.expire(SOON);
    assert_eq!(pending.count(), 1);
    assert_eq!(told(&desk, &mut second), None);
    pending.expire(LATER);
    assert_eq!(told(&desk, &mut second), Some(Answer::Failed(Unavailable::TimedOut)));
    assert_eq!(pending.count(), 0);
}

#[test]
fn an_outcome_after_the_deadline_reaches_nobody() {
    let (pending, desk, [mut first, _second]) = two();
    pending.expire(SOON);
    let outcome = Outcome { revision: Revision(2), result: Ok(quorate_state_machine::Reply::Done) };
    let mut outbox = Outbox::default();
    pending.answer(&mut vec![Applied { id: 1, outcome }], &mut outbox);
    outbox.send();
    assert_eq!(told(&desk, &mut first), Some(Answer::Failed(Unavailable::TimedOut)));
}

#[test]
fn whoever_waits_at_the_end_or_comes_after_it_is_told() {
    let (pending, desk, [mut first, mut second]) = two();
    pending.close();
    let (ticket, mut third) = desk.ticket();
    pending.insert(3, ticket, LATER, None);
    for reply in [&mut first, &mut second, &mut third] {
        assert_eq!(told(&desk, reply), Some(Answer::Failed(Unavailable::Stopped)));
    }
    assert_eq!(pending.count(), 0);
}

#[test]
fn a_command_holds_its_share_until_its_fate_is_known_whoever_waits() {
    let (pending, desk, budget) = (Pending::default(), Desk::default(), Budget::new(30));
    let replies: Vec<_> = [1, 2, 3]
        .map(|id| {
            let (ticket, reply) = desk.ticket();
            pending.insert(id, ticket, SOON, Some(budget.take(10).unwrap()));
            reply
        })
        .into();
    pending.expire(SOON);
    drop(replies);
    assert_eq!((pending.count(), budget.used()), (3, 30), "nobody waits, but the log has them");
    pending.fail(1, Unavailable::LeaderChanged);
    pending.discard(2);
    let outcome = Outcome { revision: Revision(2), result: Ok(quorate_state_machine::Reply::Done) };
    pending.answer(&mut vec![Applied { id: 3, outcome }], &mut Outbox::default());
    assert_eq!((pending.count(), budget.used()), (0, 0));
}

#[test]
fn a_state_in_the_place_of_entries_gives_their_shares_back_and_leaves_those_who_wait() {
    let (pending, desk, budget) = (Pending::default(), Desk::default(), Budget::new(30));
    let mut replies: Vec<Reply<Answer>> = Vec::new();
    for (id, deadline) in [(1, SOON), (2, LATER)] {
        let (ticket, reply) = desk.ticket();
        pending.insert(id, ticket, deadline, Some(budget.take(10).unwrap()));
        replies.push(reply);
    }
    pending.expire(SOON);
    pending.discard_all();
    assert_eq!((pending.count(), budget.used()), (1, 0), "the second one still waits for its outcome");
    pending.expire(LATER);
    assert_eq!(told(&desk, &mut replies[1]), Some(Answer::Failed(Unavailable::TimedOut)));
    assert_eq!(pending.count(), 0);
}
