//! Builds the server and becomes it: signals, exit code and terminal are the server's own. With `--nodes N` it starts a cluster
//! of so many members on this machine instead, as children in its own process group: Ctrl-C reaches all of them.

use std::env;
use std::io::{IsTerminal, stderr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::args::Args;
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::places::Places;
use crate::setup;

/// The port of a seventh would have six digits.
const MEMBERS_MAX: usize = 6;

pub(crate) fn main(places: &Places, mut args: Args) -> anyhow::Result<ExitCode> {
    let backend = args.take_value("--backend")?.unwrap_or(Backend::RocksDb);
    let nodes: usize = args.take_value("--nodes")?.unwrap_or(1);
    let profile = Profile::take(&mut args);
    let mut arguments = args.take_passed_on();
    args.finish()?;
    let ready = setup::prepare(places, &[backend])?;
    let program = build::server(places, &ready, (backend, profile))?;
    if reads_console(&arguments) {
        arguments.insert(0, "--log-format=console".to_owned());
    }
    if nodes > 1 {
        return run_cluster(&program, nodes, &arguments);
    }
    eprintln!("starting {} {}", program.display(), arguments.join(" "));
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("start {}", program.display()))
}

/// A cluster on the ports that etcd's own example uses: members at 2379, 22379, 32379, ..., each with the peer port above.
fn run_cluster(program: &Path, nodes: usize, arguments: &[String]) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(nodes <= MEMBERS_MAX, "--nodes is {MEMBERS_MAX} at most: the ports end there");
    let client = |node: usize| if node == 1 { 2379 } else { node * 10_000 + 2379 };
    let peer = |node: usize| format!("http://127.0.0.1:{}", client(node) + 1);
    let pairs: Vec<String> = (1..=nodes).map(|node| format!("n{node}={}", peer(node))).collect();
    let mut children = Vec::new();
    for node in 1..=nodes {
        let url = format!("http://127.0.0.1:{}", client(node));
        let own = [
            format!("--name=n{node}"),
            format!("--data-dir=n{node}.etcd"),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            format!("--listen-peer-urls={}", peer(node)),
            format!("--initial-advertise-peer-urls={}", peer(node)),
            format!("--initial-cluster={}", pairs.join(",")),
        ];
        eprintln!("starting {} {}", program.display(), own.join(" "));
        let child = Command::new(program).args(own).args(arguments).spawn();
        children.push(child.with_context(|| format!("start {}", program.display()))?);
    }
    let endpoints: Vec<String> = (1..=nodes).map(|node| format!("127.0.0.1:{}", client(node))).collect();
    eprintln!("etcdctl --endpoints {}", endpoints.join(","));
    let mut is_well = true;
    for child in &mut children {
        is_well &= child.wait().context("wait for a member")?.success();
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a person reads the log and has not chosen its form. One setting in a flag and in the
/// environment is fatal to the server, as it is to etcd.
fn reads_console(arguments: &[String]) -> bool {
    let chosen = arguments.iter().any(|word| word.contains("log-format") || word.contains("config-file"));
    let variables = ["ETCD_LOG_FORMAT", "QUORATE_LOG_FORMAT", "ETCD_CONFIG_FILE", "QUORATE_CONFIG_FILE"];
    stderr().is_terminal() && !chosen && variables.iter().all(|name| env::var_os(name).is_none())
}
