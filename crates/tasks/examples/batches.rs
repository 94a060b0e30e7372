//! A step on a thread of its own takes all that waits, and answers in bulk: `cargo run -p quorate-tasks --example batches`

use quorate_tasks::inbox::inbox;
use quorate_tasks::reply::{Desk, Outbox, Ticket};
use quorate_tasks::{Clock, Failure, Group, Step, SystemClock, timeout};
use std::time::Duration;

/// Squares numbers, a batch a turn.
#[derive(Default)]
struct Squares {
    outbox: Outbox<u64>,
}

impl Step for Squares {
    type Input = (u64, Ticket<u64>);

    fn turn(&mut self, batch: &mut Vec<Self::Input>) -> Result<(), Failure> {
        println!("a batch of {}", batch.len());
        batch.drain(..).for_each(|(number, ticket)| self.outbox.put(ticket, number * number));
        self.outbox.send(); // one wake-up for all of them
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (group, desk, clock) = (Group::threads(), Desk::default(), SystemClock::new());
    let (sender, receiver) = inbox(1024);
    let (tickets, replies): (Vec<_>, Vec<_>) = (0..10).map(|_| desk.ticket()).unzip();
    for (number, ticket) in (0..).zip(tickets) {
        sender.push((number, ticket)).map_err(|_| "the inbox is full")?;
    }
    group.step("squares", receiver, Squares::default());

    let deadline = clock.now() + Duration::from_secs(5);
    let squares = timeout(&clock, deadline, futures::future::join_all(replies));
    tokio::select! {
        squares = squares => println!("{:?}", squares?),
        () = desk.attend() => {} // hands the answers out, for ever
    }
    drop(sender); // the step ends after what still waits
    group.join();
    Ok(())
}
