//! Asks a coordinator directly, without a wire: `cargo run -p quorate-coordinator --example ask`

use quorate_coordinator::testing::{LocalConsensus, MEMBER};
use quorate_coordinator::{Call, Coordinator, Error, Identity, Limits, Put, Query, Work};
use quorate_mvcc as mvcc;
use quorate_tasks::reply::Desk;
use quorate_tasks::{Group, SystemClock};
use quorate_types::{ClusterId, KeyRange, LeaseId};
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let consensus = Arc::new(LocalConsensus::new()?);
    let (clock, work) = (Arc::new(SystemClock::new()), Work::start(&Group::threads(), 1));
    let door = Coordinator::new(ClusterId(1), MEMBER, consensus, clock, Limits::default(), work);
    let desk = Desk::default();
    tokio::select! {
        outcome = ask(door.at(desk.clone())) => Ok(outcome?),
        () = desk.attend() => Ok(()), // where the answers arrive
    }
}

async fn ask(door: Coordinator) -> Result<(), Error> {
    let call = Call { identity: Identity::Anonymous, deadline: door.clock().now() + Duration::from_secs(5) };
    for value in ["apple", "pear"] {
        let change = mvcc::Put { key: "fruit".into(), value: Some(value.into()), lease: Some(LeaseId::NONE) };
        let (revision, _) = door.put(&call, Put { change, with_previous: false }).await?;
        println!("fruit is {value} at revision {revision}");
    }
    let (revision, found) = door.range(&call, Query::newest(KeyRange::Single("fruit".into())), false).await?;
    println!("at revision {revision} there is {} fruit", found.count);
    let refused = door.range(&call, Query::newest(KeyRange::Single("".into())), false).await;
    println!("without a key: {:?}", refused.err().map(|error| error.to_string()));
    println!("{:?}", door.status());
    Ok(())
}
