//! Several members of one cluster as processes: on the loopback at free ports, or each at an address of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::server::{self, Server};

/// A leader hands over first.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Where a member listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) client_port: u16,
    pub(crate) peer_port: u16,
}

/// How a member's process is started, besides its own arguments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// What stands before the program: it becomes the program, so that the process keeps its id.
    pub(crate) words: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    /// Where the data is, if not beside the logs.
    pub(crate) disk: Option<PathBuf>,
}

/// A seat in the cluster, with the process that holds it now, if one does.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) surroundings: Surroundings,
    program: PathBuf,
    place: PathBuf,
    /// `--initial-cluster`.
    founders: String,
    /// How often its process was started: each has a log of its own.
    lives: u32,
    /// How often it joined with an empty directory.
    joins: u32,
    server: Option<Server>,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
}

impl Address {
    /// Free ports on the loopback.
    pub(crate) fn local() -> anyhow::Result<Address> {
        let [client_port, peer_port] = server::free_ports()?;
        Ok(Address { host: "127.0.0.1".to_owned(), client_port, peer_port })
    }

    /// As etcdctl wants it.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}:{}", self.host, self.client_port)
    }

    pub(crate) fn client_url(&self) -> String {
        format!("http://{}", self.endpoint())
    }

    pub(crate) fn peer_url(&self) -> String {
        format!("http://{}:{}", self.host, self.peer_port)
    }
}

impl Cluster {
    /// Members n1, n2, ... that found a cluster; nothing is started. Everything of theirs is below `place`.
    pub(crate) fn new(program: &Path, place: &Path, addresses: Vec<Address>) -> Cluster {
        let names = (1..=addresses.len()).map(|number| format!("n{number}"));
        let named: Vec<(String, Address)> = names.zip(addresses).collect();
        let pairs: Vec<String> =
            named.iter().map(|(name, address)| format!("{name}={}", address.peer_url())).collect();
        let member = |(name, address): (String, Address)| Member {
            place: place.join(&name),
            name,
            address,
            surroundings: Surroundings::default(),
            program: program.to_owned(),
            founders: pairs.join(","),
            lives: 0,
            joins: 0,
            server: None,
        };
        Cluster { members: named.into_iter().map(member).collect() }
    }

    /// Starts all members and waits until all of them serve: founders wait for each other.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.members.iter_mut().try_for_each(Member::spawn)?;
        self.members.iter_mut().try_for_each(Member::wait_ready)
    }

    /// As etcdctl wants them.
    pub(crate) fn endpoints(&self) -> String {
        let endpoints: Vec<String> = self.members.iter().map(|member| member.address.endpoint()).collect();
        endpoints.join(",")
    }
}

impl Member {
    /// Starts it on its directory.
    pub(crate) fn spawn(&mut self) -> anyhow::Result<()> {
        ensure!(self.server.is_none(), "{} runs already", self.name);
        fs::create_dir_all(&self.place).with_context(|| format!("make {}", self.place.display()))?;
        self.lives += 1;
        let log = self.log();
        self.server = Some(Server::spawn(self.command(), &log)?);
        Ok(())
    }

    pub(crate) fn wait_ready(&mut self) -> anyhow::Result<()> {
        let name = self.name.clone();
        self.server()?.wait_ready().with_context(|| format!("{name} starts"))
    }

    /// Starts it and waits until it serves.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.spawn()?;
        self.wait_ready()
    }

    /// SIGKILL, as a power cut would end it.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => server.kill(),
            None => Ok(()),
        }
    }

    /// It has ended by itself: there is nothing to signal any more.
    pub(crate) fn bury(&mut self) {
        self.server = None;
    }

    /// SIGTERM, and waits for its end.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let server = self.server()?;
        server.terminate()?;
        server.wait_exit(STOP_WITHIN)?;
        self.server = None;
        Ok(())
    }

    pub(crate) fn server(&mut self) -> anyhow::Result<&mut Server> {
        self.server.as_mut().with_context(|| format!("{} does not run", self.name))
    }

    /// Whether it has a process that has not ended by itself.
    pub(crate) fn is_running(&mut self) -> anyhow::Result<bool> {
        self.server.as_mut().map_or(Ok(false), Server::is_running)
    }

    pub(crate) fn final_lines(&self) -> String {
        self.server.as_ref().map(Server::final_lines).unwrap_or_default()
    }

    /// The next start is that of a new member with nothing, which joins under the same name and URLs.
    pub(crate) fn renew(&mut self) {
        self.joins += 1;
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        let disk = self.surroundings.disk.as_ref().unwrap_or(&self.place);
        disk.join(format!("data{}", self.joins))
    }

    /// Of its newest life.
    pub(crate) fn log(&self) -> PathBuf {
        self.place.join(format!("life{:03}.log", self.lives))
    }

    fn command(&self) -> Command {
        let mut words = self.surroundings.words.iter();
        let mut command = match words.next() {
            Some(first) => Command::new(first),
            None => Command::new(&self.program),
        };
        if !self.surroundings.words.is_empty() {
            command.args(words).arg(&self.program);
        }
        let (client, peer) = (self.address.client_url(), self.address.peer_url());
        let state = if self.joins == 0 { "new" } else { "existing" };
        command.env_clear().envs(self.surroundings.variables.iter().cloned());
        command.arg("--data-dir").arg(self.data_dir());
        command.args(["--name", &self.name, "--initial-cluster", &self.founders]);
        command.args(["--initial-cluster-state", state]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command
    }
}
