use super::*;
use futures::FutureExt;

#[tokio::test]
async fn answers_of_a_batch_reach_their_calls() {
    let desk = Desk::default();
    let (first, reply_1) = desk.ticket();
    let (second, reply_2) = desk.ticket();
    let mut outbox = Outbox::default();
    outbox.put(second, "two");
    outbox.put(first, "one");
    let calls = async { (reply_1.await, reply_2.await) };
    let answers = async {
        tokio::task::yield_now().await;
        outbox.send();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        both = calls => assert_eq!(both, ("one", "two")),
        () = desk.attend() => unreachable!(),
        () = answers => unreachable!(),
    }
}

#[test]
fn a_late_answer_does_not_reach_the_next_call_in_the_slot() {
    let desk = Desk::default();
    let (late, reply) = desk.ticket();
    drop(reply);
    let (_, reply) = desk.ticket();
    late.answer("meant for another");
    desk.sort(&mut Vec::new());
    assert_eq!(reply.now_or_never(), None);
}

#[test]
fn cancelled_calls_leak_no_slots() {
    let desk = Desk::<()>::default();
    for _ in 0..1000 {
        let (_ticket, reply) = desk.ticket();
        drop(reply);
    }
    assert_eq!(desk.shared.slots.lock().all.len(), 1);
}

#[test]
fn an_answer_that_arrives_before_the_first_poll_is_kept() {
    let desk = Desk::default();
    let (ticket, reply) = desk.ticket();
    ticket.answer(1);
    desk.sort(&mut Vec::new());
    assert_eq!(reply.now_or_never(), Some(1));
}
