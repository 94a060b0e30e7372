//! One run of a suite in namespaces of its own: its own loopback, its own processes. U3: they end with it (`sandbox`).

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};

use super::super::script::Side;
use super::{Scene, Suite};
use crate::args::Args;
use crate::command;
use crate::places::Places;
use crate::sandbox;
use crate::server::Server;

/// Everything that is printed goes to `log`.
pub(super) fn run(suite: &Suite, scene: &Scene, log: &Path) -> anyhow::Result<()> {
    let mut command = sandbox::command();
    command.arg(env::current_exe()?).args(["compat", "--inside", suite.name]);
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
