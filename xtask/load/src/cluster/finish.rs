//! The end of a run: everybody level, everything read, hashed and told.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use quorate_testkit::{MemberHash, Revision};
use serde_json::{Value, json};

use super::client::Client;
use super::{Crowd, Shared, members};

/// A member that was away may need the whole state.
const LEVEL_WITHIN: Duration = Duration::from_secs(30);
const TOLD_WITHIN: Duration = Duration::from_secs(30);
const READ_WITHIN: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// Ends the crowd and gives the counts; an error if members stay apart, or a watch is not told.
pub(super) async fn finish(shared: &Rc<Shared>, crowd: Crowd) -> anyhow::Result<Value> {
    shared.is_over.set(true);
    for client in crowd.clients {
        client.await.context("a client has panicked")?;
    }
    let level = level(shared).await;
    let revision = match level {
        Ok(revision) => revision,
        Err(error) => {
            shared.recorder.borrow_mut().flush()?;
            return Err(error);
        }
    };
    read_all(shared).await?;
    for endpoint in &shared.endpoints {
        let said = members::hash(endpoint, revision).await.with_context(|| format!("hash of {endpoint}"))?;
        shared.recorder.borrow_mut().hash(MemberHash {
            member: endpoint.clone(),
            revision: Revision(said.hash_revision),
            compact_revision: Revision(said.compact_revision),
            hash: said.hash,
        });
    }
    shared.until.set(Some(Revision(revision)));
    let told = Instant::now();
    for (number, watcher) in crowd.watchers.into_iter().enumerate() {
        let left = TOLD_WITHIN.saturating_sub(told.elapsed());
        match tokio::time::timeout(left, watcher).await {
            Ok(ended) => ended.context("a watcher has panicked")?,
            Err(_) => {
                let wrong = format!("watcher {number} was not told everything up to revision {revision}");
                shared.recorder.borrow_mut().wrong(wrong);
            }
        }
    }
    let mut recorder = shared.recorder.borrow_mut();
    recorder.flush()?;
    ensure!(recorder.wrongs().is_empty(), "{}", recorder.wrongs().join("\n"));
    Ok(json!({
        "entries": recorder.entries(),
        "acknowledged": recorder.acknowledged,
        "unknown": recorder.unknown,
        "refused": recorder.refused,
        "revision": revision,
    }))
}

/// The revision that all members have reached, once they have; leases may go on ending meanwhile.
async fn level(shared: &Shared) -> anyhow::Result<i64> {
    let begun = Instant::now();
    let mut due = 0;
    loop {
        let mut revisions = Vec::new();
        for endpoint in &shared.endpoints {
            let said = members::status(endpoint).await;
            revisions.push(said.and_then(|said| said.header).map(|header| header.revision));
        }
        due = due.max(revisions.iter().flatten().copied().max().unwrap_or_default());
        if revisions.iter().all(|revision| revision.is_some_and(|revision| revision >= due)) {
            return Ok(due);
        }
        if begun.elapsed() > LEVEL_WITHIN {
            bail!("the members do not become level: revisions {revisions:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Every key through every member: what is not read cannot be judged.
async fn read_all(shared: &Rc<Shared>) -> anyhow::Result<()> {
    for at in 0..shared.endpoints.len() {
        let number = u32::try_from(1000 + at).context("so many members")?;
        let mut reader = Client::new(number, 0, Rc::clone(shared));
        for key in Client::keys() {
            let begun = Instant::now();
            while !reader.read(at, &key).await {
                ensure!(begun.elapsed() < READ_WITHIN, "{key} cannot be read of {}", shared.endpoints[at]);
                tokio::time::sleep(POLL).await;
            }
        }
    }
    Ok(())
}
