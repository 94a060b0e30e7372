//! `cargo xtask`: what the project does besides compiling.
//!
//! It is the first thing that is compiled on every machine, so it leans on very little; whatever speaks
//! gRPC is the separate program `quorate-load`. Every subcommand that needs a compiled server runs
//! `setup` first, so nothing has to be remembered.
//!
//! Laws: X1 it ends only processes that it started, by their id. X2 all traffic stays on 127.0.0.1 or
//! in a network namespace of our own; on 127.0.0.1 ports are free ones (`run` alone uses etcd's 2379). X3 a child never outlives the guard that holds it.

mod args;
mod backend;
mod bench;
mod budget;
mod build;
mod chaos;
mod cluster;
mod command;
mod compat;
mod differ;
mod fingerprint;
mod load;
mod places;
mod random;
mod run;
mod sandbox;
mod server;
mod setup;
mod sim;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

use args::Args;
use places::Places;

const HELP: &str = "\
cargo xtask COMMAND

  run     [--backend rocksdb|memory] [--release] [--nodes N] [-- SERVER ARGUMENTS]
          builds the server and starts it on 127.0.0.1:2379; its data is ./default.etcd. With --nodes 3 a cluster:
          127.0.0.1:2379, 22379 and 32379, data in ./n1.etcd, n2.etcd and n3.etcd
  build   --backend rocksdb|memory [--release]
          builds the server; the last line on stdout is the path of the binary
  test    formatting, tidy, clippy and every test of the workspace
  tidy    the project's own rules: who may use whom, banned calls, module essays
  sim     [--seeds N] [--first S] | --seed S | --scenario FILE [--seed S]
          a whole cluster in one process, in virtual time: crashes, cuts, stopped processes, changes of members,
          and what clients are told is judged. A seed that fails is its own replay; 100 seeds if nobody says how many.
          Scenarios are in crates/simulation/scenarios; src/script.rs there tells their words

  setup   [--compat]
          finds or installs what a build needs; every other command does this itself. With --compat also the
          real etcds and their clients: 3.5.1 from PyPI, 3.4 from Debian, and 3.7.1 if there is a Go of 1.26 to build it.
          The first time it compiles RocksDB, which takes about 16 minutes on two cores
  compat  [--quick] [--backend B]
          real etcdctl 3.4, 3.5 and 3.7 against our server, then crashes, refusals and the systemd unit
  compat  --suites | --suite NAME [--backend B] [--server etcd]
          the tests of etcd clients (etcd-client, aetcd, etcd-client-py, etcd3gw) against our server, or against
          etcd 3.5.1; fetches them the first time, and needs root or user namespaces
  chaos   --kills N | --disk-full | --leader-kills N | --cluster, with [--backend B] [--seed S]
          SIGKILL under load, again and again; every acknowledged write must be there.
          --server PROGRAM does it to any server with etcd's flags, etcd itself for one.
          --leader-kills: three members, written to and watched with etcdctl, lose their leader. --cluster: members in
          networks of their own are killed, stopped, cut off and more, and what clients saw is judged; `chaos --help`
  differ  [--ops N] [--seed S] [--backend B] | --replay FILE
          the same random histories for etcd 3.7.1 and our server; every field of every answer
          must be the same. `differ --help` lists its options
  bench   [--workload put,watch] [--quick] [--server NAME=PROGRAM]
          rate, latency and server CPU per operation beside etcd 3.7.1 and 3.5.1 in the same run;
          `bench --help` lists its workloads and options

Without --backend, `compat`, `chaos`, `differ` and `bench` take both and the others take rocksdb.
Downloads and the RocksDB library are kept in $QUORATE_CACHE, else ~/.cache/quorate.";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    match dispatch(&command, words.collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, words: Vec<String>) -> anyhow::Result<ExitCode> {
    let wants_help = words.iter().any(|word| word == "--help");
    let help = [("bench", bench::HELP), ("chaos", chaos::cluster::HELP), ("differ", differ::HELP)];
    if let Some((_, help)) = help.iter().find(|(name, _)| wants_help && *name == command) {
        println!("{help}");
        return Ok(ExitCode::SUCCESS);
    }
    if matches!(command, "" | "help" | "-h" | "--help") || wants_help {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let args = Args::new(words);
    let places = Places::find()?;
    match command {
        "setup" => setup::main(&places, args),
        "build" => build::main(&places, args),
        "run" => run::main(&places, args),
        "test" => test::main(&places, args),
        "tidy" => tidy::main(&places, args),
        "compat" => compat::main(&places, args),
        "chaos" => chaos::main(&places, args),
        "differ" => differ::main(&places, args),
        "bench" => bench::main(&places, args),
        "sim" => sim::main(&places, args),
        _ => anyhow::bail!("no such command; `cargo xtask` lists them"),
    }
}
