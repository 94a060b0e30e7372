//! An etcd client against the services, in one process and without a connection:
//! `cargo run -p quorate-grpc --example in_process`

use quorate_coordinator::testing::{LocalConsensus, MEMBER};
use quorate_coordinator::{Coordinator, Limits, Work};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest};
use quorate_tasks::reply::Desk;
use quorate_tasks::{Group, SystemClock};
use quorate_types::ClusterId;
use std::sync::Arc;
use tonic::service::Routes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let consensus = Arc::new(LocalConsensus::new()?);
    let (clock, work) = (Arc::new(SystemClock::new()), Work::start(&Group::threads(), 1));
    let door = Coordinator::new(ClusterId(1), MEMBER, consensus, clock, Limits::default(), work);
    let desk = Desk::default();
    let services = quorate_grpc::routes(&door.at(desk.clone()));
    tokio::select! {
        outcome = ask(KvClient::new(services)) => Ok(outcome?),
        () = desk.attend() => Ok(()), // where the answers arrive
    }
}

async fn ask(mut client: KvClient<Routes>) -> Result<(), tonic::Status> {
    let put = PutRequest { key: "fruit".into(), value: "apple".into(), ..PutRequest::default() };
    println!("{:?}", client.put(put).await?.into_inner());
    let get = RangeRequest { key: "fruit".into(), ..RangeRequest::default() };
    println!("{:?}", client.range(get).await?.into_inner());
    if let Err(refusal) = client.range(RangeRequest::default()).await {
        println!("without a key: {:?}, {:?}", refusal.code(), refusal.message());
    }
    Ok(())
}
