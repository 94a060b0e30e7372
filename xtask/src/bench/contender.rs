//! Who is measured.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};

use crate::args::Args;
use crate::backend::Backend;
use crate::build::{self, Profile};
use crate::places::Places;
use crate::setup::{self, Clients, Etcd};

/// A server that takes etcd's flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    /// It is only measured against: what it loses is said, but is not our failure.
    pub(crate) is_reference: bool,
}

/// What the command line said about them.
#[derive(Debug)]
pub(crate) struct Choice {
    named: Vec<Contender>,
    backends: Vec<Backend>,
    etcds: Etcds,
}

/// Which of the etcds that are here are measured against.
#[derive(Debug)]
enum Etcds {
    All,
    Newest,
    Version(String),
    None,
}

impl Contender {
    fn reference(etcd: &Etcd) -> Contender {
        Contender { name: etcd.to_string(), program: etcd.program.clone(), is_reference: true }
    }
}

impl FromStr for Contender {
    type Err = anyhow::Error;

    /// `NAME=PROGRAM`, or only the program.
    fn from_str(text: &str) -> anyhow::Result<Contender> {
        let (name, program) = text.split_once('=').unwrap_or(("quorate", text));
        if name.is_empty() || program.is_empty() {
            bail!("not NAME=PROGRAM");
        }
        Ok(Contender { name: name.to_owned(), program: PathBuf::from(program), is_reference: false })
    }
}

impl Choice {
    pub(crate) fn take(args: &mut Args) -> anyhow::Result<Choice> {
        let version: Option<String> = args.take_value("--etcd")?;
        let etcds = if args.take_switch("--ours-only") {
            Etcds::None
        } else {
            version.map_or(Etcds::All, Etcds::Version)
        };
        Ok(Choice { named: args.take_values("--server")?, backends: Backend::take_all(args)?, etcds })
    }

    /// Beside the newest etcd alone, if the command line does not say otherwise.
    pub(crate) fn beside_newest(self) -> Choice {
        let etcds = if matches!(self.etcds, Etcds::All) { Etcds::Newest } else { self.etcds };
        Choice { etcds, ..self }
    }

    /// etcd first, the newest one of it, since ratios are to the first.
    pub(crate) fn contenders(self, places: &Places) -> anyhow::Result<Vec<Contender>> {
        let mut contenders = Vec::new();
        if !matches!(self.etcds, Etcds::None) {
            let clients = Clients::prepare(places)?;
            let etcds = match &self.etcds {
                Etcds::All => &clients.etcds,
                Etcds::Version(version) => std::slice::from_ref(clients.etcd(version)?),
                Etcds::Newest | Etcds::None => std::slice::from_ref(clients.reference()),
            };
            contenders.extend(etcds.iter().map(Contender::reference));
        }
        if self.named.is_empty() {
            let ready = setup::prepare(places, &self.backends)?;
            for backend in self.backends {
                let program = build::server(places, &ready, (backend, Profile::Release))?;
                contenders.push(Contender { name: backend.to_string(), program, is_reference: false });
            }
        }
        for named in self.named {
            let program = named.program.canonicalize();
            let program = program.with_context(|| format!("find {}", named.program.display()))?;
            contenders.push(Contender { program, ..named });
        }
        Ok(contenders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_a_name() {
        let of = |name: &str, program: &str| Contender {
            name: name.to_owned(),
            program: program.into(),
            is_reference: false,
        };
        assert_eq!("a=/b/c=d".parse::<Contender>().unwrap(), of("a", "/b/c=d"));
        assert_eq!("/b/c".parse::<Contender>().unwrap(), of("quorate", "/b/c"));
        assert!("=x".parse::<Contender>().is_err());
    }
}
