//! A whole server inside another program, stopped and started again: `cargo run -p quorate-node --example embedded`

use quorate_node::config::{Parsed, parse};
use quorate_node::{Config, Node, Parts, bootstrap};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{PutRequest, RangeRequest};
use quorate_state_machine::spaces;
use quorate_storage_memory::{MemoryEngine, Options};
use quorate_tasks::Group;
use std::path::Path;
use std::sync::Arc;
use tonic::transport::Endpoint;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    for life in 1..=2 {
        let node = start(&config(folder.path())?).await?;
        let endpoint = Endpoint::from_shared(format!("http://{}", node.addresses()[0]))?;
        let mut client = KvClient::new(endpoint.connect().await?);
        let found = client.range(RangeRequest { key: "life".into(), ..RangeRequest::default() }).await?;
        println!("life {life} finds {:?}", found.into_inner().kvs);
        let value = life.to_string().into();
        client.put(PutRequest { key: "life".into(), value, ..PutRequest::default() }).await?;
        drop(client);
        node.stop();
    }
    Ok(())
}

fn config(data_dir: &Path) -> Outcome<Config> {
    let data_dir = format!("--data-dir={}", data_dir.display());
    let urls = [
        "--listen-client-urls=http://127.0.0.1:0",
        "--advertise-client-urls=http://127.0.0.1:0",
        "--listen-peer-urls=http://127.0.0.1:0",
    ];
    match parse(["embedded", &data_dir, urls[0], urls[1]].map(Into::into), []) {
        Parsed::Serve { config, .. } => Ok(*config),
        other => Err(format!("these settings make no server: {other:?}").into()),
    }
}

async fn start(config: &Config) -> Outcome<Node> {
    let data_dir = bootstrap::open(config, "memory").await?;
    let engine = MemoryEngine::open(data_dir.engine("memory"), spaces::ALL, Options::default())?;
    // Above every id of an earlier life; the server makes it of the time of day.
    let first_request_id = quorate_tasks::entropy() >> 1;
    let (engine, group) = (Arc::new(engine), Group::threads());
    Ok(Node::start(config, Parts { data_dir, engine, first_request_id, group }).await?)
}
