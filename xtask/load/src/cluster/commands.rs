//! What we are told to do, a line at a time, and the line of JSON that answers.

use std::io::{self, BufRead, Write};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::members::{self, Change};
use super::{Crowd, Shared, finish};

const POLL: Duration = Duration::from_millis(5);

/// Until `finish`, or until nobody can tell us anything any more.
pub(super) async fn serve(shared: Rc<Shared>, crowd: Crowd) -> anyhow::Result<()> {
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words == ["finish"] {
            return say(finish::finish(&shared, crowd).await);
        }
        say(obey(&shared, &words).await)?;
        shared.recorder.borrow_mut().flush()?;
    }
    bail!("stdin has ended without `finish`")
}

async fn obey(shared: &Shared, words: &[&str]) -> anyhow::Result<Value> {
    let endpoints = &shared.endpoints;
    match words {
        ["status"] => Ok(members::statuses(endpoints).await),
        ["await", ms] => written(shared, Duration::from_millis(ms.parse()?)).await,
        ["remove", id] => members::change(endpoints, &Change::Remove(id.parse()?)).await,
        ["add", url] => members::change(endpoints, &Change::Add((*url).to_owned())).await,
        ["disarm"] => members::change(endpoints, &Change::Disarm).await,
        _ => bail!("no such command: {words:?}"),
    }
}

/// When, from now, a write had been acknowledged through every endpoint; and the longest time without any since the last
/// such command.
async fn written(shared: &Shared, within: Duration) -> anyhow::Result<Value> {
    let since = Instant::now();
    loop {
        let silent = shared.recorder.borrow().silent_since(since);
        if silent.is_empty() {
            let pause_ms = shared.recorder.borrow_mut().take_pause().as_millis();
            return Ok(json!({ "pause_ms": pause_ms, "all_ms": since.elapsed().as_millis() }));
        }
        if since.elapsed() > within {
            let silent: Vec<&String> = silent.iter().map(|at| &shared.endpoints[*at]).collect();
            bail!("no write was acknowledged within {within:?} through {silent:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// An answer, or what went wrong; the latter ends nothing by itself.
fn say(outcome: anyhow::Result<Value>) -> anyhow::Result<()> {
    let line = outcome.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("answer")
}

/// Lines of stdin, which is read on a thread of its own. One that is not taken yet keeps it from reading the next.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
