//! A server process that we started: ours, or a real etcd, which takes the same flags.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Both print it, as a JSON line's `msg`, when clients are served.
const READY: &str = "ready to serve client requests";
/// Recovery of a large directory on a slow disk; an empty one takes a fraction of a second.
const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// What to start and where.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    /// Holds the data directory, the log and whatever else a check writes.
    pub(crate) place: PathBuf,
    pub(crate) client_port: u16,
    pub(crate) peer_port: u16,
}

impl Plan {
    /// Free ports on the loopback; everything below `place`.
    pub(crate) fn new(program: &Path, place: &Path) -> anyhow::Result<Plan> {
        let [client_port, peer_port] = free_ports()?;
        Ok(Plan { program: program.to_owned(), place: place.to_owned(), client_port, peer_port })
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.place.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.place.join("server.log")
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port)
    }

    pub(crate) fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    /// The command line; the environment holds nothing but what the program needs to be found.
    pub(crate) fn command(&self) -> Command {
        let (client, peer) = (self.endpoint(), self.peer_url());
        let mut command = Command::new(&self.program);
        command.env_clear().arg("--data-dir").arg(self.data_dir());
        command.args([
            "--name",
            "default",
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}")]);
        command
    }

    /// Starts it and waits until it serves.
    pub(crate) fn start(&self) -> anyhow::Result<Server> {
        let mut server = Server::spawn(self.command(), &self.log())?;
        server.wait_ready()?;
        Ok(server)
    }

    /// Starts it where it must refuse: its exit status and everything it printed.
    pub(crate) fn refused(&self, log: &Path) -> anyhow::Result<(ExitStatus, String)> {
        let mut server = Server::spawn(self.command(), log)?;
        let status = server.wait_exit(Duration::from_secs(10)).context("it should have refused to start")?;
        Ok((status, server.log_text()))
    }
}

/// Different ports that were free a moment ago.
pub(crate) fn free_ports<const COUNT: usize>() -> anyhow::Result<[u16; COUNT]> {
    let mut held = Vec::new();
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    pub(crate) fn spawn(mut command: Command, log: &Path) -> anyhow::Result<Server> {
        let output = File::create(log).with_context(|| format!("write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("start {}", crate::command::line(&command)))?;
        Ok(Server { child, log: log.to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn wait_ready(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.log_text().contains(READY) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it was ready ({status}); it said:\n{}", self.final_lines());
            }
            if begun.elapsed() > READY_WITHIN {
                bail!("no {READY:?} within {READY_WITHIN:?}; it said:\n{}", self.final_lines());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Its end, if it comes in time.
    pub(crate) fn wait_exit(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > within {
                bail!("still running after {within:?}; it said:\n{}", self.final_lines());
            }
            thread::sleep(POLL);
        }
    }

    pub(crate) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    pub(crate) fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// SIGKILL, as a power cut would end it.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        Ok(())
    }

    /// X1: the id is that of our own child, which is not yet waited for.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).with_context(|| format!("signal process {}", self.child.id()))
    }

    pub(crate) fn final_lines(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
