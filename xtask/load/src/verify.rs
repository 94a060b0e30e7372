//! `verify`: reads everything below our keys at one revision, judges it, and reads some of the past.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use quorate_proto::etcdserverpb::RangeRequest;
use serde_json::json;

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
    for past in past {
        wrongs.extend(read_past(&mut connection, past).await?);
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
        })
    );
    Ok(())
}

/// In pages, all at the revision of the first.
async fn read(connection: &mut Connection) -> anyhow::Result<Store> {
    let mut store = Store::default();
    let mut from = ALL.0.as_bytes().to_vec();
    loop {
        let request = RangeRequest {
            key: from.into(),
            range_end: ALL.1.into(),
            limit: PAGE,
            revision: store.revision,
            ..RangeRequest::default()
        };
        let page = connection.range(request).await?;
        if store.revision == 0 {
            store.revision = page.header.map_or(0, |header| header.revision);
        }
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
async fn read_past(connection: &mut Connection, past: Past) -> anyhow::Result<Option<String>> {
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
