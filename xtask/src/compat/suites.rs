//! `cargo xtask compat --suites`: the tests that the authors of etcd clients wrote, against our server.
//!
//! Each suite comes by name from its registry and runs as published, in namespaces of its own, so that the port 2379
//! and the processes it looks for are its own. The same run against etcd 3.5.1 (`--server etcd`) proves the harness.
//!
//! It is by hand and not in CI: it fetches packages, and a suite waits for leases and tokens to end.
//!
//! Laws: U1 what a suite does not pass is listed by name with the feature that it waits for, and whatever differs from
//! the list in either direction is a failure. U2 nothing is written into the clone. U3 each suite ends within its limit,
//! and with it everything it started.

mod expected;
mod namespace;
mod outcome;
mod python;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use super::script::Side;
use crate::args::Args;
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::places::Places;
use crate::server::{Plan, Server};
use crate::setup::{self, Clients};
use crate::steps::{Step, Steps, Tally};
use expected::Expected;
use outcome::Outcomes;

pub(crate) use namespace::inside;

/// The tests of one client.
#[derive(Debug)]
struct Suite {
    name: &'static str,
    version: &'static str,
    /// What does not pass yet.
    list: &'static str,
    limit: Duration,
    /// Puts it into the cache unless it is there; gives the programs that `run` starts.
    fetch: fn(&Suite, &Places) -> anyhow::Result<Vec<PathBuf>>,
    /// Within the namespaces: prints what the suite prints.
    run: fn(&Suite, &Scene) -> anyhow::Result<()>,
    /// What was printed, read.
    read: fn(&str) -> Outcomes,
}

const SUITES: [Suite; 4] = [
    Suite {
        name: "etcd-client",
        version: "0.21.1",
        list: include_str!("../../compat/rust/etcd-client.txt"),
        limit: Duration::from_secs(300),
        fetch: rust::fetch,
        run: rust::run,
        read: outcome::of_libtest,
    },
    Suite {
        name: "aetcd",
        version: "1.0.0",
        list: include_str!("../../compat/python/aetcd.txt"),
        limit: Duration::from_secs(300),
        fetch: python::fetch,
        run: python::run_with_pifpaf,
        read: outcome::of_pytest,
    },
    Suite {
        name: "etcd-client-py",
        version: "0.5.1",
        list: include_str!("../../compat/python/etcd-client-py.txt"),
        limit: Duration::from_secs(300),
        fetch: python::fetch,
        run: python::run,
        read: outcome::of_pytest,
    },
    Suite {
        name: "etcd3gw",
        version: "2.7.0",
        list: include_str!("../../compat/python/etcd3gw.txt"),
        limit: Duration::from_secs(300),
        fetch: python::fetch,
        run: python::run,
        read: outcome::of_pytest,
    },
];

impl Suite {
    fn named(name: &str) -> anyhow::Result<&'static Suite> {
        let found = SUITES.iter().find(|suite| suite.name == name);
        found.with_context(|| {
            let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            format!("no such suite {name:?}; there are {}", names.join(", "))
        })
    }

    /// Its place in the cache; whatever else decides what is in it is in `recipe`.
    fn folder(&self, places: &Places, recipe: &str) -> PathBuf {
        let fingerprint = crate::fingerprint::fingerprint(recipe);
        places.cache.join("suites").join(format!("{}-{}-{fingerprint:08x}", self.name, self.version))
    }
}

/// What a suite finds in its namespaces.
#[derive(Debug)]
struct Scene {
    /// As `fetch` gave them.
    programs: Vec<PathBuf>,
    server: PathBuf,
    etcdctl: PathBuf,
    side: Side,
    /// For data, logs and whatever else the suite writes.
    place: PathBuf,
    /// Of the workspace.
    root: PathBuf,
}

impl Scene {
    /// A server on etcd's own ports, which are free within the namespaces.
    fn start(&self, name: &str, flags: &[&str]) -> anyhow::Result<Server> {
        let place = self.place.join(name);
        fs::create_dir_all(&place)?;
        let plan = Plan { program: self.server.clone(), place, client_port: 2379, peer_port: 2380 };
        let mut command = plan.command();
        command.args(flags);
        let mut server = Server::spawn(command, &plan.log())?;
        server.wait_ready()?;
        Ok(server)
    }
}

/// Which suites were asked for; `None` if none was.
pub(super) fn take(args: &mut Args) -> anyhow::Result<Option<Wanted>> {
    let all = args.take_switch("--suites");
    let names: Vec<String> = args.take_values("--suite")?;
    let server: Option<String> = args.take_value("--server")?;
    if !all && names.is_empty() {
        return if server.is_some() {
            bail!("--server goes with --suites or --suite NAME")
        } else {
            Ok(None)
        };
    }
    let side = match server.as_deref() {
        None => Side::Ours,
        Some("etcd") => Side::Reference,
        Some(other) => bail!("--server {other}: only etcd, the reference"),
    };
    let named: Vec<&Suite> = names.iter().map(|name| Suite::named(name)).collect::<Result<_, _>>()?;
    Ok(Some(Wanted { suites: if all { SUITES.iter().collect() } else { named }, side }))
}

#[derive(Debug)]
pub(super) struct Wanted {
    suites: Vec<&'static Suite>,
    side: Side,
}

/// Runs the suites that are wanted against each server; one line each, and at the end the table.
pub(super) fn main(places: &Places, wanted: &Wanted, backends: &[Backend]) -> anyhow::Result<ExitCode> {
    let mut steps = Steps::new(places);
    let Some(clients) = steps.run(&Step::of("setup"), |_| Clients::prepare(places)) else {
        return Ok(steps.finish());
    };
    let servers = match wanted.side {
        // The lists say what it passes.
        Side::Reference => vec![("etcd-3.5.1".to_owned(), clients.etcd("3.5.1")?.program.clone())],
        Side::Ours => build_servers(places, backends, &mut steps),
    };
    for suite in &wanted.suites {
        let fetched = steps.run(&Step::with("fetch", suite.name), |_| (suite.fetch)(suite, places));
        for (server, program) in fetched.iter().flat_map(|_| &servers) {
            let scene = Scene {
                programs: fetched.clone().unwrap_or_default(),
                server: program.clone(),
                etcdctl: etcdctl(&clients)?,
                side: wanted.side,
                place: places.target.join("xtask-suites").join(format!("{}-{server}", suite.name)),
                root: places.root.clone(),
            };
            let step = Step::with("suite", format!("{} {server}", suite.name));
            steps.run(&step, |tally| run(suite, &scene, tally));
        }
    }
    Ok(steps.finish())
}

fn build_servers(places: &Places, backends: &[Backend], steps: &mut Steps) -> Vec<(String, PathBuf)> {
    let mut servers = Vec::new();
    for &backend in backends {
        let program = steps.run(&Step::with("build", backend), |_| {
            let ready = setup::prepare(places, &[backend])?;
            build::server(places, &ready, (backend, Profile::Dev))
        });
        servers.extend(program.map(|program| (backend.to_string(), program)));
    }
    servers
}

/// Of the time of the suites, which read what it prints.
fn etcdctl(clients: &Clients) -> anyhow::Result<PathBuf> {
    let found = clients.etcdctl.iter().find(|(version, _)| version.starts_with("3.5"));
    let (_, program) = found.context("an etcdctl 3.5 is there")?;
    Ok(program.clone())
}

/// Runs it once and holds it against its list.
fn run(suite: &Suite, scene: &Scene, tally: &mut Tally) -> anyhow::Result<()> {
    let expected = Expected::read(suite.list).with_context(|| format!("the list of {}", suite.name))?;
    if scene.place.is_dir() {
        fs::remove_dir_all(&scene.place).with_context(|| format!("empty {}", scene.place.display()))?;
    }
    fs::create_dir_all(&scene.place)?;
    let log = scene.place.join("suite.log");
    let ended = namespace::run(suite, scene, &log);
    let outcomes = (suite.read)(&fs::read_to_string(&log).unwrap_or_default());
    let surprises = expected.surprises(scene.side, &outcomes);
    for surprise in &surprises {
        println!("FAILED  {surprise}");
        tally.count(false);
    }
    tally.passed += u32::try_from(outcomes.len().saturating_sub(surprises.len()))?;
    println!("{} {}: {}; {}", suite.name, suite.version, outcomes.summary(), said_of(&surprises, &log));
    ended
}

fn said_of(surprises: &[String], log: &Path) -> String {
    match surprises.len() {
        0 => "all as listed".to_owned(),
        count => format!("{count} not as listed, see {}", log.display()),
    }
}
