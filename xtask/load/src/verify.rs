//! `verify`: reads everything below our keys, judges it, and reads some of the past.
//!
//! A server that does not know older revisions yet says so; then the past is left out, and the report shows it.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use quorate_proto::etcdserverpb::RangeRequest;
use serde_json::json;
use tonic::{Code, Status};

use crate::connection::Connection;
use crate::journal::{self, Journal};
use crate::judge::{Found, Store, judge};
use crate::model::{Model, Past};
use crate::options::Options;

/// Keys of workers begin with `w`.
const ALL: (&str, &str) = ("w", "x");
const PAGE: i64 = 1000;
const PAST_READS: usize = 200;
const WRONGS_SHOWN: usize = 20;

pub(crate) async fn run(mut options: Options) -> anyhow::Result<()> {
    let endpoint: String = options.require("--endpoint")?;
    let path: PathBuf = options.require("--journal")?;
    options.finish()?;
    let model = Model::replay(journal::read(&path)?)?;
    let mut connection = Connection::open(&endpoint).await?;
    let store = read(&mut connection).await?;
    let past = sample(&model.past);
    let (acknowledged, unknown) = (model.acknowledged, model.pending.len());
    let verdict = judge(model, &store);
    let mut wrongs = verdict.wrongs;
    let mut past_reads = 0;
    for past in past {
        match read_past(&mut connection, past).await {
            Ok(wrong) => wrongs.extend(wrong),
            Err(status) if status.code() == Code::Unimplemented => break,
            Err(status) => return Err(status.into()),
        }
        past_reads += 1;
    }
    if !wrongs.is_empty() {
        bail!("{} wrongs\n{}", wrongs.len(), wrongs[..wrongs.len().min(WRONGS_SHOWN)].join("\n"));
    }
    let mut journal = Journal::append(&path)?;
    verdict.settled.iter().try_for_each(|event| journal.write(event))?;
    journal.finish()?;
    println!(
        "{}",
        json!({
            "acknowledged": acknowledged,
            "unknown": unknown,
            "keys": store.keys.len(),
            "revision": store.revision,
            "past": past_reads,
        })
    );
    Ok(())
}

/// In pages. Nobody writes meanwhile, so all must be of one revision.
async fn read(connection: &mut Connection) -> anyhow::Result<Store> {
    let mut store = Store::default();
    let mut from = ALL.0.as_bytes().to_vec();
    loop {
        let request = RangeRequest {
            key: from.into(),
            range_end: ALL.1.into(),
            limit: PAGE,
            ..RangeRequest::default()
        };
        let page = connection.range(request).await?;
        let revision = page.header.map_or(0, |header| header.revision);
        ensure!(
            store.revision == 0 || store.revision == revision,
            "the revision went from {} to {revision} without a write",
            store.revision
        );
        store.revision = revision;
        let Some(last) = page.kvs.last() else { break };
        from = [&last.key[..], b"\0"].concat();
        for pair in page.kvs {
            let found = Found {
                value: pair.value.to_vec(),
                create_revision: pair.create_revision,
                mod_revision: pair.mod_revision,
                version: pair.version,
            };
            let before = store.keys.insert(String::from_utf8(pair.key.to_vec())?, found);
            ensure!(before.is_none(), "a key came on two pages");
        }
        if !page.more {
            break;
        }
    }
    Ok(store)
}

/// Some acknowledged puts, evenly over the history, the newest among them.
fn sample(past: &[Past]) -> Vec<Past> {
    let stride = past.len().div_ceil(PAST_READS).max(1);
    past.iter().rev().step_by(stride).cloned().collect()
}

/// A put must be readable at its own revision for as long as nobody compacts.
async fn read_past(connection: &mut Connection, past: Past) -> Result<Option<String>, Status> {
    let Past { key, record } = past;
    let revision = record.mod_revision;
    let request = RangeRequest { key: key.clone().into(), revision, ..RangeRequest::default() };
    let response = connection.range(request).await?;
    let found = response.kvs.first();
    let holds = found.is_some_and(|pair| {
        pair.value == record.value.bytes() && pair.mod_revision == revision && pair.version == record.version
    });
    Ok((!holds).then(|| format!("{key} at revision {revision} must be {:?}, is {found:?}", record.value.tag)))
}
