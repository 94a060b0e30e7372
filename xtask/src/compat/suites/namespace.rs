//! Namespaces for one run of a suite: its own loopback, its own processes.
//!
//! This program runs itself again within them, as `chaos --disk-full` does. They are made by `unshare` and not by
//! `ip netns add`: they have no name that could be left behind, and the processes go with them when the first one ends.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use super::super::script::Side;
use super::{Scene, Suite};
use crate::args::Args;
use crate::command;
use crate::places::Places;
use crate::server::Server;

/// U3: when this program ends, however it ends, `unshare` is killed; then the first process within is, and with it all
/// others.
const MAKERS: [&str; 10] = [
    "--pdeathsig",
    "KILL",
    "--",
    "unshare",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--mount",
];

/// Everything that is printed goes to `log`.
pub(super) fn run(suite: &Suite, scene: &Scene, log: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("setpriv");
    command.args(MAKERS);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--").arg(env::current_exe()?).args(["compat", "--inside", suite.name]);
    command.arg("--for").arg(&scene.server).arg("--etcdctl").arg(&scene.etcdctl);
    command.arg("--place").arg(&scene.place);
    for program in &scene.programs {
        command.arg("--program").arg(program);
    }
    if scene.side == Side::Reference {
        command.arg("--reference");
    }
    let mut within = Server::spawn(command, log)?;
    let status = within.wait_exit(suite.limit).context("the suite has not come to its end")?;
    ensure!(status.success(), "it broke off ({status}); it said:\n{}", within.final_lines());
    Ok(())
}

/// What runs within.
pub(crate) fn inside(places: &Places, name: &str, mut args: Args) -> anyhow::Result<ExitCode> {
    let scene = Scene {
        programs: args.take_values("--program")?,
        server: args.take_value("--for")?.context("--for")?,
        etcdctl: args.take_value("--etcdctl")?.context("--etcdctl")?,
        side: if args.take_switch("--reference") { Side::Reference } else { Side::Ours },
        place: args.take_value("--place")?.context("--place")?,
        root: places.root.clone(),
    };
    args.finish()?;
    let suite = Suite::named(name)?;
    command::run(Command::new("ip").args(["link", "set", "lo", "up"]))
        .context("ip is iproute2's: the loopback of a new namespace is down")?;
    (suite.run)(suite, &scene)?;
    Ok(ExitCode::SUCCESS)
}
