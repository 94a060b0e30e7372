//! `cargo xtask compat`: real clients and real process life against our server, on every backend.
//!
//! The script runs against etcd first: an expectation that etcd itself does not meet is our mistake.

mod golang;
mod process;
mod readme;
mod script;
mod suites;
mod unit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::Args;
use crate::backend::{BACKENDS, Backend};
use crate::build::{self, Profile};
use crate::chaos;
use crate::differ;
use crate::load::Load;
use crate::places::Places;
use crate::random;
use crate::server::Plan;
use crate::setup::{self, Clients, Ready};
use crate::steps::{Step, Steps, Tally};
use golang::Golang;
use script::{Client, Side};

/// Crashes under load per backend: the quick look, and the long one.
const KILLS_QUICK: u32 = 5;
const KILLS: u32 = 20;

/// A server binary and what it is.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) backend: Backend,
    pub(crate) program: PathBuf,
}

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    if let Some(suite) = args.take_value::<String>("--inside")? {
        return suites::inside(places, &suite, args);
    }
    let quick = args.take_switch("--quick");
    let wanted = suites::take(&mut args)?;
    let backends = Backend::take_all(&mut args)?;
    args.finish()?;
    if let Some(wanted) = wanted {
        return suites::main(places, &wanted, &backends);
    }
    all(places, quick, &backends)
}

/// What CI runs: the scripts, the life of the process, the unit, crashes.
fn all(places: &Places, quick: bool, backends: &[Backend]) -> anyhow::Result<ExitCode> {
    let mut steps = Steps::new(places);
    let prepared =
        steps.run(&Step::of("setup"), |_| Ok((setup::prepare(places, &BACKENDS)?, Clients::fetch(places)?)));
    let Some((ready, mut clients)) = prepared else { return Ok(steps.finish()) };
    steps.run(&Step::of("build etcd"), |_| {
        clients.build(places);
        Ok(())
    });
    let clients = clients;
    let etcd = clients.reference();
    for (version, program) in &clients.etcdctl {
        let step = Step::with("reference", format!("{etcd} etcdctl {version}"));
        steps.run(&step, |tally| run_script((&etcd.program, Side::Reference), (version, program), tally));
    }
    let golang = if quick { None } else { steps.run(&Step::of("build go"), |_| Golang::build(places)) };
    if let Some(golang) = &golang {
        steps.run(&Step::with("reference", format!("{etcd} go")), |tally| golang.check(&etcd.program, tally));
    }
    let load =
        steps.run(&Step::of("build load"), |_| build::load(places, &ready, Profile::Dev)).map(Load::new);
    // Both are needed even for one of them: each must refuse the other's directory.
    let servers = build_servers(places, &ready, &mut steps);
    for built in servers.iter().filter(|built| backends.contains(&built.backend)) {
        let other = servers.iter().find(|other| other.backend == built.backend.other());
        check(&mut steps, &Subject { built, other, clients: &clients, root: &places.root });
        if let Some(golang) = &golang {
            steps.run(&Step::with("go", built.backend), |tally| golang.check(&built.program, tally));
        }
        if let Some(load) = &load {
            let programs = differ::Programs { etcd, ours: &built.program, load: load.program() };
            steps.run(&Step::with("differ", built.backend), |tally| differ::step(places, programs, tally));
            let kills = chaos::Kills { times: if quick { KILLS_QUICK } else { KILLS }, seed: random::seed() };
            steps.run(&Step::with("kills", built.backend), |tally| {
                chaos::kills(&built.into(), load, &kills, tally)
            });
            let storm = chaos::cluster::Storm::small();
            steps.run(&Step::with("cluster", built.backend), |tally| {
                chaos::cluster::check(&built.into(), load.program(), &storm, tally)
            });
        }
    }
    Ok(steps.finish())
}

fn build_servers(places: &Places, ready: &Ready, steps: &mut Steps) -> Vec<Built> {
    let mut servers = Vec::new();
    for backend in BACKENDS {
        let step = Step::with("build", backend);
        let program = steps.run(&step, |_| build::server(places, ready, (backend, Profile::Dev)));
        servers.extend(program.map(|program| Built { backend, program }));
    }
    servers
}

/// One server, and everything it is held against.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) built: &'a Built,
    pub(crate) other: Option<&'a Built>,
    pub(crate) clients: &'a Clients,
    /// Of the workspace, for the files below `deploy`.
    pub(crate) root: &'a Path,
}

fn check(steps: &mut Steps, subject: &Subject<'_>) {
    let backend = subject.built.backend;
    for (version, program) in &subject.clients.etcdctl {
        let step = Step::with("etcdctl", format!("{version} {backend}"));
        steps.run(&step, |tally| run_script((&subject.built.program, Side::Ours), (version, program), tally));
    }
    steps.run(&Step::with("process", backend), |tally| process::check(subject, tally));
    steps.run(&Step::with("unit", backend), |tally| unit::check(subject, tally));
    steps.run(&Step::with("readme", backend), |tally| readme::check(subject, tally));
}

/// A fresh server per etcdctl and script, so that a script can name revisions.
fn run_script(
    (server, side): (&Path, Side),
    (version, etcdctl): (&str, &Path),
    tally: &mut Tally,
) -> anyhow::Result<()> {
    for script in script::ALL {
        let place = tempfile::tempdir()?;
        let plan = Plan::new(server, place.path())?;
        let running = plan.start()?;
        let client =
            Client { program: etcdctl.to_owned(), version: version.to_owned(), endpoint: plan.endpoint() };
        script::run(script, (&client, side), tally)?;
        drop(running);
    }
    Ok(())
}

/// The newest etcdctl, talking to the server of `plan`.
pub(crate) fn newest_client(clients: &Clients, plan: &Plan) -> Option<Client> {
    let (version, program) = clients.etcdctl.last()?;
    Some(Client { program: program.clone(), version: version.clone(), endpoint: plan.endpoint() })
}
