//! Programs in Go on etcd's own client library: locks and elections, by its recipes and by the server's services.
//!
//! What each prints stands beside it, in `expected.txt`. Like the script they run against etcd first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::command;
use crate::places::Places;
use crate::server::Plan;
use crate::steps::Tally;

const MODULE: &str = "xtask/compat/go/lock";
const PROGRAMS: [&str; 3] = ["sessions", "lockservice", "electionservice"];

/// The programs, and where their sources are.
#[derive(Debug)]
pub(crate) struct Golang {
    programs: PathBuf,
    module: PathBuf,
}

impl Golang {
    /// Fetches the modules that `go.sum` pins, and builds. The first time: 10 s to fetch, a minute and a half of two cores.
    pub(crate) fn build(places: &Places) -> anyhow::Result<Golang> {
        ensure!(command::exists("go"), "go is not on the path; `--quick` does without");
        let (programs, module) = (places.target.join("compat-go"), places.root.join(MODULE));
        fs::create_dir_all(&programs)?;
        let mut go = Command::new("go");
        go.args(["build", "-mod=readonly", "-o"]).arg(&programs).arg("./...").current_dir(&module);
        command::run(&mut go)?;
        Ok(Golang { programs, module })
    }

    /// Each program against a server of its own.
    pub(crate) fn check(&self, server: &Path, tally: &mut Tally) -> anyhow::Result<()> {
        for program in PROGRAMS {
            let place = tempfile::tempdir()?;
            let plan = Plan::new(server, place.path())?;
            let running = plan.start()?;
            let outcome = self.run(program, &plan);
            tally.count(outcome.is_ok());
            match outcome {
                Ok(()) => println!("ok      {program}"),
                Err(error) => println!("FAILED  {program}: {error:#}"),
            }
            drop(running);
        }
        Ok(())
    }

    fn run(&self, program: &str, plan: &Plan) -> anyhow::Result<()> {
        let expected = self.module.join(program).join("expected.txt");
        let expected =
            fs::read_to_string(&expected).with_context(|| format!("read {}", expected.display()))?;
        let printed = command::text(Command::new(self.programs.join(program)).arg(plan.endpoint()))?;
        ensure!(printed == expected.trim_end(), "expected\n{expected}it printed\n{printed}");
        Ok(())
    }
}
