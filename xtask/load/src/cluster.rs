//! `cluster`: the clients of a cluster that somebody else hurts. Everything they ask and are told is recorded.
//!
//! Each call goes to some endpoint, is made once, and is given up after a while; what its error does not prove to be
//! undone is unknown ([`fate`]). Whoever started us writes commands to stdin, one a line, and reads one line of JSON for
//! each on stdout:
//!
//! - `status`: what each member says of itself.
//! - `await MS`: waits until through each endpoint a write was acknowledged that began after this command; tells how long,
//!   since the last such command, there was none through any.
//! - `remove ID`, `add URL`, `disarm`: changes of the members, and the end of all alarms.
//! - `finish`: the clients stop, all members reach one revision, are read and hashed, and the watches are told everything.
//!
//! Laws: V4 a call is recorded before it is sent, and its end after that has come, by one clock. V5 an outcome is `Refused`
//! only if nobody can have done it. V6 what is not understood fails the run.

mod client;
mod commands;
mod fate;
mod finish;
mod history;
mod lease;
mod links;
mod members;
mod recorder;
mod watcher;
mod wire;

pub(crate) use history::judge;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::ensure;
use quorate_testkit::Revision;
use tokio::task::{JoinHandle, LocalSet};

use crate::options::Options;
use client::Client;
use links::Links;
use recorder::Recorder;
use watcher::Watcher;

/// What all clients of one process share.
#[derive(Debug)]
struct Shared {
    /// `http://HOST:PORT`, one a member.
    endpoints: Vec<String>,
    recorder: RefCell<Recorder>,
    /// Clients make no further calls.
    is_over: Cell<bool>,
    /// Watches end once they have been told everything up to here.
    until: Cell<Option<Revision>>,
}

/// The tasks that make calls, and those that watch.
#[derive(Debug)]
struct Crowd {
    clients: Vec<JoinHandle<()>>,
    watchers: Vec<JoinHandle<()>>,
}

pub(crate) async fn run(mut options: Options) -> anyhow::Result<()> {
    let endpoints: String = options.require("--endpoints")?;
    let history: PathBuf = options.require("--history")?;
    let clients: u32 = options.take("--clients", 10)?;
    let watchers: u32 = options.take("--watchers", 6)?;
    let seed: u64 = options.take("--seed", 0)?;
    options.finish()?;
    let endpoints: Vec<String> = endpoints.split(',').map(str::to_owned).collect();
    ensure!(!endpoints.is_empty(), "--endpoints names nobody");
    let recorder = RefCell::new(Recorder::create(&history, endpoints.len())?);
    let shared = Rc::new(Shared { endpoints, recorder, is_over: Cell::new(false), until: Cell::new(None) });
    let local = LocalSet::new();
    let crowd = Crowd {
        clients: (0..clients)
            .map(|number| local.spawn_local(Client::new(number, seed, Rc::clone(&shared)).run()))
            .collect(),
        watchers: (0..watchers)
            .map(|number| local.spawn_local(Watcher::new(number, seed, Rc::clone(&shared)).run()))
            .collect(),
    };
    local.run_until(commands::serve(shared, crowd)).await
}
